"""Camera originals in; how fast they decode at each oversampling, and how far the embeddings move, out.

    python bench/decode.py DIR [--network efficientnet-lite0] [--rounds 2]

A JPEG is scaled down while it is decoded to at least OVERSAMPLING pixels a side for each that the network takes. Every
row decodes the same photos in one thread; the rows take turns within a round, and the best round counts, in processor
time, so that other programs disturb it little. The last columns compare with full decoding, in the network's int8
embeddings: their cosine, and how often the best of ImageNet's classes is the same. The last line does that for what
int8 itself changes: float32 embeddings of the same pixels.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np

from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.pretrained import imagenet_classifier
from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.decide import layer_logits, normalised
from phototag.decode import decode, opened
from phototag.records import Decoded, Dense, Network, PhotoRef, Vectors

OVERSAMPLINGS = (1.0, 1.5, 2.0, 3.0, 4.0)
FULL = 1e9
"""More pixels than any photo has: nothing is scaled while it is decoded."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The speed and the price of scaling JPEGs while they are decoded.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default=DEFAULT_NETWORK)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    photos = [path for path in sorted(options.folder.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg")]
    if not photos:
        parser.error(f"{options.folder} holds no JPEG")
    network = find_network(options.network)
    embed = LiteRTBackbone(network).embed
    head = imagenet_classifier(network)
    seconds = dict.fromkeys((*OVERSAMPLINGS, FULL), math.inf)
    vectors = {}
    for _ in range(options.rounds):
        for oversampling in seconds:
            start = time.process_time()
            decoded = [decode_with(oversampling, path, network) for path in photos]
            seconds[oversampling] = min(seconds[oversampling], time.process_time() - start)
            pixels = np.stack([photo.pixels for photo in decoded])
            vectors[oversampling] = embed(pixels)
    float32 = LiteRTBackbone(network, graph="float32").embed(pixels)  # of the last row, which is decoded in full
    megapixels = [photo.facts.width * photo.facts.height / 1e6 for photo in decoded]
    print(f"{len(photos)} JPEGs of {min(megapixels):.1f} to {max(megapixels):.1f} megapixels, {network.name}")
    print("oversampling  photos/s  times full  cosine with full: mean, least   same best class")
    for oversampling, taken in seconds.items():
        name = "full" if oversampling == FULL else f"{oversampling:.1f}"
        alike = compare(vectors[oversampling], vectors[FULL], head)
        print(f"{name:>12}  {len(photos) / taken:8.1f}  {seconds[FULL] / taken:10.2f}   {alike}")
    print(f"{'float32':>12}  {'':8}  {'':10}   {compare(float32, vectors[FULL], head)}")


def compare(some: Vectors, others: Vectors, head: Dense) -> str:
    """Cosines of embeddings, and how often both are of the same class."""
    cosines = (normalised(some) * normalised(others)).sum(axis=1)
    same = layer_logits(some, [head]).argmax(axis=1) == layer_logits(others, [head]).argmax(axis=1)
    return f"{cosines.mean():.4f}, {cosines.min():.4f}   {same.mean():.1%}"


def decode_with(oversampling: float, path: Path, network: Network) -> Decoded:
    opened.OVERSAMPLING = oversampling
    return decode(PhotoRef(str(path), 0, 0), network.image_size, network.fit)


if __name__ == "__main__":
    main()
