"""A size in pixels in; a small network that has learned nothing yet out.

It is the network of the classic cats-and-dogs exercise: three convolutions of 16, 32 and 64 filters, each followed by
a halving, and a dense layer of 512. At 150 pixels and with one output it has the published 9,494,561 parameters.
"""

import math

import keras

from phototag.errors import ModelError

IMAGE_SIZE = 150
_LEAST_SIZE = 22
"""Below, less than a pixel would be left behind the third halving."""
_FILTERS = (16, 32, 64)
_UNITS = 512


def build_small(name: str, size: int, rescaled: str) -> keras.Model:
    """Build it with random weights.

    Args:
        name: the model's.
        size: side of the square it takes, pixels, 22 or more.
        rescaled: what to call the layer behind which pixels are (rgb - 127) / 128.

    Returns:
        A model from `(N, size, size, 3)` RGB, 0 to 255, to `(N, 512) float32` embeddings.

    Raises:
        ModelError: the square is too small.
    """
    if size < _LEAST_SIZE:
        raise ModelError(f"{name} takes squares of {_LEAST_SIZE} pixels or more, not {size}")
    pixels = keras.Input((size, size, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name=rescaled)(pixels)
    for number, filters in enumerate(_FILTERS):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"convolution{number}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"halved{number}")(x)
    x = keras.ops.reshape(x, (-1, math.prod(x.shape[1:])))  # a Flatten layer would hold LiteRT to one batch size
    embeddings = keras.layers.Dense(_UNITS, activation="relu", name="dense", dtype="float32")(x)
    return keras.Model(pixels, embeddings, name=name)
