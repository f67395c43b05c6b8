"""What is exported gives phototag's own scores, or is not kept."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from phototag.backbone.litert import LiteRTBackbone
from phototag.bundle import DEFAULT_NETWORK, Bundle, find_network, save_bundle
from phototag.decide import as_neighbours, scores
from phototag.errors import ModelError
from phototag.records import Classifier, Dense, Label, Neighbours, Network, Votes
from phototag.train.export import Target, export, pictures

_LABELS = (
    Label("animal", (0, 1), (), 0.6),
    Label("cat", (0,), ("animal",), 0.7),
    Label("dog", (1,), ("animal",), 0.5),
    Label("rose", (2,), (), 0.6),
)
_EXPORTS: list[tuple[Target, str]] = [
    ("onnx", "softmax"),
    ("tflite", "sigmoid"),
    ("savedmodel", "softmax"),
    ("photoprism", "sigmoid"),
]


def _bundle(folder: Path, activation: str = "softmax", *, hidden: int = 0, voting: bool = False) -> Bundle:
    """A random head on the default network, whose scores are spread over the range, perhaps with examples that vote."""
    random, network = np.random.default_rng(0), find_network(DEFAULT_NETWORK)
    sizes = [network.embedding_size, *([hidden] if hidden else []), 3]
    layers = tuple(
        Dense(
            random.normal(scale=3 / np.sqrt(size), size=(size, out)).astype(np.float32),
            random.normal(size=out).astype(np.float32),
        )
        for size, out in pairwise(sizes)
    )
    neighbours = _voters(network) if voting else None
    classifier = Classifier(layers, "softmax" if activation == "softmax" else "sigmoid", _LABELS, neighbours)
    return save_bundle(folder, name="My Pets", network=network, classifier=classifier, metrics={}, settings={})


def _voters(network: Network) -> Neighbours:
    """The pictures that exports are tried with, as examples that vote loudly."""
    embeddings = LiteRTBackbone(network, graph="float32").embed(pictures(network.image_size, 6))
    shares = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    return Neighbours(
        as_neighbours(embeddings), 5, 1.0, Votes(shares, reach=0.3, weight=4.0, known=6, counted=(0, 1, 2))
    )


@pytest.mark.filterwarnings("ignore")  # of the converters, about themselves
@pytest.mark.parametrize(("target", "activation"), _EXPORTS, ids=[target for target, _ in _EXPORTS])
def test_what_is_exported_gives_the_same_scores(target: Target, activation: str, tmp_path: Path) -> None:
    from phototag.train.export.formats import run

    bundle = _bundle(
        tmp_path / "model", activation, hidden=8 if target == "tflite" else 0, voting=target in ("tflite", "onnx")
    )
    made = export(bundle, target, tmp_path / "out")
    assert made.difference < 0.001
    assert (made.folder / "labels.txt").read_text().split() == ["animal", "cat", "dog", "rose"]
    about = json.loads((made.folder / "model.json").read_text())
    assert [label["threshold"] for label in about["labels"]] == [0.6, 0.7, 0.5, 0.6]
    assert about["input"]["range"] == ([0, 1] if target == "photoprism" else [0, 255])
    assert (made.folder / "vision.yml").is_file() == (target == "photoprism")
    # Judged by the graph that scans use, which other code made: equal but for its rounded weights.
    pixels = pictures(bundle.network.image_size, 5)
    own = scores(LiteRTBackbone(bundle.network, graph="float32").embed(pixels), bundle.classifier)
    found = run(target, made.folder, pixels)
    assert own.std() > 0.1
    assert found == pytest.approx(own, abs=0.03)


def test_photoprism_is_told_where_the_model_goes_and_from_which_score_to_say_it(tmp_path: Path) -> None:
    from phototag.train.export import _vision

    said = _vision(_bundle(tmp_path / "model"))
    assert "  Path: my_pets\n" in said
    assert "  Resolution: 224\n" in said
    assert "      ResizeOperation: CenterCrop\n" in said
    assert said.endswith("Thresholds:\n  Confidence: 50\n")


def test_wrong_scores_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from phototag.train.export import formats

    monkeypatch.setattr(formats, "write", lambda bundle, target, folder: None)
    for wrong in (np.zeros((16, 4), np.float32), np.full((16, 4), np.nan, np.float32), np.zeros((16, 3), np.float32)):
        monkeypatch.setattr(formats, "run", lambda target, folder, pixels, wrong=wrong: wrong)
        with pytest.raises(ModelError, match=r"differ by .* it is not kept"):
            export(_bundle(tmp_path / "model"), "tflite", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ModelError, match="choose another --out"):
        export(_bundle(tmp_path / "model"), "tflite", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_without_the_packages_for_onnx_the_way_to_them_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from phototag.train.export import formats

    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ModelError, match=r"pip install 'phototag\[onnx\]'"):
        export(_bundle(tmp_path / "model"), "onnx", tmp_path / "out")
