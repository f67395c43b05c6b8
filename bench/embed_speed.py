"""Networks in; photos embedded in a second out, by batch size, for every way phototag can run them here.

    python bench/embed_speed.py [--network efficientnet-lite0] [--gpu]

All ways take turns in each round, so that what else the machine does falls on all of them; the best round counts.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.tensorflow import TensorFlowBackbone
from phototag.bundle import find_network
from phototag.records import Network, Pixels

NETWORKS = ("efficientnet-lite0", "efficientnet-lite2")
SIZES = (1, 4, 8, 16, 32)
ROUNDS = 3
ROUND_S = 0.4

Embed = Callable[[Pixels], object]


def main() -> None:
    parser = argparse.ArgumentParser(description="Photos embedded in a second.")
    parser.add_argument("--network", choices=NETWORKS, action="append", help="by default all")
    parser.add_argument("--gpu", action="store_true", help="TensorFlow on the GPU too")
    options = parser.parse_args()
    print("photos in a second, by photos in a batch", *(f"{size:6}" for size in SIZES))
    for name in options.network or NETWORKS:
        network = find_network(name)
        best: dict[str, list[float]] = {}
        for place, size in enumerate(SIZES):
            ways = open_ways(network, size, gpu=options.gpu)
            shape = (size, network.image_size, network.image_size, 3)
            pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
            for _ in range(ROUNDS):
                for way, (photos, embed) in ways.items():
                    rates = best.setdefault(way, [0.0] * len(SIZES))
                    rates[place] = max(rates[place], photos * rate(embed, pixels))
        for way, rates in best.items():
            print(f"{name:20} {way:19}", *(f"{x:6.0f}" for x in rates), flush=True)


def open_ways(network: Network, size: int, *, gpu: bool) -> dict[str, tuple[int, Embed]]:
    """Each way to embed, with the photos that one call embeds; whole batches, whatever the backbone would choose."""
    ways: dict[str, tuple[int, Embed]] = {
        "int8, 2 threads": (size, open_litert(network, size, 2, "int8")),
        "int8, 1 thread": (size, open_litert(network, size, 1, "int8")),
        "int8, 2 x 1 thread": (2 * size, twice(open_litert, network, size, 1, "int8")),
        "float32, 2 threads": (size, open_litert(network, size, 2, "float32")),
        "TensorFlow, CPU": (size, TensorFlowBackbone(network, "cpu", size).embed),
    }
    if gpu:
        ways["TensorFlow, GPU"] = (size, TensorFlowBackbone(network, "gpu", size).embed)
    return ways


def open_litert(network: Network, size: int, threads: int, graph: str) -> Embed:
    return LiteRTBackbone(network, threads, size, graph="int8" if graph == "int8" else "float32").embed


def twice(opened: Callable[..., Embed], *args: object) -> Embed:
    """Two backbones of their own, side by side."""
    pair, pool = [opened(*args) for _ in range(2)], ThreadPoolExecutor(2)
    return lambda pixels: list(pool.map(lambda embed: embed(pixels), pair))


def rate(embed: Embed, pixels: Pixels) -> float:
    """Calls in a second."""
    embed(pixels)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < ROUND_S:
        embed(pixels)
        calls += 1
    return calls / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
