"""Networks that do not come with phototag: from a name to a folder that scans."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from phototag.backbone.applications import (
    application_size,
    applications,
    as_it_wants,
    build_application,
    pretrained_weights,
)
from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.made import Wish, make_network
from phototag.backbone.networks import build_network, known_network
from phototag.backbone.pretrained import load_pretrained
from phototag.bundle import find_network
from phototag.errors import ModelError
from phototag.records import Pixels
from phototag.train.finetune_network import Pupil
from phototag.train.request import TuneSettings
from tests.backbone.conftest import cosines, cut_pictures

_SMALL = "MobileNetV3Small"


@pytest.fixture(scope="module")
def squares() -> Pixels:
    return cut_pictures(3, 64)


def test_the_small_network_has_its_published_parameters_with_one_output_for_two_categories() -> None:
    pupil = Pupil(build_network("small-cnn"), 2, "softmax", TuneSettings())
    assert pupil.model.input.shape == (None, 150, 150, 3)
    assert pupil.model.count_params() == 9_494_561
    kernels = [layer.kernel.shape for layer in build_network("small-cnn").layers if hasattr(layer, "kernel")]
    assert kernels == [(3, 3, 3, 16), (3, 3, 16, 32), (3, 3, 32, 64), (17 * 17 * 64, 512)]


def test_a_network_that_is_made_scans_as_its_model_does_and_is_found_again(squares: Pixels, tmp_path: Path) -> None:
    wish = Wish("small-cnn", 64)
    made = make_network(wish, tmp_path)
    assert (made.name, made.image_size, made.embedding_size, set(made.files)) == (
        "small-cnn",
        64,
        512,
        {"weights", "float32"},
    )
    exact = load_pretrained(made)(squares).numpy()
    np.testing.assert_allclose(LiteRTBackbone(made).embed(squares), exact, atol=0.01 * exact.max())
    written = Path(made.folder, "weights.npz").stat().st_mtime_ns
    assert make_network(wish, tmp_path) == made
    assert Path(made.folder, "weights.npz").stat().st_mtime_ns == written
    assert make_network(Wish("small-cnn", 64, seed=1), tmp_path).fingerprint != made.fingerprint


def test_a_network_of_keras_takes_its_weights_from_a_file_with_or_without_classifier(
    squares: Pixels, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    options = {"weights": None, "input_shape": (64, 64, 3), "include_preprocessing": True}
    whole = keras.applications.MobileNetV3Small(include_top=True, **options)
    for layer in whole.layers:  # statistics that differ, as trained ones do
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(np.random.default_rng(0).normal(size=layer.moving_mean.shape, scale=0.1))
    bare = keras.applications.MobileNetV3Small(include_top=False, pooling="avg", **options)
    bare.set_weights(whole.get_weights()[: len(bare.weights)])
    whole.save_weights(tmp_path / "whole.weights.h5")
    bare.save_weights(tmp_path / "bare.weights.h5")
    expected = bare(squares.astype(np.float32)).numpy()
    made = make_network(Wish(_SMALL.lower(), 64, tmp_path / "whole.weights.h5"), tmp_path)
    assert cosines(LiteRTBackbone(made).embed(squares), expected).min() > 0.9999
    for own, other in zip(
        pretrained_weights(_SMALL, 64, tmp_path / "bare.weights.h5"), load_pretrained(made).get_weights(), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-6)


def test_the_names_of_layers_do_not_depend_on_what_else_was_built() -> None:
    first, second = (build_application("MobileNetV2", 32) for _ in range(2))
    assert [one.name for one in first.operations] == [one.name for one in second.operations]
    assert not any(one.name.startswith("_") for one in first.operations)


@pytest.mark.parametrize("name", ["MobileNetV2", "VGG16", "DenseNet121", "EfficientNetV2B0"])
def test_pixels_enter_as_each_kind_of_network_wants_them(name: str, squares: Pixels) -> None:
    prepare = sys.modules[applications()[name].__module__].preprocess_input  # type: ignore[attr-defined]
    pixels = keras.Input((64, 64, 3))
    found = keras.Model(pixels, as_it_wants(name, pixels))(squares.astype(np.float32))
    np.testing.assert_allclose(found, prepare(squares.astype(np.float32).copy()), atol=1e-3)


def test_keras_own_weights_of_efficientnet_come_with_the_division_that_it_adds_to_them(
    squares: Pixels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"include_top": False, "pooling": "avg", "input_shape": (64, 64, 3)}
    plain = keras.applications.EfficientNetB0(weights=None, **options)
    plain.layers[2].set_weights([np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.4]), np.array(0)])
    plain.save_weights(tmp_path / "own.weights.h5")
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(tmp_path / "own.weights.h5"))
    own = keras.applications.EfficientNetB0(weights="imagenet", **options)
    model = build_application("EfficientNetB0", 64)
    model.set_weights(pretrained_weights("EfficientNetB0", 64, None))
    model.layers[3].finalize_state()
    np.testing.assert_allclose(model(squares), own(squares.astype(np.float32)), rtol=1e-3, atol=1e-5)


def test_where_keras_cannot_download_the_file_and_the_way_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ModelError) as caught:
        pretrained_weights(_SMALL, 224, None)
    file = "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    assert f"/{file} (" in str(caught.value)
    assert str(caught.value).count("https://") == 1
    assert f"get {file} on another machine and name it with --weights" in str(caught.value)


def test_what_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    for wish, message in (
        (Wish("MobileNetV4"), "choose one of efficientnet-lite0, .*, Xception"),
        (Wish("Xception", 40), "Xception cannot be built for squares of 40 pixels"),
        (Wish("small-cnn", 20), "takes squares of 22 pixels or more, not 20"),
        (Wish(_SMALL, 64, tmp_path / "none.h5"), "none.h5 cannot be read"),
        (Wish(_SMALL, 64, tmp_path / "bad.h5"), "bad.h5 does not hold the weights of MobileNetV3Small"),
        (Wish("efficientnet-lite0", None, tmp_path / "bad.h5"), "comes with its weights"),
    ):
        with pytest.raises(ModelError, match=message):
            make_network(wish, tmp_path / "made")


@pytest.mark.parametrize("name", ["Xception", "MobileNetV2"])
def test_the_usual_size_is_what_keras_trained_it_on(name: str) -> None:
    whole = applications()[name](weights=None, classes=1, classifier_activation=None)
    assert whole.input_shape[1] == application_size(known_network(name.lower()))


def test_a_shipped_network_is_not_made_and_at_another_size_has_the_same_weights(tmp_path: Path) -> None:
    shipped = find_network("efficientnet-lite0")
    assert make_network(Wish("efficientnet-lite0"), tmp_path) == shipped
    smaller = make_network(Wish("efficientnet-lite0", 64), tmp_path)
    assert smaller.image_size == 64
    own, other = (dict(np.load(Path(one.folder, "weights.npz"))) for one in (smaller, shipped))
    assert own
    for key, array in own.items():
        np.testing.assert_array_equal(array, other[key])
