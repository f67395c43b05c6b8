"""A model in, a folder that other programs can use it from out: pixels in, calibrated scores out.

What is exported holds the network, the head and its calibration in one graph. It is tried on pictures in the runtime it
is made for, and kept only if it gives phototag's own scores.
"""

import json
import logging
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from phototag.bundle import Bundle
from phototag.decide import scores
from phototag.errors import DiskError, ModelError
from phototag.records import Pixels, Vectors

__all__ = ["TARGETS", "Exported", "Target", "export"]

_log = logging.getLogger(__name__)

Target = Literal["onnx", "tflite", "savedmodel", "photoprism"]
"""What a model can be exported to."""

TARGETS: tuple[Target, ...] = get_args(Target)

_TOLERANCE = 0.001
"""The most that a score may differ by; graphs that are right differ by rounding alone, some 0.00001."""

_PICTURES = 16


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model.

    Attributes:
        folder: where it lies.
        difference: the most that any score differs by from phototag's own, on the pictures tried.
    """

    folder: Path
    difference: float


def export(bundle: Bundle, target: Target, folder: Path) -> Exported:
    """Write a model so that other programs can use it.

    Args:
        bundle: the model.
        target: what for.
        folder: absent or empty; afterwards it holds the model, `labels.txt` with a word for each score, and
            `model.json` with the words' thresholds and what the model takes.

    Raises:
        ModelError: the folder is not empty, the network does not load, a package is missing, or what was written does
            not give phototag's own scores. Nothing is kept then.
        DiskError: it cannot be written.
    """
    from phototag.train.export.formats import run, write

    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ModelError(f"{folder} is there already: choose another --out")
        fresh.mkdir(parents=True)
        write(bundle, target, fresh)
        difference = _difference(bundle, lambda pixels: run(target, fresh, pixels))
        if not difference <= _TOLERANCE:
            raise ModelError(
                f"the {target} model gives scores that differ by {difference:.3f} from phototag's own: it is not kept"
            )
        _describe(bundle, target, fresh, difference)
        if folder.exists():
            folder.rmdir()
        os.replace(fresh, folder)
    except OSError as exc:
        raise DiskError(f"{folder} cannot be written ({exc.strerror or exc}): choose another --out") from exc
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Exported(folder, difference)


def pictures(size: int, count: int = _PICTURES) -> Pixels:
    """Coloured patches with grain, the same each time: `(count, size, size, 3) uint8`."""
    random = np.random.default_rng(0)
    made = np.empty((count, size, size, 3), np.uint8)
    for number in range(count):
        patches = random.integers(2, 12)
        side = -(-size // patches)
        coarse = random.integers(0, 256, (patches, patches, 3)).repeat(side, axis=0).repeat(side, axis=1)
        grain = random.normal(scale=random.uniform(0, 40), size=(size, size, 3))
        made[number] = np.clip(coarse[:size, :size] + grain, 0, 255)
    return made


def _difference(bundle: Bundle, compute: Any) -> float:
    """The most that a score differs by from those that `decide` gives to embeddings in floating point."""
    from phototag.backbone.tensorflow import TensorFlowBackbone

    pixels = pictures(bundle.network.image_size)
    own = scores(TensorFlowBackbone(bundle.network, "cpu", _PICTURES).embed(pixels), bundle.classifier)
    found: Vectors = compute(pixels)
    if found.shape != own.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - own).max())


def _describe(bundle: Bundle, target: Target, folder: Path, difference: float) -> None:
    """Write what a program must know to use the model."""
    network, labels = bundle.network, bundle.classifier.labels
    (folder / "labels.txt").write_text("".join(f"{label.word}\n" for label in labels), encoding="utf-8")
    about = {
        "name": bundle.name,
        "fingerprint": bundle.fingerprint,
        "input": {
            "name": "pixels",
            "shape": [None, network.image_size, network.image_size, 3],
            "type": "float32",
            "range": [0, 1] if target == "photoprism" else [0, 255],
            "colours": "RGB",
            "fit": network.fit,
        },
        "output": {"name": "scores", "shape": [None, len(labels)], "type": "float32", "range": [0, 1]},
        "labels": [
            {"word": label.word, "broader": list(label.broader), "threshold": label.threshold} for label in labels
        ],
        "largest_difference": difference,
    }
    text = json.dumps(about, indent=1, ensure_ascii=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")
    if target == "photoprism":
        (folder / "vision.yml").write_text(_vision(bundle), encoding="utf-8")


def _vision(bundle: Bundle) -> str:
    """What PhotoPrism's own `vision.yml` must say; its threshold is one for all labels, so the least of ours."""
    least = min((label.threshold for label in bundle.classifier.labels), default=0.5)
    resize = {"crop": "CenterCrop", "squash": "ResizeBreakAspectRatio", "pad": "Padding"}[bundle.network.fit]
    called = re.sub(r"[^a-z0-9]+", "_", bundle.name.lower()).strip("_") or "phototag"
    return f"""\
# Put this folder into PhotoPrism's assets/models, under the name that "Path" says, and what follows into its
# storage/config/vision.yml.
Models:
- Type: labels
  Name: {called}
  Path: {called}
  Resolution: {bundle.network.image_size}
  TensorFlow:
    Input:
      ResizeOperation: {resize}
- Type: nsfw
  Default: true
- Type: face
  Default: true
Thresholds:
  Confidence: {round(100 * least)}
"""
