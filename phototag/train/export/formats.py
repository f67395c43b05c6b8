"""A bundle and a format in, its file in a folder out; and such a file and pixels in, scores out, to prove it.

PhotoPrism's layout is a SavedModel that takes pixels from 0 to 1, which is what it gives unless told otherwise, beside
`labels.txt` (https://docs.photoprism.app/developer-guide/vision/tensorflow/custom-models).
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from phototag.bundle import Bundle
from phototag.errors import ModelError
from phototag.records import Pixels, Vectors
from phototag.train.export.graph import Scorer

if TYPE_CHECKING:
    from phototag.train.export import Target

_ONNX, _TFLITE = "model.onnx", "model.tflite"
_OPSET = 17  # of ONNX 1.12 (2022), which every runtime in use reads


def write(bundle: Bundle, target: "Target", folder: Path) -> None:
    """Write a model's file, or files, into a folder.

    Raises:
        ModelError: the network does not load, or a package is missing.
    """
    if target == "onnx" and not all(map(find_spec, ("onnxruntime", "tf2onnx"))):
        raise ModelError("exporting to ONNX needs packages that are not installed: pip install 'phototag[onnx]'")
    scorer = Scorer(bundle, 255.0 if target == "photoprism" else 1.0)
    if target == "onnx":
        _write_onnx(scorer, folder / _ONNX)
    elif target == "tflite":
        frozen = convert_variables_to_constants_v2(scorer.score.get_concrete_function())
        (folder / _TFLITE).write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())
    else:
        tf.saved_model.save(scorer, str(folder), signatures={"serving_default": scorer.score})


def run(target: "Target", folder: Path, pixels: Pixels) -> Vectors:
    """Compute scores with what `write` has written, in the runtime it is for.

    Args:
        pixels: `(N, S, S, 3) uint8`.

    Returns:
        `(N, labels) float32`.
    """
    values = pixels.astype(np.float32)
    if target == "onnx":
        return _run_onnx(folder / _ONNX, values)
    if target == "tflite":
        return _run_tflite(folder / _TFLITE, values)
    if target == "photoprism":
        values /= 255
    loaded = tf.saved_model.load(str(folder))
    scores: Vectors = loaded.signatures["serving_default"](pixels=tf.constant(values))["scores"].numpy()
    return scores


def _write_onnx(scorer: Scorer, path: Path) -> None:
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    tf2onnx.convert.from_function(
        tf.function(lambda pixels: scorer.score(pixels)["scores"]),
        input_signature=[scorer.signature],
        opset=_OPSET,
        output_path=str(path),
    )
    _name_output(path)


def _name_output(path: Path) -> None:
    """Call the graph's output "scores": the converter calls it by its last operation."""
    import onnx

    model = onnx.load(str(path))
    found = model.graph.output[0].name
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == found:
                node.output[place] = "scores"
        for place, name in enumerate(node.input):
            if name == found:
                node.input[place] = "scores"
    model.graph.output[0].name = "scores"
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _run_onnx(path: Path, values: Vectors) -> Vectors:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores: Vectors = session.run(["scores"], {"pixels": values})[0]
    return scores


def _run_tflite(path: Path, values: Vectors) -> Vectors:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(taken["index"], values.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], values)
    interpreter.invoke()
    scores: Vectors = interpreter.get_tensor(given["index"])
    return scores
