"""The name of a network of `keras.applications` in; a Keras model from pixels to embeddings, or its weights, out.

Names, layers and how each wants its pixels are taken from Keras itself, so that what Keras adds is here too.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from phototag.errors import ModelError
from phototag.records import Vectors

_SIZES = {
    "Xception": 299,
    "InceptionV3": 299,
    "InceptionResNetV2": 299,
    "NASNetLarge": 331,
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384,
    "EfficientNetV2M": 480,
    "EfficientNetV2L": 480,
}
"""Sides of the squares that networks were trained on; Keras tells them only by building the whole classifier."""
_USUAL_SIZE = 224
_IMAGENET_CLASSES = 1000
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def applications() -> dict[str, Callable[..., keras.Model]]:
    """What `keras.applications` has, by name."""
    return {name: made for name, made in vars(keras.applications).items() if name[0].isupper() and callable(made)}


def application_size(name: str) -> int:
    """Side of the square that a network was trained on, pixels."""
    return _SIZES.get(name, _USUAL_SIZE)


def build_application(name: str, size: int) -> keras.Model:
    """Build a network with random weights.

    Layers are called by kind and place, because some of Keras's names count on while a process lives, others begin
    with `_`, which LiteRT does not take, and names go into graphs and so into fingerprints.

    Args:
        name: a key of `applications`.
        size: side of the square it takes, pixels.

    Returns:
        A model from `(N, size, size, 3)` RGB, 0 to 255, to `(N, D) float32` embeddings, the mean over the square.

    Raises:
        ModelError: Keras does not build it at this size.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    base = _built(name, size, input_tensor=as_it_wants(name, pixels))
    for number, operation in enumerate(base.operations[1:], 1):
        operation.name = f"{type(operation).__name__.lower()}{number:03}"
    embeddings = keras.layers.Activation("linear", dtype="float32", name="embedding")(base.output)
    return keras.Model(pixels, embeddings, name=name)


def pretrained_weights(name: str, size: int, file: Path | None) -> list[Vectors]:
    """The ImageNet weights of a network, in the order in which `build_application`'s model lists them.

    Args:
        name: a key of `applications`.
        size: side of the square.
        file: as Keras offers it for download, with or without the classifier; None: Keras downloads it, unless it has
            done so before.

    Raises:
        ModelError: the file does not hold this network's weights, or cannot be had.
    """
    arrays = _downloaded(name, size) if file is None else _read(name, size, file)
    if name.startswith("EfficientNetB"):
        # With these weights and no others, Keras divides by a root of the deviation once more, in a layer of its own
        # behind the normalisation. Here that goes into the variance, the second array of all.
        arrays[1] = arrays[1] * _IMAGENET_DEVIATION
    return arrays


def as_it_wants(name: str, pixels: Any) -> Any:
    """Pixels as a network's own `preprocess_input` makes them: it is asked for black and the three colours.

    Args:
        name: a key of `applications`.
        pixels: `(N, S, S, 3)` RGB, 0 to 255, symbolic.
    """
    asked = np.zeros((4, 1, 1, 3), np.float32)
    asked[1:, 0, 0] = 255 * np.eye(3)
    given = sys.modules[applications()[name].__module__].preprocess_input(asked.copy())
    black, *colours = np.asarray(given, np.float64)[:, 0, 0]
    scale = (np.array(colours) - black) / 255
    if not scale.diagonal().all():  # blue comes first
        pixels, scale = pixels[..., ::-1], scale[::-1]
    return keras.layers.Rescaling(scale.diagonal().tolist(), black.tolist())(pixels)


def _built(name: str, size: int, **options: Any) -> keras.Model:
    """A network of random weights without its classifier, unless the options say otherwise."""
    try:
        return applications()[name](**{"weights": None, **_bare(size), **options})
    except ValueError as exc:
        raise ModelError(f"{name} cannot be built for squares of {size} pixels: {_first_line(exc)}") from exc


def _bare(size: int) -> dict[str, Any]:
    """Without its classifier."""
    return {"include_top": False, "pooling": "avg", "input_shape": (size, size, 3)}


def _downloaded(name: str, size: int) -> list[Vectors]:
    """Keras's own weights."""
    talkative = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()  # it would print to stdout
    try:
        options = {"weights": "imagenet", **_bare(size)}
        return [np.array(array, np.float32) for array in applications()[name](**options).get_weights()]
    except Exception as exc:  # which is what Keras raises when a download fails
        address = re.search(r"https?://\S+?(?=:?\s|$)", str(exc))
        wanted = address[0] if address else f"the weights of {name}"
        file = wanted.rpartition("/")[2] if address else "the file"
        raise ModelError(
            f"Keras could not download {wanted} ({_first_line(exc).rpartition(' -- ')[2]}): get {file} on another "
            "machine and name it with --weights, or begin without with --weights none"
        ) from exc
    finally:
        if talkative:
            keras.config.enable_interactive_logging()


def _read(name: str, size: int, file: Path) -> list[Vectors]:
    """The weights in a file, whether that holds the classifier or not."""
    if not file.is_file():
        raise ModelError(f"{file} is not there: name a file of {name}'s weights with --weights")
    model = _built(name, size)
    count, reason = len(model.weights), ""
    for whole in (False, True):
        if whole:  # its classifier comes last
            model = _built(name, size, include_top=True, pooling=None, classes=_IMAGENET_CLASSES)
        try:
            model.load_weights(file)
        except (ValueError, OSError, KeyError) as exc:
            reason = reason or _first_line(exc)
            continue
        return [np.array(array, np.float32) for array in model.get_weights()[:count]]
    raise ModelError(f"{file} does not hold the weights of {name} ({reason}): name the file that Keras offers for it")


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0]
