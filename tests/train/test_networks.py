"""Networks other than those that come with phototag, from photos to a bundle that scans."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import keras
import pytest

from phototag.bundle import Bundle, load_bundle
from phototag.errors import ModelError, TrainingDataError
from phototag.train import HeadSettings, Outcome, Request, train
from phototag.train.assess import assess
from phototag.train.augment import Augmentation
from phototag.train.export import export
from phototag.train.network import network_for
from phototag.train.request import TuneSettings
from tests.train.labelled import save_patterns

_TUNE = TuneSettings(mode="auto", epochs=25, augmentation=Augmentation(rotate=False, crop=False))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_patterns(tmp_path_factory.mktemp("patterns"), 16)


def _train(photos: Path, place: Path, tell: Callable[[str], None] = lambda what: None, **options: object) -> Outcome:
    request = Request(
        root=photos,
        name="small",
        output=place / "models" / "small",
        cache=place / "cache",
        network="small-cnn",
        image_size=48,
        head=HeadSettings(epochs=1),
        tune=_TUNE,
    )
    return train(replace(request, **options), lambda done, total: None, tell)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def small(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    outcome = _train(photos, tmp_path_factory.mktemp("small"))
    assert outcome.attempt is not None
    assert outcome.attempt.tuned is not None
    return outcome.bundle


def test_a_network_that_begins_with_nothing_learns_and_travels_in_its_bundle(small: Bundle) -> None:
    loaded = load_bundle(small.folder)
    network = loaded.network
    assert (network.name, network.image_size, network.embedding_size) == ("small-cnn", 48, 512)
    assert {"weights", "float32"} <= set(network.files)
    assert Path(network.folder) == small.folder / "network"
    assert [layer.kernel.shape for layer in loaded.classifier.layers] == [(512, 3)]
    assert [epoch["stage"] for epoch in loaded.history] == ["head", *["network"] * 25]
    assert all(epoch["check_accuracy"] is not None for epoch in loaded.history)
    assert loaded.metrics["accuracy"] > 0.8
    assert loaded.metrics["checked"] == 10  # a fifth was held out


def test_it_is_evaluated_and_exported_as_any_other(small: Bundle, photos: Path, tmp_path: Path) -> None:
    found = assess(
        small, photos, labels=None, cache=tmp_path, device="cpu", workers=1, progress=lambda done, total: None
    )
    assert (found.evaluation.accuracy or 0) > 0.8
    assert export(small, "tflite", tmp_path / "out").difference < 0.001


def test_views_that_are_made_as_they_are_needed_are_the_same_after_a_kill(
    small: Bundle, photos: Path, tmp_path: Path
) -> None:
    def stop(what: str) -> None:
        if what == "epoch 5 of 25":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(photos, tmp_path, stop)
    again = _train(photos, tmp_path).bundle
    assert again.fingerprint == small.fingerprint
    assert again.history[1:] == small.history[1:]  # behind the head's


def test_a_network_of_keras_learns_from_the_weights_in_a_file(photos: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    file = tmp_path / "own.weights.h5"
    keras.applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3)).save_weights(file)
    tune = replace(_TUNE, mode="on", epochs=1)
    outcome = _train(photos, tmp_path, network="MobileNet", image_size=32, weights=file, tune=tune)
    bundle = load_bundle(outcome.bundle.folder)
    assert (bundle.network.name, bundle.network.image_size, bundle.network.embedding_size) == ("MobileNet", 32, 1024)
    assert bundle.settings["weights"] == "own.weights.h5"
    assert bundle.settings["fine_tuning"]["epochs"] == 1
    assert Path(bundle.network.folder) == bundle.folder / "network"  # tuned or not


@pytest.mark.parametrize(
    ("mode", "one_category", "name"),
    [
        ("auto", True, "efficientnet-lite2"),
        ("auto", False, "efficientnet-lite0"),
        ("off", True, "efficientnet-lite0"),
        ("on", True, "efficientnet-lite2"),
    ],
)
def test_the_larger_network_is_for_one_category_a_photo(
    mode: Literal["auto", "off", "on"], one_category: bool, name: str
) -> None:
    request = Request(Path(), "x", Path(), Path(), network=None, tune=TuneSettings(mode=mode))
    assert network_for(request, lambda what: None, one_category=one_category).name == name


def test_what_must_be_trained_needs_photos_to_check_with_and_a_network_that_is_known(
    photos: Path, tmp_path: Path
) -> None:
    few = save_patterns(tmp_path / "few", 1)
    with pytest.raises(TrainingDataError, match="no photo to check with"):
        _train(few, tmp_path)
    with pytest.raises(ModelError, match="choose one of efficientnet-lite0"):
        _train(photos, tmp_path, network="unknown")
