import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phototag.bundle import (
    BUILT_IN,
    DEFAULT_NETWORK,
    Bundle,
    check_output,
    find_bundle,
    find_network,
    list_bundles,
    load_bundle,
    load_network,
    network_file,
    save_bundle,
    shipped_models,
)
from phototag.decide import normalised
from phototag.errors import ModelError
from phototag.records import Classifier, Dense, Label, Neighbours, Span, Votes

_D = 1280


def _classifier(seed: int = 0) -> Classifier:
    random = np.random.default_rng(seed)
    vectors = normalised(random.random((6, _D), np.float32)).astype(np.float16).astype(np.float32)
    votes = Votes(random.random((6, 2), np.float32), reach=0.25, weight=3.0, known=5, counted=(0, 1))
    span = Span(random.random(_D, np.float32), random.random((3, _D), np.float32))
    return Classifier(
        layers=(
            Dense(random.random((_D, 4), np.float32), random.random(4, np.float32)),
            Dense(random.random((4, 2), np.float32), random.random(2, np.float32)),
        ),
        activation="softmax",
        labels=(Label("Tür", (0, 1), (), 0.6), Label("offen", (1,), ("Tür",), 0.7)),
        neighbours=Neighbours(vectors, k=5, threshold=0.25, votes=votes, span=span),
    )


def _save(folder: Path, *, seed: int = 0, created: datetime | None = None, **metrics: Any) -> Bundle:
    return save_bundle(
        folder,
        name=folder.name,
        network=find_network(DEFAULT_NETWORK),
        classifier=_classifier(seed),
        metrics=metrics,
        settings={"seed": seed},
        created=created,
    )


def test_a_bundle_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved, loaded = _save(tmp_path / "doors", accuracy=0.9), load_bundle(tmp_path / "doors")
    assert loaded.fingerprint == saved.fingerprint
    assert (loaded.name, loaded.metrics, loaded.settings) == ("doors", {"accuracy": 0.9}, {"seed": 0})
    assert loaded.network == find_network(DEFAULT_NETWORK)
    expected = _classifier()
    assert loaded.classifier.labels == expected.labels
    for layer, other in zip(loaded.classifier.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(layer.kernel, other.kernel)
        np.testing.assert_array_equal(layer.bias, other.bias)
    assert loaded.classifier.neighbours is not None
    assert expected.neighbours is not None
    np.testing.assert_array_equal(loaded.classifier.neighbours.embeddings, expected.neighbours.embeddings)
    assert (loaded.classifier.neighbours.k, loaded.classifier.neighbours.threshold) == (5, 0.25)
    votes = loaded.classifier.neighbours.votes
    assert votes is not None
    assert expected.neighbours.votes is not None
    np.testing.assert_array_equal(votes.shares, expected.neighbours.votes.shares)
    assert (votes.reach, votes.weight, votes.known, votes.counted) == (0.25, 3.0, 5, (0, 1))
    span = loaded.classifier.neighbours.span
    assert span is not None
    assert expected.neighbours.span is not None
    np.testing.assert_array_equal(span.centre, expected.neighbours.span.centre)
    np.testing.assert_array_equal(span.axes, expected.neighbours.span.axes)


def test_a_network_of_its_own_travels_in_the_bundle_and_so_does_how_training_went(tmp_path: Path) -> None:
    shipped = find_network(DEFAULT_NETWORK)
    shutil.copytree(shipped.folder, tmp_path / "tuned")
    manifest = json.loads((tmp_path / "tuned" / "network.json").read_text())
    (tmp_path / "tuned" / "int8.tflite").write_bytes(b"changed")
    manifest["files"]["int8"]["sha256"] = hashlib.sha256(b"changed").hexdigest()
    (tmp_path / "tuned" / "network.json").write_text(json.dumps(manifest))
    history = [{"stage": "head", "number": 1, "loss": 0.5}]
    save_bundle(
        tmp_path / "doors",
        name="doors",
        network=load_network(tmp_path / "tuned"),
        classifier=_classifier(),
        metrics={},
        settings={},
        history=history,
    )
    shutil.rmtree(tmp_path / "tuned")
    (tmp_path / "doors").rename(tmp_path / "moved")
    loaded = load_bundle(tmp_path / "moved")
    assert loaded.network.fingerprint != shipped.fingerprint
    assert network_file(loaded.network, "int8").read_bytes() == b"changed"
    assert list(loaded.history) == history
    assert not (_save(tmp_path / "plain").folder / "network").exists()


def test_the_fingerprint_follows_what_decides_and_nothing_else(tmp_path: Path) -> None:
    first = _save(tmp_path / "a", created=datetime(2020, 1, 1, tzinfo=UTC), accuracy=0.1)
    again = _save(tmp_path / "b", created=datetime(2021, 1, 1, tzinfo=UTC), accuracy=0.2)
    other = _save(tmp_path / "c", seed=1)
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != other.fingerprint


def test_an_earlier_bundle_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    _save(tmp_path / "doors", seed=0)
    new = _save(tmp_path / "doors", seed=1)
    assert load_bundle(tmp_path / "doors").fingerprint == new.fingerprint
    assert os.listdir(tmp_path) == ["doors"]


def test_stopping_between_the_two_moves_brings_the_earlier_bundle_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = _save(tmp_path / "doors", seed=0)
    replace, moves = os.replace, 0

    def stop_at_second(source: Path, target: Path) -> None:
        nonlocal moves
        moves += 1
        if moves == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        _save(tmp_path / "doors", seed=1)
    assert load_bundle(tmp_path / "doors").fingerprint == old.fingerprint
    assert os.listdir(tmp_path) == ["doors"]


def test_a_folder_with_other_things_in_it_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    for attempt in (lambda: _save(tmp_path), lambda: check_output(tmp_path)):
        with pytest.raises(ModelError, match="choose another --output"):
            attempt()
    assert (tmp_path / "photo.jpg").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_place_that_cannot_hold_a_bundle_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be written"):
        _save(tmp_path / "file" if kind == "a file" else tmp_path / "file" / "doors")


def _edit(**changes: Any) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))

    return edit


def _flip(name: str) -> Callable[[Path], object]:
    def flip(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return flip


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(shutil.rmtree, "no model in .*manifest.json is missing", id="folder gone"),
        pytest.param(lambda f: (f / "manifest.json").unlink(), "manifest.json is missing", id="manifest gone"),
        pytest.param(lambda f: (f / "manifest.json").write_text("{"), "cannot be read", id="manifest cut"),
        pytest.param(lambda f: (f / "manifest.json").write_bytes(b"\xff"), "cannot be read", id="manifest binary"),
        pytest.param(lambda f: (f / "manifest.json").write_text("[]"), "not a model's manifest", id="manifest a list"),
        pytest.param(lambda f: (f / "head.npz").unlink(), "head.npz cannot be read", id="head gone"),
        pytest.param(_flip("head.npz"), "SHA-256 differs", id="one bit of the head"),
        pytest.param(_flip("neighbours.npz"), "SHA-256 differs", id="one bit of the neighbours"),
        pytest.param(_edit(version=2), "install a newer phototag", id="newer version"),
        pytest.param(_edit(version="1"), "install a newer phototag", id="version of the wrong kind"),
        pytest.param(_edit(labels=[{"word": "x"}]), "is damaged", id="label without classes"),
        pytest.param(
            _edit(labels=[{"word": "x", "classes": [7], "broader": [], "threshold": 0.5}]),
            "damaged",
            id="no such class",
        ),
        pytest.param(
            _edit(labels=[{"word": "x", "classes": [], "broader": [], "threshold": 0.5}]), "damaged", id="no class"
        ),
        pytest.param(_edit(activation="tanh"), "is damaged", id="unknown activation"),
        pytest.param(_edit(files={"../../x": "0" * 64}), "leaves the folder", id="file outside the folder"),
        pytest.param(_edit(network={"name": "resnet", "fingerprint": "0"}), "unknown network", id="unknown network"),
        pytest.param(
            _edit(network={"name": DEFAULT_NETWORK, "fingerprint": "0" * 64}), "another version", id="other network"
        ),
    ],
)
def test_a_damaged_bundle_is_refused_with_a_reason(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    _save(tmp_path / "doors")
    damage(tmp_path / "doors")
    with pytest.raises(ModelError, match=message):
        load_bundle(tmp_path / "doors")


def test_a_model_is_found_by_name_by_folder_and_by_being_the_newest(tmp_path: Path) -> None:
    _save(tmp_path / "new", created=datetime(2021, 1, 1, tzinfo=UTC))
    _save(tmp_path / "old", created=datetime(2020, 1, 1, tzinfo=UTC))
    assert find_bundle("old", tmp_path).name == "old"
    assert find_bundle(str(tmp_path / "old"), tmp_path / "elsewhere").name == "old"
    assert find_bundle(None, tmp_path).name == "new"
    assert find_bundle(BUILT_IN, tmp_path).name == BUILT_IN
    assert find_bundle(None, tmp_path / "elsewhere").name == BUILT_IN


def test_an_unknown_model_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    _save(tmp_path / "doors")
    with pytest.raises(ModelError, match="no model 'windows': known are imagenet, doors"):
        find_bundle("windows", tmp_path)


def test_models_are_listed_newest_first_and_a_damaged_one_as_its_error(tmp_path: Path) -> None:
    _save(tmp_path / "old", created=datetime(2020, 1, 1, tzinfo=UTC))
    _save(tmp_path / "new", created=datetime(2021, 1, 1, tzinfo=UTC))
    _flip("head.npz")(_save(tmp_path / "bad").folder)
    built_in, new, old, bad = list_bundles(tmp_path)
    assert [one.name for one in (built_in, new, old) if isinstance(one, Bundle)] == [BUILT_IN, "new", "old"]
    assert isinstance(bad, ModelError)


def test_what_a_killed_save_left_is_no_model(tmp_path: Path) -> None:
    _save(tmp_path / "doors").folder.rename(tmp_path / ".doors.old-123")
    assert [one.name for one in list_bundles(tmp_path) if isinstance(one, Bundle)] == [BUILT_IN]
    assert find_bundle(None, tmp_path).name == BUILT_IN


def test_a_network_of_its_own_travels_in_the_bundle(tmp_path: Path) -> None:
    saved = _save(tmp_path / "doors")
    shutil.copytree(shipped_models() / DEFAULT_NETWORK, tmp_path / "doors" / "network")
    assert load_bundle(tmp_path / "doors").network.folder == str(tmp_path / "doors" / "network")
    manifest = tmp_path / "doors" / "network" / "network.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "image_size": 200}))
    with pytest.raises(ModelError, match="not the one the model was made with"):
        load_bundle(saved.folder)


def test_a_networks_damaged_file_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    shutil.copytree(shipped_models() / DEFAULT_NETWORK, tmp_path / "network")
    network = load_network(tmp_path / "network")
    assert network_file(network, "int8").is_file()
    _flip(network.files["int8"])(tmp_path / "network")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        network_file(network, "int8")
    with pytest.raises(ModelError, match="has no int4 file"):
        network_file(network, "int4")
