"""A batch of pixels in; nothing, or a `ModelError` that says what is wrong with it, out."""

import numpy as np

from phototag.errors import ModelError
from phototag.records import Network, Pixels


def check_pixels(pixels: Pixels, network: Network) -> None:
    """Make sure that a batch is one the network takes: `(N, S, S, 3) uint8` with N from 1 up.

    Raises:
        ModelError: it is not.
    """
    size = network.image_size
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3) or not len(pixels):
        raise ModelError(
            f"{network.name} takes pixels of shape (1 or more, {size}, {size}, 3) and type uint8, "
            f"not {pixels.shape} and {pixels.dtype}"
        )
