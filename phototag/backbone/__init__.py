"""Pixels in, embeddings out: the `Backbone` protocol and the one place that chooses its implementation."""

import logging
from pathlib import Path
from typing import Literal, Protocol

from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors

_log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "gpu"]

FROM_SCRATCH = "small-cnn"
"""The network that begins with random weights and learns from the owner's photos alone."""


class Backbone(Protocol):
    """An opened network.

    Attributes:
        network: what was opened.
        device: "cpu" or "gpu", for messages.
        batch_size: the number of photos it embeds most efficiently at once.
    """

    network: Network
    device: str
    batch_size: int

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


def open_backbone(network: Network, device: Device = "auto", threads: int | None = None) -> Backbone:
    """Open a network on a device.

    Args:
        network: from `bundle.find_network` or a loaded bundle.
        device: "cpu" is LiteRT int8, "gpu" TensorFlow; "auto" takes a GPU if there seems to be one (looked up without
            importing TensorFlow) and it works, else the CPU.
        threads: CPU threads; by default as many as this process may use.

    Raises:
        ModelError: no GPU that works where one was asked for, or the network's files do not load.
    """
    if device not in ("auto", "cpu", "gpu"):
        raise ModelError(f"unknown device {device!r}: choose auto, cpu or gpu")
    if device == "gpu" or (device == "auto" and _has_gpu()):
        try:
            return _open_gpu(network)
        except ModelError as exc:
            if device == "gpu":
                raise
            _log.warning("the GPU is left aside, the CPU does the work: %s", exc)
    from phototag.backbone.litert import LiteRTBackbone

    return LiteRTBackbone(network, threads)


def _open_gpu(network: Network) -> Backbone:
    try:
        from phototag.backbone.tensorflow import TensorFlowBackbone
    except ImportError as exc:
        raise ModelError(f"TensorFlow does not load ({exc}): install phototag again, or use --device cpu") from exc
    return TensorFlowBackbone(network)


def _has_gpu() -> bool:
    """Whether an NVIDIA driver shows a GPU; costs no import of TensorFlow."""
    return any(Path("/proc/driver/nvidia/gpus").glob("*"))
