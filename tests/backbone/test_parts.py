import keras
import numpy as np
import pytest

from phototag.backbone.convert import float_graph, int8_graph
from phototag.backbone.lower import open_lower
from phototag.backbone.networks import build_network
from phototag.backbone.parts import split
from phototag.errors import ModelError
from phototag.records import Pixels, Vectors
from tests.backbone.conftest import cosines, cut_pictures


@pytest.fixture(scope="module")
def pictures() -> Pixels:
    return cut_pictures(9, 64)


def _branched() -> keras.Model:
    """A network with a path around some of its layers, none of which may be cut there."""
    pixels = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(4, 3, strides=4)(pixels)
    for _ in range(3):
        branch = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        x = keras.layers.Add()([keras.layers.BatchNormalization()(branch), x])
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name="branched")


def _model(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    return _branched() if name == "branched" else build_network(name, 64)


@pytest.mark.parametrize("name", ["branched", "efficientnet-lite0", "MobileNetV3Small"])
def test_both_parts_together_are_the_network(name: str, pictures: Pixels) -> None:
    model = _model(name)
    parts = split(model)
    assert parts.lower is not None
    features = open_lower(parts.lower, "cpu")(pictures)
    assert (features.dtype, len(features)) == (np.float16, 9)
    expected = np.asarray(model(pictures.astype(np.float32)))
    np.testing.assert_allclose(np.asarray(parts.upper(features.astype(np.float32))), expected, rtol=0.02, atol=0.01)
    assert 0 < len(parts.upper.trainable_variables) < len(model.trainable_variables)


def test_normalisation_is_not_trained_and_a_whole_network_has_no_lower_part() -> None:
    parts = split(_branched(), whole=True)
    assert parts.lower is None
    assert not any("batch_normalization" in variable.path for variable in parts.upper.trainable_variables)


def test_graphs_give_what_the_network_gives(pictures: Pixels) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = _branched()
    pale = pictures // 2 + 60  # neither black nor white
    expected: Vectors = np.asarray(model(pale.astype(np.float32)))
    for graph, least in ((float_graph(model), 0.9999), (int8_graph(model, list(pale)), 0.97)):
        interpreter = Interpreter(model_content=graph)
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], pale.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pale)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert cosines(found, expected).min() > least


def test_a_network_that_cannot_be_converted_is_one_clear_error() -> None:
    pixels = keras.Input((64, 64, 3))
    flat = keras.layers.GlobalAveragePooling2D()(pixels)
    model = keras.Model(pixels, keras.layers.Lambda(lambda x: keras.ops.svd(x[:, :, None])[0])(flat), name="odd")
    with pytest.raises(ModelError, match="cannot convert odd"):
        float_graph(model)
