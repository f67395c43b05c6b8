"""Measure what the built-in model writes: photos of known truth in, figures out.

    python bench/imagenet_precision.py PHOTOS [--json FIGURES]

PHOTOS holds the folders that CONTRIBUTING.md names. Three kinds of truth:

- `unknown`: ImageNet photos, the class's WordNet number in each file's name: every word is right or wrong by the data.
- `pets`: recall and precision of "dog" and "cat", and what the photos ranked first show, among `pets` and `unknown`.
- Photos unlike ImageNet's, judged by eye, word by word, in `imagenet_judged.tsv`. A word that nobody has judged counts
  as wrong, and is named, so that it gets judged.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from phototag.backbone import open_backbone
from phototag.bundle import BUILT_IN, Bundle, load_bundle, shipped_models
from phototag.decide import Rules, decide, logits
from phototag.decode import decode
from phototag.records import Decided, Embedded, PhotoRef, Vectors

JUDGED = Path(__file__).with_name("imagenet_judged.tsv")
WORDS = shipped_models() / BUILT_IN / "words.tsv"
FIRST = 20


def embed(paths: Sequence[Path], bundle: Bundle) -> list[Embedded]:
    """Embed photos as a scan does, on the CPU."""
    network = bundle.network
    backbone = open_backbone(network, "cpu")
    embedded = []
    for start in range(0, len(paths), backbone.batch_size):
        few = paths[start : start + backbone.batch_size]
        photos = [decode(PhotoRef(str(p), p.stat().st_size, 0), network.image_size, network.fit) for p in few]
        vectors = backbone.embed(np.stack([photo.pixels for photo in photos]))
        embedded += [
            Embedded(photo.ref, photo.content_hash, photo.facts, vector.copy())
            for photo, vector in zip(photos, vectors, strict=True)
        ]
    return embedded


def tell(photos: Sequence[Embedded], bundle: Bundle) -> list[Decided]:
    return decide(photos, bundle.classifier, Rules(None, None))


def count(decided: Sequence[Decided], truth: Sequence[frozenset[str]]) -> dict[str, float]:
    """Compare what is written on each photo with what may be."""
    written = [{tag.word for tag in photo.tags} for photo in decided]
    words = sum(map(len, written))
    right = sum(len(said & known) for said, known in zip(written, truth, strict=True))
    wrong = sum(bool(said - known) for said, known in zip(written, truth, strict=True))
    return {
        "photos": len(written),
        "tagged": round(sum(map(bool, written)) / len(written), 3),
        "words": words,
        "precision": round(right / max(words, 1), 3),
        "photos_with_a_wrong_word": round(wrong / len(written), 3),
    }


def on_imagenet(photos: Sequence[Embedded], bundle: Bundle) -> dict[str, float]:
    """The words of photos whose class the data knows, and how often the likeliest class is the right one."""
    lines = _rows(WORDS)
    classes = [[line[0] for line in lines].index(Path(photo.ref.path).name[:9]) for photo in photos]
    truth = [frozenset([lines[number][1], *_words(lines[number][2])]) for number in classes]
    decided = tell(photos, bundle)
    likeliest = logits(_vectors(photos), bundle.classifier).argmax(axis=1)
    found = sum(len({tag.word for tag in photo.tags} & known) for photo, known in zip(decided, truth, strict=True))
    return count(decided, truth) | {
        "recall": round(found / sum(map(len, truth)), 3),
        "top_1": round(float((likeliest == np.array(classes)).mean()), 3),
    }


def on_pets(pets: Sequence[Embedded], others: Sequence[Embedded], bundle: Bundle) -> dict[str, float]:
    """Whether dogs are called dogs and cats cats, and what a search for them shows first."""
    decided = tell([*pets, *others], bundle)
    figures: dict[str, float] = {}
    for word in ("dog", "cat"):
        scored = [(max((t.score for t in photo.tags if t.word == word), default=0.0), photo) for photo in decided]
        said = [photo for score, photo in scored if score]
        right = [photo for photo in said if Path(photo.ref.path).parent.name == word]
        first = [photo for _, photo in sorted(scored, key=lambda pair: -pair[0])[:FIRST]]
        figures |= {
            f"{word}_precision": round(len(right) / len(said), 3),
            f"{word}_recall": round(len(right) / sum(Path(p.ref.path).parent.name == word for p in pets), 3),
            f"{word}_right_of_first_{FIRST}": sum(Path(photo.ref.path).parent.name == word for photo in first),
        }
    return figures


def on_judged(photos: Path, bundle: Bundle) -> dict[str, dict[str, float]]:
    """The words of photos judged by eye, folder by folder."""
    groups = defaultdict(list)
    for name, right, wrong in _rows(JUDGED):
        groups[name.split("/")[0]].append((photos / name, frozenset(_words(right)), frozenset(_words(wrong))))
    figures, all_decided, all_right = {}, [], []
    for group, rows in groups.items():
        decided = tell(embed([path for path, _, _ in rows], bundle), bundle)
        all_decided += decided
        all_right += [right for _, right, _ in rows]
        for photo, (path, good, bad) in zip(decided, rows, strict=True):
            if unjudged := {tag.word for tag in photo.tags} - good - bad:
                print(f"not judged yet: {path.relative_to(photos)}: {', '.join(sorted(unjudged))}")
        figures[group] = count(decided, [right for _, right, _ in rows])
    return figures | {"all": count(all_decided, all_right)}


def _vectors(photos: Sequence[Embedded]) -> Vectors:
    return np.stack([photo.embedding for photo in photos])


def _words(cell: str) -> list[str]:
    return cell.split(", ") if cell else []


def _rows(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="the folder of test photos")
    parser.add_argument("--json", type=Path, help="write the figures here, for build_imagenet_model.py --metrics")
    args = parser.parse_args()
    bundle = load_bundle(shipped_models() / BUILT_IN)
    unknown = embed(sorted((args.photos / "unknown").iterdir()), bundle)
    pets = embed(sorted((args.photos / "pets").glob("*/*")), bundle)
    known, judged = on_imagenet(unknown, bundle), on_judged(args.photos, bundle)
    figures: dict[str, Any] = {
        "precision": known["precision"],
        "recall": known["recall"],
        "top_1": known["top_1"],
        "precision_judged_by_eye": judged["all"]["precision"],
        "imagenet_photos": known,
        "judged_by_eye": judged,
        "pets": on_pets(pets, unknown, bundle),
    }
    text = json.dumps(figures, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
