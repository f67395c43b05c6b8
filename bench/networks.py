"""Networks of `keras.applications` in; how many photos each embeds in a second beside Lite0, as a scan would, out.

    python bench/networks.py [MobileNetV2 EfficientNetV2B0 ResNet50 InceptionV3 Xception small-cnn]

They get random weights, which cost the same time as others. Each runs as it does before it is fine-tuned, in floating
point, Lite0 in whole numbers. All take turns in each round; the best round counts.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from phototag.backbone import Backbone
from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.made import Wish, make_network
from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.records import Pixels

NETWORKS = ("MobileNetV2", "EfficientNetV2B0", "ResNet50", "InceptionV3", "Xception", "small-cnn")
ROUNDS = 4
ROUND_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description="Photos embedded in a second, beside Lite0.")
    parser.add_argument("network", nargs="*", default=NETWORKS)
    names = parser.parse_args().network
    with tempfile.TemporaryDirectory() as place:
        networks = [make_network(Wish(name, weights="none"), Path(place)) for name in names]
        opened = [LiteRTBackbone(network) for network in (find_network(DEFAULT_NETWORK), *networks)]
    best = [0.0] * len(opened)
    for _ in range(ROUNDS):
        for n, backbone in enumerate(opened):
            best[n] = max(best[n], rate(backbone, squares(backbone)))
    print("network             pixels  embedding  photos/s  beside Lite0")
    for backbone, photos in zip(opened, best, strict=True):
        own = backbone.network
        print(f"{own.name:20}{own.image_size:6}{own.embedding_size:11}{photos:10.0f}{photos / best[0]:14.2f}")


def squares(backbone: Backbone) -> Pixels:
    size = backbone.network.image_size
    return np.random.default_rng(0).integers(0, 256, (backbone.batch_size, size, size, 3), np.uint8)


def rate(backbone: Backbone, pixels: Pixels) -> float:
    """Photos in a second, once it is warm."""
    backbone.embed(pixels)
    photos, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < ROUND_S:
        backbone.embed(pixels)
        photos += len(pixels)
    return photos / took


if __name__ == "__main__":
    main()
