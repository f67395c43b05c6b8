"""`phototag models` as people and scripts run it."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from phototag import bundle
from phototag.cli import phototag_command
from phototag.records import Classifier, Dense, Label


def save_network(folder: Path) -> None:
    """A network folder whose one file is enough to be named and checked."""
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"weights")
    entry = {"file": "weights.bin", "sha256": hashlib.sha256(b"weights").hexdigest()}
    manifest = {"name": "tiny", "files": {"weights": entry}, "image_size": 32, "embedding_size": 3, "fit": "crop"}
    (folder / "network.json").write_text(json.dumps(manifest))


def save(folder: Path, network: Path, day: int, *words: str, **metrics: Any) -> None:
    head = Dense(np.zeros((3, len(words)), np.float32), np.zeros(len(words), np.float32))
    bundle.save_bundle(
        folder,
        name=folder.name,
        network=bundle.load_network(network),
        classifier=Classifier((head,), "sigmoid", tuple(Label(word, (n,)) for n, word in enumerate(words))),
        metrics=metrics,
        settings={},
        created=datetime(2024, 5, day, tzinfo=UTC),
    )


@pytest.fixture
def models(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's models folder; phototag's own holds a tiny network and a built-in model on it."""
    shipped = tmp_path / "shipped"
    monkeypatch.setattr(bundle, "shipped_models", lambda: shipped)
    save_network(shipped / "tiny")
    save(
        shipped / bundle.BUILT_IN, shipped / "tiny", 1, "dog", "cat", "car", precision=0.9123456, recall=0.5, cases="x"
    )
    return home / "models"


def run(*args: str) -> Result:
    return CliRunner().invoke(phototag_command, ["models", *args], standalone_mode=False)


def test_the_built_in_model_is_the_default_until_there_is_another(models: Path, tmp_path: Path) -> None:
    assert run().stdout == "* imagenet: 3 words, tiny, 2024-05-01, precision=0.9123 recall=0.5\n"
    save(models / "pets", tmp_path / "shipped" / "tiny", 2, "dog", accuracy=0.97531)
    assert run().stdout.splitlines() == [
        "  imagenet: 3 words, tiny, 2024-05-01, precision=0.9123 recall=0.5",
        "* pets: 1 word, tiny, 2024-05-02, accuracy 97.5%",
    ]


def test_the_model_of_the_settings_is_the_default(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day, name in ((2, "pets"), (3, "cars")):
        save(models / name, tmp_path / "shipped" / "tiny", day, "word")
    monkeypatch.setenv("PHOTOTAG_MODEL", "pets")
    assert [line[:6] for line in run().stdout.splitlines()] == ["  imag", "  cars", "* pets"]
    monkeypatch.setenv("PHOTOTAG_MODEL", "gone")
    told = run()
    assert "no model 'gone'" in told.stderr
    assert not any(line.startswith("*") for line in told.stdout.splitlines())


def test_json_holds_all_figures(models: Path, tmp_path: Path) -> None:
    save(models / "pets", tmp_path / "shipped" / "tiny", 2, "dog", accuracy=0.975, per_category={"dog": 1})
    built_in, pets = map(json.loads, run("--json").stdout.splitlines())
    assert (built_in["name"], built_in["default"], pets["default"]) == ("imagenet", False, True)
    assert pets == {
        "name": "pets",
        "default": True,
        "words": 1,
        "network": "tiny",
        "created": "2024-05-02T00:00:00+00:00",
        "folder": str(models / "pets"),
        "metrics": {"accuracy": 0.975, "per_category": {"dog": 1}},
    }


def test_a_damaged_model_is_listed_with_its_error(models: Path, tmp_path: Path) -> None:
    save(models / "pets", tmp_path / "shipped" / "tiny", 2, "dog")
    (models / "pets" / "head.npz").write_bytes(b"nonsense")
    built_in, damaged = run().stdout.splitlines()
    assert built_in.startswith("* imagenet")
    assert damaged.startswith("! ")
    assert str(models / "pets") in damaged
    assert "is damaged" in damaged
    assert "is damaged" in json.loads(run("--json").stdout.splitlines()[1])["error"]


def test_the_users_models_are_listed_where_the_built_in_one_is_missing(models: Path, tmp_path: Path) -> None:
    save(models / "pets", tmp_path / "shipped" / "tiny", 2, "dog")
    shutil.rmtree(tmp_path / "shipped" / bundle.BUILT_IN)
    missing, pets = run().stdout.splitlines()
    assert missing.startswith("! no model in ")
    assert "  pets" in pets or "* pets" in pets
