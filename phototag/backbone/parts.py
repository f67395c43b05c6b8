"""A network in; its lower part, which stays as it is, and its upper part, which fine-tuning trains, out."""

from dataclasses import dataclass
from typing import Any

import keras

_UPPER = {"efficientnet-lite0": "block10_expand", "efficientnet-lite2": "block14_expand"}
"""The first layer that is trained: of Lite2 from the 14th block on, and where the same stage ends in Lite0."""
_UPPER_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Parts:
    """A network in two.

    Attributes:
        lower: from pixels to features; None where all of the network is trained.
        upper: from features, or pixels, to embeddings. Its layers are those of the whole network.
    """

    lower: keras.Model | None
    upper: keras.Model


def split(model: keras.Model, *, whole: bool = False) -> Parts:
    """Cut a network in two, and make of its upper part what can be trained.

    Batch normalisation is not trained: on a few hundred photos, its means and scales would follow the batches.

    Args:
        model: from `pretrained.load_pretrained`.
        whole: train all of it.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    if whole:
        return Parts(None, model)
    first = _UPPER.get(model.name)
    cut = model.get_layer(first).input if first else _narrow_place(model)
    return Parts(keras.Model(model.input, cut), keras.Model(cut, model.output))


def _narrow_place(model: keras.Model) -> Any:
    """The output of the last layer in the network's first two thirds through which everything passes."""
    layers = model.operations  # some networks add and multiply without a layer
    order = {id(layer): n for n, layer in enumerate(layers)}
    reach = [0] * len(layers)  # the last layer that a layer's output goes to
    for layer in layers:
        for node in layer._inbound_nodes:
            for before in node.parent_nodes:
                n = order.get(id(before.operation))
                if n is not None:
                    reach[n] = max(reach[n], order[id(layer)])
    furthest, narrow = 0, layers[0]
    for n, layer in enumerate(layers[: int((1 - _UPPER_SHARE) * len(layers))]):
        if furthest <= n:
            narrow = layer
        furthest = max(furthest, reach[n])
    return narrow.output
