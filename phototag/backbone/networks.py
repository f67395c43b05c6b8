"""A network's name in, its untrained Keras model out: the EfficientNet-Lite family, and who builds the others.

The family is EfficientNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) made for phones by Google
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): no squeeze-and-excitation, ReLU6
in place of swish, and a stem and a top that do not grow with the rest.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import keras

from phototag.backbone import FROM_SCRATCH
from phototag.backbone.applications import application_size, applications, build_application
from phototag.backbone.small import IMAGE_SIZE, build_small
from phototag.errors import ModelError

EMBEDDING_SIZE = 1280
RESCALED = "rescale"
"""The layer behind which pixels are (rgb - 127) / 128."""
_STEM_FILTERS = 32
_NORM_EPSILON = 1e-3
_NORM_MOMENTUM = 0.99


@dataclass(frozen=True, slots=True)
class Scale:
    """How a member of the family differs from the others.

    Attributes:
        width: factor on the number of filters in the blocks.
        depth: factor on the number of blocks in every stage but the first and the last.
        image_size: side of the square it was trained on, pixels.
    """

    width: float
    depth: float
    image_size: int


class _Stage(NamedTuple):
    """Blocks of one kind; the first of them has the stride, the others 1."""

    blocks: int
    kernel_size: int
    stride: int
    expansion: int
    filters: int


SCALES = {
    "efficientnet-lite0": Scale(1.0, 1.0, 224),
    "efficientnet-lite2": Scale(1.1, 1.2, 260),
}

_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def known_network(name: str) -> str:
    """The name of a network as it is written here, whatever its case.

    Raises:
        ModelError: there is none of that name.
    """
    names = [*SCALES, FROM_SCRATCH, *applications()]
    found = {one.lower(): one for one in names}.get(name.lower())
    if found is None:
        raise ModelError(f"no network {name!r} is defined: choose one of {', '.join(names)}")
    return found


def usual_size(name: str) -> int:
    """Side of the square that a network was trained on, pixels."""
    if name in SCALES:
        return SCALES[name].image_size
    return IMAGE_SIZE if name == FROM_SCRATCH else application_size(name)


def build_network(name: str, image_size: int | None = None) -> keras.Model:
    """Build a network with random weights.

    Args:
        name: as `known_network` gives it.
        image_size: side of the square it takes, pixels; by default the one it was trained on.

    Returns:
        A model from `(N, S, S, 3)` upright RGB, 0 to 255, uint8 or float, to `(N, D) float32` embeddings.

    Raises:
        ModelError: no network of that name, or it cannot be so small.
    """
    size = image_size or usual_size(known_network(name))
    if name in SCALES:
        return _build_lite(name, size)
    return build_small(name, size, RESCALED) if name == FROM_SCRATCH else build_application(name, size)


def _build_lite(name: str, size: int) -> keras.Model:
    """A member of the family, whose embeddings have 1280 numbers.

    The layers are called `stem`, `block00_expand`, `block00_depthwise`, `block00_project`, ..., `top`, `pool`, with
    `_norm` and `_relu6` behind them, so that a part of the network can be named by its block's number.
    """
    pixels = keras.Input((size, size, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name=RESCALED)(pixels)
    x = keras.layers.Conv2D(_STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = _norm(x, "stem", relu6=True)
    for number, stage in enumerate(_scaled_blocks(SCALES[name])):
        x = _block(x, f"block{number:02}", stage)
    x = keras.layers.Conv2D(EMBEDDING_SIZE, 1, use_bias=False, name="top")(x)
    x = _norm(x, "top", relu6=True)
    embeddings = keras.layers.GlobalAveragePooling2D(name="pool", dtype="float32")(x)
    return keras.Model(pixels, embeddings, name=name)


def _scaled_blocks(scale: Scale) -> list[_Stage]:
    """Every block by itself, in order, as a stage of one."""
    blocks = []
    for place, stage in enumerate(_STAGES):
        at_an_end = place in (0, len(_STAGES) - 1)
        count = stage.blocks if at_an_end else math.ceil(stage.blocks * scale.depth)
        first = stage._replace(blocks=1, filters=_round_filters(stage.filters * scale.width))
        blocks += [first, *[first._replace(stride=1)] * (count - 1)]
    return blocks


def _round_filters(filters: float) -> int:
    """The nearest multiple of 8 that loses no more than a tenth."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters else rounded + 8


def _block(x: keras.KerasTensor, name: str, stage: _Stage) -> keras.KerasTensor:
    """Expand, convolve each channel by itself, project; add the input where the shape is the same."""
    entering, filters = x, x.shape[-1]
    if stage.expansion > 1:
        x = keras.layers.Conv2D(filters * stage.expansion, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _norm(x, f"{name}_expand", relu6=True)
    x = keras.layers.DepthwiseConv2D(
        stage.kernel_size, strides=stage.stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _norm(x, f"{name}_depthwise", relu6=True)
    x = keras.layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = _norm(x, f"{name}_project", relu6=False)
    if stage.stride == 1 and stage.filters == filters:
        x = keras.layers.Add(name=f"{name}_add")([entering, x])
    return x


def _norm(x: keras.KerasTensor, name: str, *, relu6: bool) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(epsilon=_NORM_EPSILON, momentum=_NORM_MOMENTUM, name=f"{name}_norm")(x)
    return keras.layers.ReLU(max_value=6, name=f"{name}_relu6")(x) if relu6 else x
