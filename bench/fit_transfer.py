"""Folders of labelled photos in; how well a plain classifier learns them out, for each way a photo can be fitted.

    python bench/fit_transfer.py TRAIN VALIDATION [--network efficientnet-lite0]
    python bench/fit_transfer.py FOLDER           [--network efficientnet-lite0]

With one folder, a quarter of its photos is learned from and the rest judged, four times over. The classifier is
scikit-learn's logistic regression on L2-normalised int8 embeddings. The fits are those of bench/top1.py.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from top1 import FITS, NETWORKS, embed_views, fit_all

from phototag.backbone.litert import LiteRTBackbone
from phototag.bundle import find_network
from phototag.records import Vectors

SUFFIXES = (".jpg", ".jpeg")
SPLITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description="Accuracy of a head on embeddings, by how photos are fitted.")
    parser.add_argument("train", type=Path)
    parser.add_argument("validation", type=Path, nargs="?")
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0])
    options = parser.parse_args()
    known = embed_folder(options.train, options.network)
    asked = embed_folder(options.validation, options.network) if options.validation else None
    for fit in FITS:
        accuracy = score(*known[fit], *asked[fit]) if asked else score_splits(*known[fit])
        print(f"{options.network} {options.train} {fit:12} {accuracy:.3f}", flush=True)


def embed_folder(folder: Path, name: str) -> dict[str, tuple[Vectors, np.ndarray]]:
    """Embeddings and categories of a folder's photos, for each fit."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    categories = np.array([path.parent.name for path in photos])
    backbone = LiteRTBackbone(find_network(name))
    views = {fit: fit_all(photos, backbone.network.image_size, fit) for fit in FITS if "+" not in fit}
    return {
        fit: (normalize(embed_views(backbone.embed, [views[view] for view in fit.split("+")])), categories)
        for fit in FITS
    }


def score(known: Vectors, known_as: np.ndarray, asked: Vectors, asked_as: np.ndarray) -> float:
    return float(LogisticRegression(C=20, max_iter=500).fit(known, known_as).score(asked, asked_as))


def score_splits(vectors: Vectors, categories: np.ndarray) -> float:
    chosen = [np.random.default_rng(seed).random(len(vectors)) < 0.25 for seed in range(SPLITS)]
    return float(np.mean([score(vectors[c], categories[c], vectors[~c], categories[~c]) for c in chosen]))


if __name__ == "__main__":
    main()
