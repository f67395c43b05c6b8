"""Pixels in, embeddings out: the `Backbone` protocol and the one place that chooses its implementation."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors

_log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "gpu"]

FROM_SCRATCH = "small-cnn"
"""The network that begins with random weights and learns from the owner's photos alone."""

LEFT_ASIDE = "the GPU is left aside, the CPU does the work: %s"
"""What is said of a GPU that does not work: by a scan as a warning, and by `phototag doctor`."""


class Backbone(Protocol):
    """An opened network."""

    @property
    def network(self) -> Network:
        """What was opened."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, "cpu" or "gpu", for messages."""
        ...

    @property
    def batch_size(self) -> int:
        """The number of photos it embeds most efficiently at once, as far as it knows by now."""
        ...

    def embed(self, pixels: Pixels) -> Vectors:
        """Embed a batch of any size from 1 up.

        Args:
            pixels: `(N, S, S, 3) uint8`, upright RGB, S the network's `image_size`.

        Returns:
            `(N, D) float32`, not normalised.

        Raises:
            ModelError: the network cannot run here.
        """
        ...


def open_backbone(
    network: Network, device: Device = "auto", threads: int | None = None, batch_size: int | None = None
) -> Backbone:
    """Open a network on a device.

    Args:
        network: from `bundle.find_network` or a loaded bundle.
        device: "cpu" is LiteRT int8, "gpu" TensorFlow; "auto" takes a GPU if there seems to be one (looked up without
            importing TensorFlow) as long as it works, and the CPU otherwise.
        threads: CPU threads; by default as many as this process may use.
        batch_size: photos computed at once; by default what suits the device.

    Raises:
        ModelError: no GPU that works where one was asked for, or the network's files do not load.
    """
    if device not in ("auto", "cpu", "gpu"):
        raise ModelError(f"unknown device {device!r}: choose auto, cpu or gpu")

    def open_cpu() -> Backbone:
        from phototag.backbone.litert import LiteRTBackbone

        return LiteRTBackbone(network, threads, batch_size)

    if device == "cpu" or (device == "auto" and not shown_gpus()):
        return open_cpu()
    if device == "gpu":
        return _open_gpu(network, batch_size)
    try:
        return WhileItWorks(_open_gpu(network, batch_size), open_cpu)
    except ModelError as exc:
        _log.warning(LEFT_ASIDE, exc)
        return open_cpu()


def shown_gpus() -> list[str]:
    """The GPUs that a driver of NVIDIA's shows; costs no import of TensorFlow."""
    shown = sorted(path.name for path in Path("/proc/driver/nvidia/gpus").glob("*"))
    return shown or [str(path) for path in Path("/usr/lib/wsl/lib").glob("libcuda.so")]  # in Windows' Linux


class WhileItWorks:
    """A `Backbone`: a GPU until it fails, which it may do in the middle of a night, and the CPU from there on."""

    def __init__(self, gpu: Backbone, open_cpu: Callable[[], Backbone]) -> None:
        self._now, self._open_cpu = gpu, open_cpu
        self._turn = threading.Lock()

    @property
    def network(self) -> Network:
        """What was opened."""
        return self._now.network

    @property
    def device(self) -> str:
        """Where it runs by now."""
        return self._now.device

    @property
    def batch_size(self) -> int:
        """What suits the device on which it runs by now."""
        return self._now.batch_size

    def embed(self, pixels: Pixels) -> Vectors:
        """Embed a batch of any size from 1 up; see `Backbone.embed`."""
        now = self._now
        try:
            return now.embed(pixels)
        except ModelError as exc:
            if now.device == "cpu":
                raise
            with self._turn:
                if now is self._now:
                    _log.warning(LEFT_ASIDE, exc)
                    self._now = self._open_cpu()
        return self._now.embed(pixels)


def _open_gpu(network: Network, batch_size: int | None) -> Backbone:
    try:
        from phototag.backbone.tensorflow import TensorFlowBackbone
    except ImportError as exc:
        raise ModelError(f"TensorFlow does not load ({exc}): install phototag again, or use --device cpu") from exc
    return TensorFlowBackbone(network, batch_size=batch_size)
