"""A network's name and where its weights come from in; a network folder out, as those that come with phototag have.

What is made is kept: the next run that asks for the same finds it. It has no graph in whole numbers, because that needs
photos to be measured on, and a network would then be another one for other photos.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras

from phototag.backbone import FROM_SCRATCH
from phototag.backbone.applications import pretrained_weights
from phototag.backbone.convert import write_network
from phototag.backbone.networks import SCALES, build_network, known_network, usual_size
from phototag.backbone.pretrained import load_pretrained
from phototag.bundle import find_network, load_network
from phototag.errors import ModelError
from phototag.records import Network

_VERSION = 1
"""To be raised when the same wish comes to another network."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A network.

    Attributes:
        name: in any case.
        image_size: side of the square it is to take, pixels; None: the one it was trained on.
        weights: "own" that come with phototag or that Keras downloads, a file of them, or "none": random ones.
        seed: of random weights.
    """

    name: str
    image_size: int | None = None
    weights: Path | Literal["own", "none"] = "own"
    seed: int = 0


def make_network(wish: Wish, place: Path) -> Network:
    """Find or make a network.

    Args:
        wish: which.
        place: folder where those that do not come with phototag are kept; made if it is not there.

    Raises:
        ModelError: there is no such network, or its weights cannot be had or do not fit, or it cannot be converted.
    """
    name = known_network(wish.name)
    wish = replace(wish, name=name, image_size=wish.image_size or usual_size(name))
    if name in SCALES and wish.weights == "own":
        shipped = find_network(name)
        if shipped.image_size == wish.image_size:
            return shipped
    folder = place / f"{name}-{wish.image_size}-{_key(wish)}"
    if not (folder / "network.json").is_file():
        _make(wish, folder)
    return load_network(folder)


def _make(wish: Wish, folder: Path) -> None:
    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    model = _model(wish)
    try:
        fresh.mkdir(parents=True)
        write_network(fresh, model, "crop")
        os.replace(fresh, folder)
    except OSError as exc:
        if not (folder / "network.json").is_file():  # another run was quicker
            raise ModelError(f"{wish.name} cannot be written to {folder}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _model(wish: Wish) -> keras.Model:
    """The network with its weights."""
    assert wish.image_size is not None
    if wish.weights == "own" and wish.name in SCALES:
        return load_pretrained(replace(find_network(wish.name), image_size=wish.image_size))
    keras.utils.set_random_seed(wish.seed)
    model = build_network(wish.name, wish.image_size)
    if wish.weights == "none" or wish.name == FROM_SCRATCH:
        return model
    if wish.name in SCALES:
        raise ModelError(f"{wish.name} comes with its weights: leave out --weights")
    model.set_weights(
        pretrained_weights(wish.name, wish.image_size, None if wish.weights == "own" else Path(wish.weights))
    )
    return model


def _key(wish: Wish) -> str:
    """The same for the same wish."""
    weights: object = wish.weights
    if isinstance(weights, Path):
        try:
            with weights.open("rb") as file:
                weights = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            raise ModelError(f"{weights} cannot be read ({exc.strerror}): name a file of weights") from exc
    random = wish.seed if wish.weights == "none" or wish.name == FROM_SCRATCH else 0
    decides = [_VERSION, keras.__version__, weights, random]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]
