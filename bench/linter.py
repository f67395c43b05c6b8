"""Labelled photos in; out comes how many of the labels that are wrong on purpose `phototag check` finds, and copies.

    python bench/linter.py DIR... [--flipped 0.05] [--named 0.08] [--seeds 3]

Flips that part of the labels of each folder's photos, asks the package's own check, and counts the flipped photos among
the first that it names. Then it makes altered copies of some photos and counts the ones recognised.
"""

import argparse
import random
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from phototag.backbone import open_backbone
from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.records import Failed
from phototag.train.cache import EmbeddingCache
from phototag.train.check import inspect
from phototag.train.check.copies import find_copies
from phototag.train.check.suspects import find_suspects, judge
from phototag.train.dataset import read_dataset
from phototag.train.embed import Example, embed
from phototag.train.examples import settle

COPIES = 30
ALTERATIONS = ("quality 60", "half the size", "brighter", "mirrored", "cut by 5 %")


def main() -> None:
    parser = argparse.ArgumentParser(description="Flipped labels found among the first photos named.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--flipped", type=float, default=0.05)
    parser.add_argument("--named", type=float, default=0.08)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for folder in options.folders:
            examples = settle(embedded(folder, Path(scratch)))
            found = [recall(examples, options.flipped, options.named, seed) for seed in range(options.seeds)]
            print(
                f"{folder.name}: {len(examples)} photos, {options.flipped:.0%} flipped; among the first "
                f"{options.named:.0%} named: {np.mean(found):.1%} of them ({', '.join(f'{x:.0%}' for x in found)})"
            )
            print(f"    as they are: {sum(one.sure for one in inspect(examples).suspects)} probably wrong")
            for alteration in ALTERATIONS:
                made = altered(examples, alteration, Path(scratch) / folder.name / alteration, Path(scratch))
                print(f"    {alteration}: {made:.0%} of {COPIES} copies recognised", flush=True)


def embedded(folder: Path, scratch: Path) -> list[Example]:
    network = find_network(DEFAULT_NETWORK)
    cache = EmbeddingCache(scratch / "cache", network, "cpu")
    found = embed(
        read_dataset(folder).photos, open_backbone(network, "cpu"), cache, workers=2, progress=lambda done: None
    )
    examples = [item for item in found if not isinstance(item, Failed)]
    cache.close()
    return examples


def recall(examples: list[Example], part: float, named: float, seed: int) -> float:
    """The part of the flipped photos that are among the first `named` of all."""
    draw = random.Random(seed)
    categories = sorted({category for example in examples for category in example.categories})
    flipped = set(draw.sample(range(len(examples)), round(part * len(examples))))
    labels = [
        replace(one, categories=frozenset([draw.choice([c for c in categories if c not in one.categories])]))
        if n in flipped
        else one
        for n, one in enumerate(examples)
    ]
    first = find_suspects(judge(labels))[: round(named * len(examples))]
    wrong = {examples[n].ref.path for n in flipped}
    return len(wrong & {suspect.ref.path for suspect in first}) / len(wrong)


def altered(examples: list[Example], alteration: str, folder: Path, scratch: Path) -> float:
    """The part of some altered copies that are put into one group with what they were made from, and no third."""
    picked = random.Random(0).sample(examples, COPIES)
    for number, example in enumerate(picked):
        place = folder / "copies" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(example.ref.path) as image:
            change(image.convert("RGB"), alteration).save(place, quality=60 if alteration == "quality 60" else 90)
    copies = {Path(one.ref.path).stem: one for one in embedded(folder, scratch)}
    pairs = {frozenset([example.ref.path, copies[str(n)].ref.path]) for n, example in enumerate(picked)}
    groups = find_copies([*picked, *copies.values()], workers=2)
    return sum(frozenset(ref.path for ref, _ in group.photos) in pairs for group in groups) / COPIES


def change(image: Image.Image, alteration: str) -> Image.Image:
    width, height = image.size
    match alteration:
        case "half the size":
            return image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
        case "brighter":
            return image.point(lambda value: min(255, round(value * 1.2)))
        case "mirrored":
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        case "cut by 5 %":
            return image.crop((width // 40, height // 40, width - width // 40, height - height // 40))
    return image


if __name__ == "__main__":
    main()
