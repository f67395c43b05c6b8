"""Pixels in, embeddings out, by TensorFlow on a GPU: a network's Keras model."""

from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from phototag.backbone.batches import check_pixels
from phototag.backbone.pretrained import load_pretrained
from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors

_BATCH_SIZE = 64


class TensorFlowBackbone:
    """A `Backbone` on TensorFlow, in float32. May be shared by threads.

    Opening it runs one batch, so that a GPU that TensorFlow sees and cannot use is found out here.

    Args:
        network: from `bundle.find_network` or a loaded bundle.
        device: "cpu" serves to compare; `LiteRTBackbone` is several times as fast there.
        batch_size: photos computed at once. Smaller batches are filled up to it, because each new shape would be
            compiled and tuned anew.

    Raises:
        ModelError: there is no GPU that TensorFlow can use, it fails there, or the weights do not load.
    """

    def __init__(self, network: Network, device: Literal["gpu", "cpu"] = "gpu", batch_size: int = _BATCH_SIZE) -> None:
        self.network = network
        self.device: str = device
        self.batch_size = batch_size
        if keras.backend.backend() != "tensorflow":
            raise ModelError(f"Keras is set to {keras.backend.backend()}: unset KERAS_BACKEND, or use --device cpu")
        if device == "gpu":
            _prepare_gpu()
        self._place = "/GPU:0" if device == "gpu" else "/CPU:0"
        size = network.image_size
        try:
            with tf.device(self._place):
                model = load_pretrained(network)
        except tf.errors.OpError as exc:
            raise self._failed(exc) from exc
        # Bytes travel to the GPU, and become floating point there.
        self._compute = tf.function(
            lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
            input_signature=[tf.TensorSpec((batch_size, size, size, 3), tf.uint8)],
        )
        self.embed(np.zeros((1, size, size, 3), np.uint8))

    def embed(self, pixels: Pixels) -> Vectors:
        """Embed a batch of any size from 1 up, `batch_size` photos at a time; see `Backbone.embed`."""
        check_pixels(pixels, self.network)
        starts = range(0, len(pixels), self.batch_size)
        try:
            with tf.device(self._place):
                return np.concatenate([self._run(pixels[start : start + self.batch_size]) for start in starts])
        except tf.errors.OpError as exc:
            raise self._failed(exc) from exc

    def _run(self, pixels: Pixels) -> Vectors:
        missing = self.batch_size - len(pixels)
        full = np.pad(pixels, ((0, missing), (0, 0), (0, 0), (0, 0))) if missing else pixels
        embeddings: Vectors = self._compute(full).numpy()
        return embeddings[: len(pixels)]

    def _failed(self, exc: Any) -> ModelError:
        first_line = str(exc.message).strip().partition("\n")[0]
        return ModelError(f"{self.network.name} failed on the {self.device.upper()} ({first_line}): use --device cpu")


def _prepare_gpu() -> None:
    """Find a GPU, and let TensorFlow take its memory as needed and not whole.

    Raises:
        ModelError: there is none that TensorFlow can use.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        raise ModelError(
            "TensorFlow finds no GPU it can use: use --device cpu, or install its CUDA libraries "
            "(pip install 'tensorflow[and-cuda]') beside an NVIDIA driver"
        )
    try:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        return  # the GPU is in use by this process already, as it was set up then
