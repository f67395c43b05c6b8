"""Training the network itself, from photos to a bundle that scans: real photos' files, the real network."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from phototag.backbone import open_backbone
from phototag.backbone.litert import LiteRTBackbone
from phototag.bundle import find_network, load_bundle
from phototag.decode import decode
from phototag.records import Dense, PhotoRef
from phototag.train import HeadSettings, Outcome, Request, train
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary, vocabulary
from phototag.train.finetune import _attempt, _worth_trying
from phototag.train.request import TuneSettings
from phototag.train.teach import Taught
from tests.backbone.conftest import cosines
from tests.train.labelled import clusters, save_patterns, save_photo

_POOR = HeadSettings(epochs=1, learning_rate=1e-9)
_TUNE = TuneSettings(mode="on", epochs=2, learning_rate=1e-3)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 photos to learn and 4 to check of each of two patterns."""
    root = tmp_path_factory.mktemp("patterns")
    save_patterns(root / "learn", 16, ("stripes", "noise"))
    for name in ("stripes", "noise"):
        for number in range(50, 54):
            save_photo(root / "check" / name / f"{number}.jpg", name, number)
    return root


def _train(patterns: Path, place: Path, *, tell: Callable[[str], None] = print, **options: object) -> Outcome:
    request = Request(
        root=patterns / "learn",
        validation=patterns / "check",
        name="patterns",
        output=place / "models" / "patterns",
        cache=place / "cache",
        head=_POOR,
        tune=_TUNE,
    )
    return train(replace(request, **options), lambda done, total: None, tell)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tuned(patterns: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    place = tmp_path_factory.mktemp("tuned")
    return _train(patterns, place), place


def test_a_better_network_is_kept_and_scans(tuned: tuple[Outcome, Path]) -> None:
    outcome, place = tuned
    assert outcome.attempt is not None
    assert outcome.attempt.tuned is not None
    assert outcome.attempt.after >= outcome.attempt.before
    bundle = load_bundle(outcome.bundle.folder)
    assert bundle.network.fingerprint != find_network(bundle.network.name).fingerprint
    assert bundle.metrics["accuracy"] == outcome.attempt.after
    assert [entry["stage"] for entry in bundle.history] == ["head", "network", "network"]
    assert not any(path.is_dir() for path in (place / "cache" / "finetune").iterdir())


def test_its_graphs_in_floating_point_and_whole_numbers_and_its_weights_agree(
    tuned: tuple[Outcome, Path], patterns: Path
) -> None:
    from phototag.backbone.tensorflow import TensorFlowBackbone

    network = load_bundle(tuned[0].bundle.folder).network
    assert set(network.files) == {"weights", "float32", "int8"}
    path = patterns / "check" / "noise" / "50.jpg"
    pixels = decode(PhotoRef(str(path), path.stat().st_size, 0), network.image_size, network.fit).pixels[np.newaxis]
    exact = LiteRTBackbone(network, graph="float32").embed(pixels)
    assert cosines(exact, TensorFlowBackbone(network, "cpu", batch_size=1).embed(pixels)).min() > 0.9999
    assert cosines(exact, open_backbone(network, "cpu").embed(pixels)).min() > 0.95


def test_the_same_photos_give_the_same_bundle_apart_from_its_date_even_after_an_interruption(
    tuned: tuple[Outcome, Path], patterns: Path, tmp_path: Path
) -> None:
    def stop(what: str) -> None:
        if what == "epoch 2 of 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(patterns, tmp_path, tell=stop)
    told: list[str] = []
    again = _train(patterns, tmp_path, tell=told.append).bundle
    assert told == ["looking closer", "epoch 2 of 2", "writing the network"]
    first = tuned[0].bundle
    files = sorted(path.relative_to(first.folder) for path in first.folder.rglob("*") if path.is_file())
    assert Path("network/int8.tflite") in files
    for file in files:
        ours, theirs = ((one.folder / file).read_bytes() for one in (first, again))
        assert ours.replace(first.created.encode(), again.created.encode()) == theirs, file


def test_where_the_head_makes_no_mistake_it_is_not_tried(patterns: Path, tmp_path: Path) -> None:
    outcome = _train(patterns, tmp_path, head=HeadSettings(epochs=20), tune=replace(_TUNE, mode="auto"))
    assert outcome.attempt is None
    assert outcome.bundle.metrics["accuracy"] == 1


@pytest.mark.parametrize(
    ("wrong", "precision", "apart", "tried"),
    [
        (20, None, False, False),
        (40, None, False, True),
        (40, 0.95, False, False),
        (40, 0.95, True, True),
    ],
    ids=["a head that is mostly right", "one that is not", "too few to promise", "enough of their own"],
)
def test_it_is_tried_where_the_head_is_often_wrong_and_enough_is_left_to_check_with(
    wrong: int, precision: float | None, apart: bool, tried: bool
) -> None:
    learned = clusters({"cat": 150, "dog": 150})
    words = vocabulary(learned, one_category=True)
    logits = words.targets(learned)
    logits[:wrong] = 1 - logits[:wrong]
    request = Request(Path(), "x", Path(), Path(), precision=precision, tune=TuneSettings(mode="auto"))
    taught = Taught(_LAYERS, tuple(learned), logits, apart=apart)
    assert _worth_trying(request, taught, learned, words) is tried


_LAYERS = (Dense(np.eye(16, 2, dtype=np.float32), np.zeros(2, np.float32)),)


class _ReadyBench:
    """Trains nothing: a network that has all photos right."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words

    def train(
        self, name: str, learn: list[Example], check: list[Example], *, settings: TuneSettings
    ) -> SimpleNamespace:
        logits = 9 * self._words.targets(check)
        return SimpleNamespace(layers=_LAYERS, history=(), learned=learn, tried=check, logits=logits)

    def export(self, run: SimpleNamespace, name: str, *, int8: bool) -> None:
        """Nothing to write."""

    def opened(self, run: SimpleNamespace, network: None) -> tuple[None, SimpleNamespace]:
        return None, run


@pytest.mark.parametrize("apart", [False, True], ids=["held out of those to learn from", "of their own"])
def test_photos_held_out_of_those_to_learn_from_vote_and_others_do_not(apart: bool) -> None:
    learned = clusters({"cat": 20, "dog": 20}, spread=50)
    checked = clusters({"cat": 5, "dog": 5}, spread=50, seed=1) if apart else []
    words = vocabulary(learned, one_category=True)
    tried = checked or learned
    poor = Taught(_LAYERS, tuple(tried), -words.targets(tried), apart=apart)
    bench: Any = _ReadyBench(words)
    attempt = _attempt(bench, poor, learned, checked, words, _TUNE)
    assert attempt.tuned is not None
    assert [one.content_hash for one in attempt.tuned.learned] == sorted(one.content_hash for one in learned)
    assert len(attempt.tuned.taught.tried) == (10 if apart else 8)


def test_a_photo_that_is_gone_meanwhile_leaves_the_network_as_it_was(
    patterns: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    learn = save_patterns(tmp_path / "learn", 4, ("stripes", "noise"))

    def remove(what: str) -> None:
        (learn / "noise" / "0.jpg").unlink(missing_ok=True)

    outcome = _train(patterns, tmp_path, root=learn, tell=remove)
    assert outcome.attempt is None
    assert "cannot be read any more" in caplog.text
    assert outcome.bundle.network == find_network(outcome.bundle.network.name)
