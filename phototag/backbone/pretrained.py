"""A network's weights file in; a Keras model with those weights, or the ImageNet classifier among them, out."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phototag.bundle import network_file
from phototag.errors import ModelError
from phototag.records import Dense, Network, Vectors

if TYPE_CHECKING:
    import keras

_CLASSIFIER = ("classifier/kernel", "classifier/bias")


def load_pretrained(network: Network) -> "keras.Model":
    """Build a network in Keras and give it its weights.

    Args:
        network: from `bundle.find_network`.

    Returns:
        The model of `networks.build_network`, in the dtype policy that is set.

    Raises:
        ModelError: the weights are missing, damaged or of another network.
    """
    from phototag.backbone.networks import build_network

    path = network_file(network, "weights")
    arrays = _read_arrays(path)
    model = build_network(network.name, network.image_size)
    try:
        for layer in model.layers:
            layer.set_weights([arrays.pop(f"{layer.name}/{variable.name}") for variable in layer.weights])
            if hasattr(layer, "finalize_state"):  # its weights do nothing until they are said to be final
                layer.finalize_state()
    except (KeyError, ValueError) as exc:
        raise ModelError(f"{path} does not hold the weights of {network.name} ({exc}): install phototag again") from exc
    left_over = arrays.keys() - set(_CLASSIFIER)
    if left_over:
        raise ModelError(f"{path} holds weights that {network.name} has no place for: {min(left_over)}, ...")
    return model


def imagenet_classifier(network: Network) -> Dense:
    """The layer that turns a network's embeddings into the logits of ImageNet's 1,000 classes, in synset order.

    Raises:
        ModelError: the weights are missing or damaged, or hold no such layer.
    """
    path = network_file(network, "weights")
    arrays = _read_arrays(path)
    try:
        kernel, bias = (arrays[key] for key in _CLASSIFIER)
    except KeyError as exc:
        raise ModelError(f"{path} holds no ImageNet classifier") from exc
    return Dense(kernel, bias)


def _read_arrays(path: Path) -> dict[str, Vectors]:
    """Every array of an `.npz`, as float32."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key].astype(np.float32) for key in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as exc:
        raise ModelError(f"{path} cannot be read ({exc}): install phototag again") from exc
