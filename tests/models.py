"""Small models for tests: one that knows colours, and one that always answers."""

from pathlib import Path

import numpy as np

from phototag.bundle import DEFAULT_NETWORK, Bundle, find_network, save_bundle
from phototag.records import Classifier, Dense, Label, Network, Pixels, Vectors

COLOURS = Classifier(
    layers=(Dense(np.eye(3, dtype=np.float32) * 20, np.full(3, -10, np.float32)),),
    activation="sigmoid",
    labels=(
        Label("red", (0,), ("colour",), 0.9),
        Label("green", (1,), ("colour",), 0.9),
        Label("blue", (2,), ("colour",), 0.9),
        Label("colour", (0, 1, 2), (), 0.9),
    ),
)
"""Says which primary colour a `ColourBackbone`'s photo has; grey photos are none of these."""


class ColourBackbone:
    """A network whose embedding is the photo's mean colour, 0 to 1: the smallest real thing a scan can run on."""

    network = Network("colour", "0" * 64, "", {}, image_size=32, embedding_size=3, fit="crop")
    device = "cpu"
    batch_size = 4

    def embed(self, pixels: Pixels) -> Vectors:
        vectors: Vectors = (pixels.reshape(len(pixels), -1, 3).mean(axis=1) / 255).astype(np.float32)
        return vectors


def save_always(folder: Path, *words: str) -> Bundle:
    """A bundle on the default network that gives every photo all of `words`."""
    network = find_network(DEFAULT_NETWORK)
    head = Dense(np.zeros((network.embedding_size, len(words)), np.float32), np.full(len(words), 9, np.float32))
    classifier = Classifier((head,), "sigmoid", tuple(Label(word, (n,)) for n, word in enumerate(words)))
    return save_bundle(folder, name=folder.name, network=network, classifier=classifier, metrics={}, settings={})
