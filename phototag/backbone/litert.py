"""Pixels in, embeddings out, on the CPU: a network's LiteRT graph."""

import threading
from typing import Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from phototag.backbone.batches import check_pixels
from phototag.bundle import network_file
from phototag.cores import usable_cores
from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors

_BATCH_SIZE = 8
"""Of 1 to 32 photos: up to 8 all are equally fast within the noise, and larger batches of Lite2 are slower."""


class LiteRTBackbone:
    """A `Backbone` on LiteRT.

    May be shared by threads: they take turns, and other Python code runs meanwhile. LiteRT writes one line to the
    process's standard error when it opens its first graph; the command line keeps it from there.

    Args:
        network: from `bundle.find_network` or a loaded bundle.
        threads: CPU threads; by default as many as this process may use.
        batch_size: photos computed at once.
        graph: "int8" is two to three times as fast as "float32", and taken by default where the network has it.

    Raises:
        ModelError: the graph is missing, damaged, not the network's, or does not run here.
    """

    def __init__(
        self,
        network: Network,
        threads: int | None = None,
        batch_size: int | None = None,
        *,
        graph: Literal["int8", "float32"] | None = None,
    ) -> None:
        self.network = network
        self.device = "cpu"
        self.batch_size = batch_size or _BATCH_SIZE
        self._turn = threading.Lock()
        path = network_file(network, graph or ("int8" if "int8" in network.files else "float32"))
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads or usable_cores())
            self._interpreter.allocate_tensors()
            taken, given = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"{path} does not run in LiteRT ({exc}): install phototag again") from exc
        self._shape = (1, network.image_size, network.image_size, 3)
        if tuple(taken["shape"]) != self._shape or tuple(given["shape"]) != (1, network.embedding_size):
            raise ModelError(f"{path} is not a graph of {network.name}: install phototag again")
        self._input, self._output = taken["index"], given["index"]

    def embed(self, pixels: Pixels) -> Vectors:
        """Embed a batch of any size from 1 up, `batch_size` photos at a time; see `Backbone.embed`."""
        check_pixels(pixels, self.network)
        starts = range(0, len(pixels), self.batch_size)
        try:
            with self._turn:
                return np.concatenate([self._run(pixels[start : start + self.batch_size]) for start in starts])
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"{self.network.name} failed in LiteRT: {exc}") from exc

    def _run(self, pixels: Pixels) -> Vectors:
        if pixels.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, pixels.shape)
            self._interpreter.allocate_tensors()
            self._shape = pixels.shape
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        embeddings: Vectors = self._interpreter.get_tensor(self._output)
        return embeddings
