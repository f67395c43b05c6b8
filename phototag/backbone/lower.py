"""A network's lower part in; a function from pixels to features, on the CPU or a GPU, out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from phototag.backbone.convert import float_graph
from phototag.backbone.trial import Batches
from phototag.cores import usable_cores
from phototag.errors import ModelError
from phototag.records import Pixels

_BATCH = 8
_BATCH_GPU = 32
"""Not found by trial: other sizes round otherwise, and the same photos are to give the same network."""

Features = npt.NDArray[Any]
"""`(N, ...)`: float16 from the lower part of a network, uint8 where there is none and they are pixels."""
Lower = Callable[[Pixels], Features]
"""`(N, S, S, 3) uint8` to features."""


def open_lower(lower: Any, device: str) -> Lower:
    """Make a network's lower part ready to run; LiteRT is two to three times as fast as Keras on a CPU.

    Args:
        lower: of `parts.split`.
        device: "cpu" or "gpu".

    Raises:
        ModelError: it cannot be converted or does not run.
    """
    if device == "gpu":
        run = tf.function(lambda pixels: lower(tf.cast(pixels, tf.float32), training=False))
        return Batches(lambda pixels: _half(run(pixels).numpy()), _BATCH_GPU)
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=float_graph(lower, _BATCH), num_threads=usable_cores())
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as exc:
        raise ModelError(f"the lower part of {lower.name} does not run in LiteRT: {exc}") from exc
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def compute(pixels: Pixels) -> Features:
        interpreter.set_tensor(taken, pixels)
        interpreter.invoke()
        return _half(interpreter.get_tensor(given))

    return Batches(compute, _BATCH)


def _half(features: Features) -> Features:
    return features.astype(np.float16)
