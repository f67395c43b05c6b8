"""EfficientNet-Lite in PyTorch, for the peers' benchmarks: a variant and a number of classes in, a network out.

What imports this runs in a Python that has torch; phototag's own has none.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A network of the family.

    Attributes:
        size: side of the square that it takes, pixels.
        stages: expansion, channels, repeats, first stride, kernel of each.
    """

    size: int
    stages: tuple[tuple[int, int, int, int, int], ...]


# Tan and Le 2019; the Lite variants of 2020. Lite2 is 1.1 times as wide and 1.2 times as deep.
LITE0 = Variant(
    224,
    (
        (1, 16, 1, 1, 3),
        (6, 24, 2, 2, 3),
        (6, 40, 2, 2, 5),
        (6, 80, 3, 2, 3),
        (6, 112, 3, 1, 5),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ),
)
LITE2 = Variant(
    260,
    (
        (1, 16, 1, 1, 3),
        (6, 24, 3, 2, 3),
        (6, 48, 3, 2, 5),
        (6, 88, 4, 2, 3),
        (6, 120, 4, 1, 5),
        (6, 208, 5, 2, 5),
        (6, 352, 1, 1, 3),
    ),
)


def network(variant: Variant, classes: int, dropout: float = 0.0) -> Any:
    """A network with random weights, for squares of the variant's size; it pads as TensorFlow does.

    Args:
        variant: which.
        classes: width of the last layer.
        dropout: the part of the embedding that is left out at each step of training.
    """
    from torch import nn

    def convolution(side: int, taken: int, given: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
        over = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        layer = nn.Conv2d(taken, given, kernel, stride, 0 if over % 2 else over // 2, groups=groups, bias=False)
        uneven = [nn.ZeroPad2d((over // 2, over - over // 2) * 2)] if over % 2 else []
        return [*uneven, layer, nn.BatchNorm2d(given, eps=1e-3)]

    class Block(nn.Module):
        def __init__(self, side: int, taken: int, given: int, expansion: int, kernel: int, stride: int) -> None:
            super().__init__()
            wide = taken * expansion
            layers = [*convolution(side, taken, wide, 1), nn.ReLU6()] if expansion > 1 else []
            layers += [*convolution(side, wide, wide, kernel, stride, wide), nn.ReLU6()]
            self.layers = nn.Sequential(*layers, *convolution(-(-side // stride), wide, given, 1))
            self.is_residual = taken == given and stride == 1

        def forward(self, x: Any) -> Any:
            return x + self.layers(x) if self.is_residual else self.layers(x)

    layers: list[Any] = [*convolution(variant.size, 3, 32, 3, 2), nn.ReLU6()]
    side, taken = -(-variant.size // 2), 32
    for expansion, given, repeats, first_stride, kernel in variant.stages:
        for number in range(repeats):
            stride = first_stride if number == 0 else 1
            layers.append(Block(side, taken, given, expansion, kernel, stride))
            side, taken = -(-side // stride), given
    layers += [*convolution(side, taken, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(1280, classes))
