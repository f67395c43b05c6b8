"""ImageNet photos with their synset in the file name in; top-1 of each network, precision and fit out.

    python bench/top1.py DIR [--network efficientnet-lite0] [--fit crop]

By it was chosen how a photo is fitted to the network's square, and what int8 costs; see docs/networks.md. "zoom" is the
middle 87.5 % of the centre crop, as ImageNet figures are commonly taken; "crop+squash" averages two embeddings.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.pretrained import imagenet_classifier
from phototag.bundle import BUILT_IN, find_network, shipped_models
from phototag.decode import decode
from phototag.records import Fit, PhotoRef, Pixels, Vectors

NETWORKS = ("efficientnet-lite0", "efficientnet-lite2")
ZOOM = 0.875
FITS = ("crop", "squash", "pad", "zoom", "crop+squash")


def main() -> None:
    parser = argparse.ArgumentParser(description="Top-1 on ImageNet photos named n01440764_tench.JPEG.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", choices=NETWORKS, action="append", help="by default all")
    parser.add_argument("--fit", choices=FITS, action="append", help="by default all")
    options = parser.parse_args()
    synsets = read_synsets()
    photos = [path for path in sorted(options.folder.iterdir()) if synset_of(path) in synsets]
    if not photos:
        parser.error(f"{options.folder} holds no photo with an ImageNet synset in its name")
    truth = np.array([synsets.index(synset_of(path)) for path in photos])
    print(f"{len(photos)} photos{'':19}float32   int8   cosine between them: mean, least")
    for name in options.network or NETWORKS:
        network = find_network(name)
        head = imagenet_classifier(network)
        fits = options.fit or FITS
        views = {
            view: fit_all(photos, network.image_size, view) for view in {v for fit in fits for v in fit.split("+")}
        }
        vectors = {}
        for graph in ("float32", "int8"):
            backbone = LiteRTBackbone(network, graph=graph)
            vectors[graph] = {fit: embed_views(backbone.embed, [views[v] for v in fit.split("+")]) for fit in fits}
        for fit in fits:
            exact, quick = (vectors[graph][fit] for graph in ("float32", "int8"))
            tops = [float(np.mean((x @ head.kernel + head.bias).argmax(axis=1) == truth)) for x in (exact, quick)]
            cosines = cosine(exact, quick)
            print(
                f"{name:20} {fit:12} {tops[0]:6.3f} {tops[1]:6.3f}   {cosines.mean():.4f} {cosines.min():.4f}",
                flush=True,
            )


def read_synsets() -> list[str]:
    """The 1,000 synsets in the order of the networks' classes."""
    lines = (shipped_models() / BUILT_IN / "words.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line and not line.startswith("#")]


def synset_of(path: Path) -> str:
    return path.name.partition("_")[0]


def fit_all(photos: Iterable[Path], size: int, fit: str) -> Pixels:
    return np.stack([fit_one(path, size, fit) for path in photos])


def fit_one(path: Path, size: int, fit: str) -> Pixels:
    status = path.stat()
    ref = PhotoRef(str(path.absolute()), status.st_size, status.st_mtime_ns)
    if fit != "zoom":
        known: dict[str, Fit] = {"crop": "crop", "squash": "squash", "pad": "pad"}
        return decode(ref, size, known[fit]).pixels
    whole = decode(ref, round(size / ZOOM), "crop").pixels
    edge = (len(whole) - size) // 2
    return whole[edge : edge + size, edge : edge + size]


def embed_views(embed: Callable[[Pixels], Vectors], views: list[Pixels]) -> Vectors:
    return np.mean([embed(view) for view in views], axis=0)


def cosine(a: Vectors, b: Vectors) -> Vectors:
    return np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


if __name__ == "__main__":
    main()
