"""Pixels in, embeddings out, by TensorFlow on GPUs: a network's Keras model."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from phototag.backbone.batches import check_pixels
from phototag.backbone.pretrained import load_pretrained
from phototag.backbone.trial import Batches, is_out_of_memory
from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors

_log = logging.getLogger(__name__)

Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]

_HALF_PRECISION_SINCE = (7, 0)
"""Compute capability from which on NVIDIA's GPUs have units for float16; before, it is no faster or much slower."""


class TensorFlowBackbone:
    """A `Backbone` on TensorFlow: on all GPUs that it may use, each of which gets its part of every batch.

    May be shared by threads. Opening it runs one batch, so that a GPU that TensorFlow sees and cannot use is found out
    here.

    Args:
        network: from `bundle.find_network` or a loaded bundle.
        device: "cpu" serves to compare; `LiteRTBackbone` is several times as fast there.
        batch_size: photos computed at once; by default found by trial: see `Batches`.
        precision: what is computed in; embeddings come as float32. By default mixed float16 on GPUs that are made for
            it, else float32. Its embeddings are nearer to float32's than bfloat16's; a network whose numbers grow
            larger than it holds is computed in float32.
        xla: whether XLA compiles the network; by default on GPUs, where it is faster, and not on CPUs, where it is not.

    Raises:
        ModelError: there is no GPU that TensorFlow can use, it fails there, or the weights do not load.
    """

    def __init__(
        self,
        network: Network,
        device: Literal["gpu", "cpu"] = "gpu",
        batch_size: int | None = None,
        *,
        precision: Precision | None = None,
        xla: bool | None = None,
    ) -> None:
        self.network = network
        self.device: str = device
        if keras.backend.backend() != "tensorflow":
            raise ModelError(f"Keras is set to {keras.backend.backend()}: unset KERAS_BACKEND, or use --device cpu")
        self.devices = _prepare_gpus() if device == "gpu" else _places("CPU")
        self.precision: Precision = precision or (_fitting_precision() if device == "gpu" else "float32")
        self.xla = device == "gpu" if xla is None else xla
        self._turn = threading.Lock()
        self._batches = Batches(self._compute, batch_size, len(self.devices))
        try:
            self._load()
            self._try()
        except tf.errors.OpError as exc:
            raise self._failed(exc) from exc

    @property
    def batch_size(self) -> int:
        """The number of photos that is computed at once as of now."""
        return self._batches.size

    def embed(self, pixels: Pixels) -> Vectors:
        """Embed a batch of any size from 1 up, `batch_size` photos at a time; see `Backbone.embed`."""
        check_pixels(pixels, self.network)
        try:
            vectors: Vectors = self._batches(pixels)
            if not np.isfinite(vectors).all():
                self._widen()
                vectors = self._batches(pixels)
        except tf.errors.OpError as exc:
            raise self._failed(exc) from exc
        return vectors

    def _load(self) -> None:
        """Give each device the network."""
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.precision)
        self._models = []
        try:
            for place in self.devices:
                with tf.device(place):
                    self._models.append(load_pretrained(self.network))
        finally:
            keras.config.set_dtype_policy(policy)
        self._compile()

    def _compile(self) -> None:
        pairs = zip(self._models, self.devices, strict=True)
        self._replicas = [_compiled(model, place, xla=self.xla) for model, place in pairs]

    def _widen(self) -> None:
        """Compute in float32 from here on: a network's numbers have grown larger than float16 holds."""
        with self._turn:
            if self.precision == "mixed_float16":
                _log.info("%s does not fit into float16: it is computed in float32", self.network.name)
                self.precision = "float32"
                self._load()

    def _try(self) -> None:
        """Embed one photo: without XLA, where that is what fails, for it needs more of CUDA than TensorFlow alone."""
        nothing = np.zeros((1, self.network.image_size, self.network.image_size, 3), np.uint8)
        try:
            self._batches(nothing)
        except tf.errors.OpError as exc:
            if not self.xla or is_out_of_memory(exc):
                raise
            _log.info("XLA does not work here (%s): TensorFlow runs without it", _first_line(exc))
            self.xla = False
            self._compile()
            self._batches(nothing)

    def _compute(self, batch: Pixels) -> Vectors:
        """Embed a full batch: all devices are set to work before the first is waited for."""
        parts = np.split(batch, len(self._replicas))
        embeddings = [replica(part) for replica, part in zip(self._replicas, parts, strict=True)]
        return np.concatenate([part.numpy() for part in embeddings])

    def _failed(self, exc: tf.errors.OpError) -> ModelError:
        reason = _first_line(exc)
        return ModelError(f"{self.network.name} failed on the {self.device.upper()} ({reason}): use --device cpu")


def _compiled(model: keras.Model, place: str, *, xla: bool) -> Callable[[Pixels], Any]:
    """A function from pixels to embeddings on one device; each size of a batch is traced once."""

    @tf.function(jit_compile=xla)  # type: ignore[untyped-decorator]
    def embed(pixels: Any) -> Any:
        return tf.cast(model(tf.cast(pixels, tf.float32), training=False), tf.float32)

    def run(pixels: Pixels) -> Any:
        with tf.device(place):  # bytes travel to the GPU, and become floating point there
            return embed(tf.constant(pixels))

    return run


def _prepare_gpus() -> list[str]:
    """Find the GPUs, and let TensorFlow take their memory as needed and not whole.

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
    except (RuntimeError, ValueError):
        pass  # the GPUs are in use by this process already, as they were set up then
    try:
        return _places("GPU")
    except (RuntimeError, tf.errors.OpError) as exc:  # the driver and the CUDA libraries do not fit together
        raise ModelError(f"TensorFlow cannot set up the GPU ({_first_line(exc)}): use --device cpu") from exc


def _places(kind: Literal["CPU", "GPU"]) -> list[str]:
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _fitting_precision() -> Precision:
    """Mixed float16 if all GPUs are made for it."""
    abilities = [
        tf.config.experimental.get_device_details(gpu).get("compute_capability") or (0, 0)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return "mixed_float16" if min(abilities) >= _HALF_PRECISION_SINCE else "float32"


def _first_line(exc: Exception) -> str:
    return str(getattr(exc, "message", exc)).strip().partition("\n")[0]
