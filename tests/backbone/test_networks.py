"""The Keras definitions are EfficientNet-Lite's."""

import re

import keras
import numpy as np
import pytest

from phototag.backbone.networks import SCALES, build_network
from phototag.errors import ModelError


@pytest.mark.parametrize(
    ("name", "size", "blocks", "parameters"),
    # Millions of parameters as published, 4.7 and 6.1, are these and the 1,281,000 of the ImageNet classifier.
    [
        pytest.param("efficientnet-lite0", 224, 16, 3_413_024, id="lite0"),
        pytest.param("efficientnet-lite2", 260, 21, 4_869_168, id="lite2"),
    ],
)
def test_a_network_has_its_published_shape(name: str, size: int, blocks: int, parameters: int) -> None:
    model = build_network(name)
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 1280)
    assert model.count_params() == parameters
    numbers = {int(match[1]) for layer in model.layers if (match := re.match(r"block(\d\d)_", layer.name))}
    assert numbers == set(range(blocks))


@pytest.mark.parametrize("name", list(SCALES))
def test_every_layer_has_a_name_keras_can_save(name: str) -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", layer.name) for layer in build_network(name).layers)


def test_whole_numbers_and_floating_point_give_the_same_embedding() -> None:
    keras.utils.set_random_seed(3)
    model = build_network("efficientnet-lite0")
    pixels = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), np.uint8)
    np.testing.assert_array_equal(model(pixels), model(pixels.astype(np.float32)))


def test_black_grey_and_white_are_scaled_as_in_training() -> None:
    model = build_network("efficientnet-lite0")
    greys = np.broadcast_to(np.array([0, 127, 255], np.float32)[:, None, None, None], (3, 224, 224, 3))
    scaled = keras.Model(model.input, model.get_layer("rescale").output)(greys)
    np.testing.assert_allclose(scaled[:, 0, 0, 0], [-127 / 128, 0, 1], atol=1e-6)


def test_embeddings_stay_float32_under_mixed_precision() -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert build_network("efficientnet-lite0").output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(policy)


def test_an_unknown_network_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match="choose one of efficientnet-lite0, efficientnet-lite2"):
        build_network("efficientnet-lite9")
