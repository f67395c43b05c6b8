"""`models/imagenet/words.tsv` and EfficientNet-Lite0's own classifier in, the bundle `models/imagenet` out.

    python tools/build_imagenet_model.py                         write the bundle again, with the figures it has
    python tools/build_imagenet_model.py --metrics figures.json  the same with new ones, of bench/imagenet_precision.py

The bundle is the same, byte for byte, each time. Why the temperature and the thresholds are what they are, with the
measurements, stands in docs/imagenet.md.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from build_imagenet_words import WORDS, Line, general_first, read_reviewed, read_words

from phototag.bundle import BUILT_IN, DEFAULT_NETWORK, Bundle, find_network, network_file, save_bundle
from phototag.records import Classifier, Dense, Label, Network

FOLDER = WORDS.parent
CREATED = datetime(2026, 1, 1, tzinfo=UTC)

TEMPERATURE = 0.8
"""The network was trained with smoothed labels and is less sure than it is right. 0.8 is the most likely temperature
on the 150 ImageNet photos of known class (mean negative log-likelihood 0.77 at 1, 0.70 at 0.8, 0.73 at 0.65)."""

LEAST_THRESHOLD = 0.8
ODDS = 1.5
CLASSES_PER_ODDS = 40
"""A photo of something the network was never taught spreads its probability over all classes, so a word collects more
of it by chance the more classes it covers. The odds a word must reach therefore grow with their number: 1.5 for one
class and 1.5 more for every 40, which is a score of 0.94 for "animal" (398 classes)."""

MEASURED: Mapping[str, float] = {
    # Words with enough photos of known truth to have thresholds of their own: right words of all, at this score.
    "cat": 0.5,  # 112 of 112
    "dog": 0.8,  # 146 of 149
    "flower": 0.5,  # 154 of 154
    "plant": 0.6,  # 141 of 142
    "clothing": 0.6,  # 270 of 274
    # Classes that things outside ImageNet's thousand fall into, seen on the photos the thresholds were chosen on.
    "gray whale": 0.95,  # waves
    "whale": 0.95,
    "daisy": 0.95,  # sunflowers and dandelions
    "rapeseed": 0.95,
    "sea urchin": 0.97,  # dandelion clocks
    "sea life": 0.97,
    "insect": 0.95,  # flowers close up
    "butterfly": 0.95,
    "dingo": 0.95,  # yellow dogs
    "Siamese cat": 0.95,  # any two-coloured or white cat
    "Persian cat": 0.9,
    "schipperke": 0.97,  # black cats
    "coast": 0.85,  # deserts
    "seashore": 0.85,
    "sandbar": 0.95,
    "beach": 0.95,
    "maze": 0.95,  # forests
    "split-rail fence": 0.95,
    "fence": 0.9,
    "shower curtain": 0.95,  # folds, mist and tree trunks
    "theater curtain": 0.95,
    "bathroom": 0.9,
    "bathtub": 0.95,
    "velvet": 0.95,
    "fabric": 0.95,
    "oil rig": 0.95,  # anything dark before a sunset
    "construction crane": 0.95,
    "broccoli": 0.97,  # trees from above
    "menu": 0.95,  # text
    "restaurant": 0.9,
    "tray": 0.95,  # rectangles
    "kitchenware": 0.9,
    "camping": 0.95,  # clothes and bedding
    "sleeping bag": 0.95,
    "armor": 0.95,
    "bulletproof vest": 0.95,
    "swim trunks": 0.9,  # shorts
    "swimsuit": 0.9,
    "pajamas": 0.9,
}


def labels_of(lines: Iterable[Line], tree: Mapping[str, list[str]]) -> tuple[Label, ...]:
    """One label a word: each class's plain word, and each broader word with all classes below it."""
    classes: dict[str, list[int]] = {}
    broader = {word: general_first([word], tree)[:-1] for word in tree}
    for number, line in enumerate(lines):
        for word in (line.word, *line.broader):
            classes.setdefault(word, []).append(number)
        broader.setdefault(line.word, line.broader)
    if unknown := sorted(set(MEASURED) - set(classes)):
        raise ValueError(f"thresholds for words that are none: {', '.join(unknown)}")
    return tuple(
        Label(word, tuple(classes[word]), broader[word], MEASURED.get(word, threshold(len(classes[word]))))
        for word in sorted(classes)
    )


def threshold(classes: int) -> float:
    """The least score with which a word of so many classes is said."""
    odds = ODDS * (1 + (classes - 1) / CLASSES_PER_ODDS)
    return max(LEAST_THRESHOLD, round(odds / (1 + odds), 3))


def classifier_of(network: Network, lines: Iterable[Line]) -> Classifier:
    """The network's own last layer as a head, its temperature folded in; float16, as the network's weights are kept."""
    with np.load(network_file(network, "weights"), allow_pickle=False) as weights:
        kernel, bias = (weights[f"classifier/{part}"].astype(np.float32) / TEMPERATURE for part in ("kernel", "bias"))
    return Classifier(
        (Dense(kernel.astype(np.float16), bias.astype(np.float16)),), "softmax", labels_of(lines, read_reviewed().tree)
    )


def build(folder: Path, metrics: Mapping[str, Any]) -> Bundle:
    """Write the bundle to a folder that is absent or empty."""
    network = find_network(DEFAULT_NETWORK)
    return save_bundle(
        folder,
        name=BUILT_IN,
        network=network,
        classifier=classifier_of(network, read_words()),
        metrics=metrics,
        settings={"temperature": TEMPERATURE, "words": "WordNet 3.0, reviewed"},
        created=CREATED,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", type=Path, help="a JSON file of figures to keep in the bundle")
    args = parser.parse_args()
    manifest = FOLDER / "manifest.json"
    if args.metrics:
        metrics = json.loads(args.metrics.read_text(encoding="utf-8"))
    else:
        metrics = json.loads(manifest.read_text(encoding="utf-8"))["metrics"] if manifest.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:  # the folder also holds words.tsv, which must stay
        build(Path(scratch) / BUILT_IN, metrics)
        for file in sorted((Path(scratch) / BUILT_IN).iterdir()):
            shutil.copyfile(file, FOLDER / file.name)


if __name__ == "__main__":
    main()
