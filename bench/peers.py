#!/usr/bin/env python3
"""EfficientNet-Lite0 at 224 px in PyTorch with a DataLoader and in ONNX Runtime with Pillow's `draft`: their speed.

Usage: peers.py PATHS_FILE CORES

Run by bench/scan.py with another Python, so that phototag's own needs neither. To install:

    python -m venv peers
    peers/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    peers/bin/pip install onnx onnxruntime pillow

Prints a line of JSON: rates by name, or for a name why it could not be measured. The weights are random: they do not
change the speed. Both are float32, as they come; the images are squashed.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lite_torch import LITE0, network

SIZE, BATCH = LITE0.size, 32


def main() -> None:
    paths = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cores = int(sys.argv[2])
    rates: dict[str, float | str] = {}
    for name, way in (("PyTorch", pytorch), ("ONNX Runtime", onnx_runtime)):
        try:
            rates[name] = way(paths, cores)
        except ImportError as exc:
            rates[name] = str(exc)
    print(json.dumps(rates))


def pytorch(paths: Sequence[str], cores: int) -> float:
    """A DataLoader of as many processes as cores decodes in full and resizes, batches of 32 to the network."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(cores)
    model = network(LITE0, 1000).eval()
    with torch.inference_mode():
        model(torch.zeros(BATCH, 3, SIZE, SIZE))
        start = time.perf_counter()
        for batch in DataLoader(Photos(paths), batch_size=BATCH, num_workers=cores):
            model(batch)
        return len(paths) / (time.perf_counter() - start)


def onnx_runtime(paths: Sequence[str], cores: int) -> float:
    """As many threads as cores decode with `draft`, batches of 32 to the network."""
    import numpy as np
    import onnx  # noqa: F401 - what PyTorch exports with
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "network.onnx"))
        sizes = {"photos": {0: "batch"}}
        example = torch.zeros(1, 3, SIZE, SIZE)
        model = network(LITE0, 1000).eval()
        torch.onnx.export(model, (example,), path, input_names=["photos"], dynamic_axes=sizes, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    session.run(None, {"photos": np.zeros((BATCH, 3, SIZE, SIZE), np.float32)})
    with ThreadPoolExecutor(cores) as pool:
        start = time.perf_counter()
        waiting: list[Any] = []
        for photo in pool.map(drafted, paths):
            waiting.append(photo)
            if len(waiting) == BATCH:
                session.run(None, {"photos": np.stack(waiting)})
                waiting = []
        if waiting:
            session.run(None, {"photos": np.stack(waiting)})
        return len(paths) / (time.perf_counter() - start)


class Photos:
    """A data set for the DataLoader."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> Any:
        return prepared(self.paths[at], lambda _image: None)


def drafted(path: str) -> Any:
    return prepared(path, lambda image: image.draft("RGB", (2 * SIZE, 2 * SIZE)))


def prepared(path: str, scale: Callable[[Any], object]) -> Any:
    """A photo as the network takes it: `(3, 224, 224) float32`, -1 to 1."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        scale(image)
        pixels = np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1))


if __name__ == "__main__":
    main()
