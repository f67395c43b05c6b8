"""`phototag train` as its users run it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from phototag.bundle import find_network, load_bundle
from phototag.cli.train import _request
from phototag.cli.train import command as train_command
from phototag.metadata import open_writer
from phototag.records import Memory, PhotoRef
from phototag.train import Request
from phototag.train.request import Sweep
from tests.conftest import Run
from tests.train.labelled import save_patterns


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return save_patterns(tmp_path / "my labels", 6, ("stripes", "noise"))


def test_a_model_is_trained_reported_and_used(phototag: Run, labelled: Path, home: Path, tmp_path: Path) -> None:
    run = phototag("train", labelled)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "category  learned  checked  precision  recall" in run.stdout
    assert "Learned from 12 photos, checked with 12 photos (held out in turn)." in run.stdout
    assert run.stdout.endswith("  phototag scan --model my-labels ~/Pictures\n")
    assert "report.html there shows what it knows" in run.stdout
    assert load_bundle(home / "models" / "my-labels").name == "my-labels"
    library = save_patterns(tmp_path / "library", 1, ("stripes",))
    scanned = phototag("scan", "--model", "my-labels", "--dry-run", "--min-confidence", "0", library)
    assert scanned.returncode == 0, scanned.stderr


def test_figures_and_failures_come_as_json_with_exit_code_1(phototag: Run, labelled: Path, tmp_path: Path) -> None:
    (labelled / "noise" / "bad.jpg").write_bytes(b"no photo")
    run = phototag("train", labelled, "--json", "--name", "mine", "--output", tmp_path / "here", "--epochs", "3")
    assert run.returncode == 1
    answer = json.loads(run.stdout)
    assert answer["name"] == "mine"
    assert load_bundle(tmp_path / "here").fingerprint == answer["fingerprint"]
    assert answer["metrics"]["learned"] == 12
    assert [Path(failed["path"]).name for failed in answer["failed"]] == ["bad.jpg"]
    assert run.stderr.startswith(f"{labelled}/noise/bad.jpg: not a photo")


def test_a_model_is_learned_from_keywords(phototag: Run, labelled: Path) -> None:
    writer = open_writer()
    for path in labelled.glob("*/*.jpg"):
        ref = PhotoRef(str(path), path.stat().st_size, path.stat().st_mtime_ns)
        writer.apply(writer.plan(ref, [path.parent.name], Memory(frozenset())))
    run = phototag("train", "--from-keywords", labelled, "--min-photos", "6", "--epochs", "2", "--name", "mine")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("12 photos looked at; 0 keywords not learned.\n")
    assert "Learned from 12 photos" in run.stdout


def test_a_precision_that_a_few_photos_cannot_promise_is_said_to_be_none(phototag: Run, labelled: Path) -> None:
    run = phototag("train", labelled, "--epochs", "2", "--precision", "0.95")
    assert run.returncode == 0, run.stderr
    table = run.stdout.partition("For a precision of 0.95:\n")[2].splitlines()
    assert table[0].split() == ["category", "said", "from", "recall", "without"]
    assert [line.split()[0] for line in table[1:3]] == ["noise", "stripes"]
    assert all(line.endswith("too few photos to promise") for line in table[1:3])


def test_a_model_put_elsewhere_is_used_by_its_folder(phototag: Run, labelled: Path, tmp_path: Path) -> None:
    run = phototag(
        "train",
        labelled,
        "--output",
        tmp_path / "here",
        "--fine-tune",
        "off",
        "--epochs",
        "2",
        "--inner-units",
        "8",
        "--dropout",
        "0.1",
        "--learning-rate",
        "0.002",
        "--stop-at-accuracy",
        "0.999",
        "--tune",
    )
    assert run.returncode == 0, run.stderr
    assert f"phototag scan --model {tmp_path / 'here'} ~/Pictures" in run.stdout
    settings = load_bundle(tmp_path / "here").settings
    assert (settings["epochs"], settings["hidden"], settings["dropout"], settings["learning_rate"]) == (
        2,
        8,
        0.1,
        0.002,
    )
    assert settings["stop_at_accuracy"] == 0.999
    # What was given is not varied.
    assert "Tried the head with 0 other settings; none did better than the usual ones.\n" in run.stdout
    assert [one["hidden"] for one in settings["tried"]["tried"]] == [8]
    assert "Settings that were tried" in (tmp_path / "here" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(["{empty}"], 6, "give each category a folder", id="an empty folder"),
        pytest.param(["{photos}", "--words", "dog"], 2, "go with --from-keywords", id="words without keywords"),
        pytest.param(["{photos}", "--from-keywords"], 6, "is on 20 photos: there are none", id="no keywords"),
        pytest.param(["{one}"], 6, "two categories are needed", id="one category"),
        pytest.param(["{missing}"], 2, "does not exist", id="no such folder"),
        pytest.param(["{photos}", "--name", "imagenet"], 2, "built-in model", id="the built-in model's name"),
        pytest.param(["{photos}", "--name", "..."], 2, "--name", id="a name of nothing but dots"),
        pytest.param(["{photos}", "--labels", "{photos}/x.csv"], 2, "does not exist", id="no such CSV file"),
        pytest.param(["{photos}", "--validation", "{one}"], 6, "no photos to learn from: dots", id="unknown category"),
        pytest.param(["{photos}", "--output", "{photos}"], 4, "choose another --output", id="output not empty"),
        pytest.param(["{photos}", "--network", "resnet"], 2, "efficientnet-lite0", id="unknown network"),
        pytest.param(["{photos}", "--weights", "none"], 2, "goes with --backbone", id="weights of no network"),
        pytest.param(
            ["{photos}", "--backbone", "Small-CNN", "--fine-tune", "off"], 2, "must be trained", id="nothing learned"
        ),
        pytest.param(["{photos}", "--backbone", "small-cnn", "--tune"], 2, "sees nothing yet", id="nothing to tune"),
        pytest.param(["{photos}", "--image-size", "5"], 2, "--image-size", id="too small a square"),
        pytest.param(["{photos}", "--time-budget", "soon"], 2, "say 90s, 30m, 2h", id="no time"),
        pytest.param(["{photos}", "--augment", "flip,blur"], 2, "unknown: blur", id="unknown change"),
        pytest.param(["{photos}", "--dropout", "1"], 2, "--dropout", id="everything dropped out"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line_and_an_exit_code(
    options: list[str], code: int, message: str, phototag: Run, labelled: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    one = save_patterns(tmp_path / "one", 2, ("stripes",))
    (one / "stripes").rename(one / "dots")
    places = {"photos": labelled, "one": one, "empty": tmp_path / "empty", "missing": tmp_path / "missing"}
    run = phototag("train", *(option.format(**places) for option in options))
    assert run.returncode == code, run.stderr
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert code == 2 or run.stderr.count("\n") == 1


def test_quiet_says_nothing_and_warnings_stay(phototag: Run, labelled: Path) -> None:
    os.link(labelled / "noise" / "0.jpg", labelled / "stripes" / "copy.jpg")
    run = phototag("train", labelled, "--quiet", "--epochs", "2")
    assert run.returncode == 0
    assert run.stdout == ""
    (warning,) = run.stderr.splitlines()
    assert "the same photo is in different categories" in warning


def test_clothing_is_learned_to_82_percent_and_again_from_the_cache(phototag: Run, real_photos: Path) -> None:
    clothing = real_photos / "clothing"
    runs = [
        phototag("train", clothing / "train", "--validation", clothing / "validation", "--fine-tune", "off", "--json")
        for _ in range(2)
    ]
    first, second = (json.loads(run.stdout) for run in runs)
    assert first["metrics"]["accuracy"] >= 0.82
    assert first["fingerprint"] == second["fingerprint"]


def test_the_network_is_fine_tuned_as_asked_and_not_kept_if_that_is_not_better(phototag: Run, tmp_path: Path) -> None:
    labelled = save_patterns(tmp_path / "both", 10, ("stripes", "noise"))
    check = save_patterns(tmp_path / "check", 1, ("stripes", "noise"))
    options = [
        "--validation",
        check,
        "--fine-tune",
        "on",
        "--epochs",
        "1",
        "--augment",
        "flip,zoom",
        "--time-budget",
        "5m",
        "--learning-rate",
        "1e-12",
    ]
    run = phototag("train", labelled, *options, "--network", "efficientnet-lite0", "--json")
    assert run.returncode == 0, run.stderr
    assert run.stderr == "phototag: 2 photo(s) are also among those to check with: not learned from\n"
    answer = json.loads(run.stdout)
    said = answer["fine_tuning"]
    assert said["augmentation"] == dict.fromkeys(("crop", "rotate", "shift", "colour"), False) | {
        "flip": True,
        "zoom": True,
    }
    assert (said["epochs"], said["time_budget_s"], said["before"]) == (1, 300, 1)
    assert not said["kept"]
    bundle = load_bundle(Path(answer["folder"]))
    assert bundle.network == find_network("efficientnet-lite0")
    assert bundle.metrics["accuracy"] == 1


def test_a_network_its_weights_and_its_square_are_asked_for(labelled: Path, tmp_path: Path) -> None:
    def asked(*options: str) -> Request:
        ctx = train_command.make_context("train", [str(labelled), *options], obj={"config": None, "index": None})
        return _request(ctx, labelled, ctx.params)

    usual, small = asked(), asked("--backbone", "Small-CNN", "--image-size", "64", "--inner-units", "7")
    assert (usual.network, usual.weights, usual.image_size, usual.sweep) == (None, "own", None, None)
    assert (small.network, small.image_size, small.tune.hidden, small.head.hidden) == ("small-cnn", 64, 7, 7)
    assert small.from_scratch
    file = asked("--network", "xception", "--weights", str(tmp_path / "x.h5"), "--tune", "--dropout", "0.4")
    assert (file.network, file.weights, file.from_scratch) == ("Xception", tmp_path / "x.h5", False)
    assert (file.sweep, file.tune.dropout, file.head.dropout) == (Sweep(), 0.4, 0.5)  # the network's, and the head's
    alone = asked("--tune", "--fine-tune", "off", "--dropout", "0.4")
    assert (alone.sweep, alone.head.dropout) == (replace(Sweep(), dropouts=()), 0.4)
    assert asked("--backbone", "Xception", "--weights", "none").from_scratch
