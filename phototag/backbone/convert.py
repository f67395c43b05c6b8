"""A Keras network in; a network folder out: its weights, its LiteRT graphs in float32 and int8, and network.json.

`tools/convert_efficientnet_lite.py` makes the networks that come with phototag with it, training those it fine-tunes.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from phototag.backbone.networks import RESCALED
from phototag.backbone.pretrained import load_pretrained
from phototag.bundle import load_network
from phototag.errors import ModelError
from phototag.records import Fit, Network, Pixels, Vectors

FILES = {"weights": "weights.npz", "float32": "float32.tflite", "int8": "int8.tflite"}
"""A role of a network's file, and its name."""


def weights_of(model: Any) -> dict[str, Vectors]:
    """Every weight by `layer/variable`: kernels as float16, which halves the file; the small vectors of the
    normalisation layers, wide in range, stay float32.
    """
    arrays: dict[str, Vectors] = {}
    for layer in model.layers:
        for variable in layer.weights:
            array = keras.ops.convert_to_numpy(variable)
            arrays[f"{layer.name}/{variable.name}"] = array.astype(np.float16 if array.ndim > 1 else np.float32)
    return arrays


def float_graph(model: Any, batch: int = 1) -> bytes:
    """The LiteRT graph in floating point.

    Args:
        model: from `(N, S, S, 3)` RGB, 0 to 255, to any output.
        batch: N; LiteRT can change it.

    Returns:
        Takes bytes of pixels; kernels are float16, which LiteRT widens when it loads them.

    Raises:
        ModelError: TensorFlow cannot convert it.
    """
    size = model.input.shape[1]
    function = tf.function(
        lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
        input_signature=[tf.TensorSpec((batch, size, size, 3), tf.uint8, name="pixels")],
    ).get_concrete_function()
    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return _convert(converter, model.name)


def int8_graph(model: Any, photos: Sequence[Pixels]) -> bytes:
    """The LiteRT graph in whole numbers, from bytes of pixels to embeddings in floating point.

    Where the model rescales its pixels itself, the graph begins behind that: as quantised numbers, the rescaled pixels
    (rgb - 127) / 128 are the pixels themselves, with scale 1/128 and zero point 127.

    Args:
        model: as for `float_graph`.
        photos: `(S, S, 3) uint8` each, to measure the ranges of numbers on; some hundred.

    Raises:
        ModelError: TensorFlow cannot convert it, or the pixels would not enter as they are.
    """
    rescales = any(layer.name == RESCALED for layer in model.layers)
    # Named, because names enter the graph, and those that Keras makes up count on in a process.
    behind = keras.Model(model.get_layer(RESCALED).output, model.output, name=model.name) if rescales else model
    size = model.input.shape[1]
    function = tf.function(
        lambda pixels: behind(pixels, training=False),
        input_signature=[tf.TensorSpec((1, size, size, 3), tf.float32, name="pixels")],
    ).get_concrete_function()

    reach = min(photo.min() for photo in photos) == 0 and max(photo.max() for photo in photos) == 255

    def calibration() -> Iterator[list[Vectors]]:
        for photo in photos:
            pixels = photo[np.newaxis].astype(np.float32)
            if not reach:  # the input's range is that of bytes, whatever the photos show
                pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
            yield [(pixels - np.float32(127)) / np.float32(128) if rescales else pixels]

    converter = _converter(function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    graph = _convert(converter, model.name)
    _check_input(graph, (1 / 128, 127) if rescales else (1.0, 0))
    return graph


def write_network(folder: Path, model: Any, fit: Fit, photos: Sequence[Pixels] = ()) -> Network:
    """Write a network down as one that scans; the graphs are made of the weights as they are written.

    Args:
        folder: is there; files of an earlier network in it are replaced.
        model: named as `networks.build_network` knows it.
        fit: how photos are fitted to its square.
        photos: to measure the ranges of numbers on, see `int8_graph`; without any there is no graph in whole numbers.

    Raises:
        ModelError: TensorFlow cannot convert it.
    """

    def describe(*roles: str) -> Network:
        size, width = model.input.shape[1], model.output.shape[-1]
        write_manifest(folder, roles, name=model.name, image_size=size, embedding_size=width, fit=fit)
        return load_network(folder)

    np.savez(folder / FILES["weights"], allow_pickle=False, **weights_of(model))
    written = load_pretrained(describe("weights"))
    (folder / FILES["float32"]).write_bytes(float_graph(written))
    if not photos:
        return describe("weights", "float32")
    (folder / FILES["int8"]).write_bytes(int8_graph(written, photos))
    return describe("weights", "float32", "int8")


def write_manifest(
    folder: Path, roles: Sequence[str], *, name: str, image_size: int, embedding_size: int, fit: Fit
) -> None:
    """Write `network.json` over the files of some roles that lie in a folder under the names of `FILES`."""
    manifest = {
        "name": name,
        "image_size": image_size,
        "embedding_size": embedding_size,
        "fit": fit,
        "files": {
            role: {"file": FILES[role], "sha256": hashlib.sha256((folder / FILES[role]).read_bytes()).hexdigest()}
            for role in roles
        },
    }
    (folder / "network.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _converter(function: Any) -> Any:
    """A converter for a traced function with its weights made constants; it would leave Keras's variables outside.

    `from_keras_model` fails with Keras 3.15 and TensorFlow 2.21.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(function)])


def _convert(converter: Any, name: str) -> bytes:
    from tensorflow.lite.python.convert_phase import ConverterError  # derived from Exception itself

    try:
        with warnings.catch_warnings():  # the input's scale is given by the photos, not by hand
            warnings.filterwarnings("ignore", "Statistics for quantized inputs")
            return bytes(converter.convert())
    except (ConverterError, RuntimeError, ValueError, tf.errors.OpError) as exc:
        raise ModelError(f"TensorFlow cannot convert {name} for LiteRT: {str(exc).partition(chr(10))[0]}") from exc


def _check_input(graph: bytes, expected: tuple[float, int]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    scale, zero_point = Interpreter(model_content=graph).get_input_details()[0]["quantization"]
    if (round(scale, 6), zero_point) != (round(expected[0], 6), expected[1]):
        raise ModelError(f"pixels do not enter the int8 graph as they are: scale {scale}, zero point {zero_point}")
