"""What a model's confidence is worth: several labels, "none of these", near and far, and a wanted precision.

    python bench/confidence.py PHOTOS [--seeds 3] [--fine-tune auto|off] [--network NAME] [--time-budget 600]
        [--only several,foreign,negatives,near,tuned,precision]

PHOTOS holds `pets`, `flowers` and `clothing/{train,validation}` with a folder for each category, `scenes-multilabel`
with `labels.csv`, and `unknown` and `photos`, which show none of these. Every figure is of photos that the model has
not learned from, as `phototag train` and `phototag scan` would treat them by default, on the CPU, embeddings kept in
--cache. What is fine-tuned by default, `tuned`, takes about five minutes a seed.
"""

import argparse
import csv
import itertools
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phototag.backbone import open_backbone
from phototag.bundle import Bundle
from phototag.decide import Rules, decide
from phototag.records import Decided, Embedded, Facts, Failed, PhotoRef
from phototag.train import HeadSettings, Request, train
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import Labelled
from phototag.train.embed import embed
from phototag.train.request import TuneSettings

BINS = 10
DRAWS = 500


@dataclass(frozen=True, slots=True)
class Photo:
    path: Path
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    photo: Photo
    said: Decided

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(tag.word for tag in self.said.tags)

    @property
    def right(self) -> bool:
        return self.tags == self.photo.words


@dataclass(frozen=True, slots=True)
class Bench:
    photos: Path
    cache: Path
    work: Path
    network: str | None
    tune: TuneSettings
    trained: dict[Any, Bundle] = field(default_factory=dict)

    def folders(self, *names: str) -> list[Photo]:
        """Photos in a folder for each category."""
        found = (path for name in names for path in (self.photos / name).glob("*/*"))
        return [Photo(path, frozenset([path.parent.name])) for path in sorted(found)]

    def foreign(self, *names: str) -> list[Photo]:
        found = (path for name in names for path in (self.photos / name).rglob("*") if path.is_file())
        return [Photo(path, frozenset()) for path in sorted(found)]

    def several(self) -> list[Photo]:
        with (self.photos / "scenes-multilabel" / "labels.csv").open(encoding="utf-8") as file:
            return [
                Photo(self.photos / "scenes-multilabel" / row["path"], frozenset(row["labels"].split("|")))
                for row in csv.DictReader(file)
            ]

    def model(self, learned: Sequence[Photo], seed: int, precision: float | None = None) -> Bundle:
        """Train on photos, in folders where none has two words, else by a CSV file; once for the same photos."""
        key = (seed, precision, tuple(photo.path for photo in learned))
        if key not in self.trained:
            folder = self.work / str(len(self.trained))
            root, labels = folder / "labelled", None
            for number, photo in enumerate(learned):
                place = root / (*sorted(photo.words), "none")[0] / f"{number}{photo.path.suffix}"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(photo.path.absolute())
                if len(photo.words) > 1:
                    labels = root / "labels.csv"
            if labels is not None:
                lines = (f"{photo.path.absolute()},{'|'.join(sorted(photo.words))}\n" for photo in learned)
                labels.write_text("path,labels\n" + "".join(lines), encoding="utf-8")
            request = Request(
                root=root,
                labels=labels,
                name="bench",
                output=folder / "model",
                cache=self.cache,
                network=self.network,
                device="cpu",
                precision=precision,
                head=HeadSettings(seed=seed),
                tune=replace(self.tune, seed=seed),
            )
            self.trained[key] = train(request, lambda done, total: None).bundle
        return self.trained[key]

    def ask(self, bundle: Bundle, photos: Sequence[Photo]) -> list[Answer]:
        """What a scan would say; photos that cannot be read are left out."""
        by_path = {str(photo.path): photo for photo in photos}
        labelled = [Labelled(PhotoRef(path, 0, 0), frozenset()) for path in by_path]
        backbone = open_backbone(bundle.network, "cpu")
        cache = EmbeddingCache(self.cache / "embeddings", bundle.network, "cpu")
        found = embed(labelled, backbone, cache, workers=2, progress=lambda done: None)
        embedded = [
            Embedded(one.ref, one.content_hash, Facts("JPEG", 1, 1), one.embedding)
            for one in found
            if not isinstance(one, Failed)
        ]
        cache.close()
        said = decide(embedded, bundle.classifier, Rules())
        return [Answer(by_path[one.ref.path], one) for one in said]


def split(photos: Iterable[Photo], part: float, seed: int) -> tuple[list[Photo], list[Photo]]:
    """A part of the photos of each combination of words, drawn by a seed, and the rest."""
    groups: dict[tuple[str, ...], list[Photo]] = {}
    for photo in photos:
        groups.setdefault(tuple(sorted(photo.words)), []).append(photo)
    first: list[Photo] = []
    rest: list[Photo] = []
    draw = random.Random(seed)
    for _, group in sorted(groups.items()):
        draw.shuffle(group)
        cut = round(part * len(group))
        first += group[:cut]
        rest += group[cut:]
    return first, rest


def several_labels(bench: Bench, seed: int) -> dict[str, float]:
    learned, held = split(bench.several(), 0.5, seed)
    bundle = bench.model(learned, seed)
    answers = bench.ask(bundle, held)
    foreign = bench.ask(bundle, bench.foreign("unknown", "photos"))
    words = sorted({word for photo in held for word in photo.words})
    scores = {word: np.array([score_of(answer, word) for answer in answers]) for word in words}
    truths = {word: np.array([word in answer.photo.words for answer in answers]) for word in words}
    both = sum(len(answer.tags & answer.photo.words) for answer in answers)
    said = sum(len(answer.tags) + len(answer.photo.words) for answer in answers)
    all_scores, all_truths = (np.concatenate([of[word] for word in words]) for of in (scores, truths))
    return {
        "mean average precision": float(np.mean([average_precision(scores[word], truths[word]) for word in words])),
        "micro-F1": 2 * both / said,
        **calibration("each word", all_scores, all_truths),
        "foreign tagged": part(bool(answer.tags) for answer in foreign),
    }


def far_foreign(bench: Bench, seed: int) -> dict[str, float]:
    learned, held = split(bench.folders("pets", "flowers"), 0.75, seed)
    bundle = bench.model(learned, seed)
    known = bench.ask(bundle, held)
    foreign = bench.ask(bundle, bench.foreign("unknown", "photos", "clothing/validation"))
    return {
        "known right": part(answer.right for answer in known),
        "known wrong": part(bool(answer.tags) and not answer.right for answer in known),
        "foreign tagged": part(bool(answer.tags) for answer in foreign),
        "accuracy": part(answer.said.guesses[0].word in answer.photo.words for answer in known),
    }


def with_negatives(bench: Bench, seed: int) -> dict[str, float]:
    """The same with half of the foreign photos of `unknown` as `none/`, and without, tried on the other half."""
    learned, held = split(bench.folders("pets", "flowers"), 0.75, seed)
    negatives, foreign = split(bench.foreign("unknown"), 0.5, seed)
    found = {}
    for name, photos in (("without", learned), ("with none/", learned + negatives)):
        bundle = bench.model(photos, seed)
        known, others = bench.ask(bundle, held), bench.ask(bundle, foreign)
        elsewhere = bench.ask(bundle, bench.foreign("photos", "clothing/validation"))
        found[f"{name}: known right"] = part(answer.right for answer in known)
        found[f"{name}: foreign tagged"] = part(bool(answer.tags) for answer in others)
        found[f"{name}: foreign of another kind tagged"] = part(bool(answer.tags) for answer in elsewhere)
        sure: Callable[[Answer], float] = lambda answer: answer.said.guesses[0].score  # noqa: E731
        found[f"{name}: foreign with a score of 0.6"] = part(sure(answer) >= 0.6 for answer in others + elsewhere)
    return found


def near_foreign(bench: Bench, seed: int) -> dict[str, float]:
    photos = bench.folders("flowers")
    found: dict[str, list[float]] = {"by strangeness": [], "by the best score": []}
    for kinds in itertools.combinations(sorted({word for photo in photos for word in photo.words}), 3):
        learned, held = split([photo for photo in photos if photo.words <= set(kinds)], 0.75, seed)
        bundle = bench.model(learned, seed)
        known = bench.ask(bundle, held)
        foreign = bench.ask(bundle, [photo for photo in photos if not photo.words <= set(kinds)])
        strange: Callable[[Answer], float] = lambda answer: answer.said.distance or 0.0  # noqa: E731
        unsure: Callable[[Answer], float] = lambda answer: -answer.said.guesses[0].score  # noqa: E731
        found["by strangeness"].append(auroc(list(map(strange, known)), list(map(strange, foreign))))
        found["by the best score"].append(auroc(list(map(unsure, known)), list(map(unsure, foreign))))
    return {name: float(np.mean(values)) for name, values in found.items()}


def fine_tuned(bench: Bench, seed: int) -> dict[str, float]:
    learned, held = split(bench.folders("clothing/train", "clothing/validation"), 0.64, seed)
    bundle = bench.model(learned, seed)
    known = bench.ask(bundle, held)
    foreign = bench.ask(bundle, bench.foreign("unknown", "photos"))
    guesses = [(answer.said.guesses[0].score, answer.said.guesses[0].word in answer.photo.words) for answer in known]
    return {
        "network fine-tuned": float((bundle.settings["fine_tuning"] or {}).get("kept", False)),
        "accuracy": part(right for _, right in guesses),
        "known right": part(answer.right for answer in known),
        "foreign tagged": part(bool(answer.tags) for answer in foreign),
        **calibration("best guess", *arrays(guesses)),
    }


def wanted_precision(bench: Bench, seed: int, photos: Sequence[Photo], part_learned: float) -> dict[str, float]:
    learned, held = split(photos, part_learned, seed)
    bundle = bench.model(learned, seed, precision=0.95)
    known = bench.ask(bundle, held)
    foreign = bench.ask(bundle, bench.foreign("unknown", "photos"))
    answers = known + foreign
    tags = [(tag.score, tag.word in answer.photo.words) for answer in answers for tag in answer.said.tags]
    guesses = [(answer.said.guesses[0].score, answer.said.guesses[0].word in answer.photo.words) for answer in answers]
    return {
        "precision": part(right for _, right in tags),
        "recall": sum(len(answer.tags & answer.photo.words) for answer in known)
        / sum(len(answer.photo.words) for answer in known),
        "promised words": part(one["kept"] for one in bundle.metrics["promises"]),
        **calibration("tags", *arrays(tags)),
        **calibration("best guess of known", *arrays(guesses[: len(known)])),
        "calibration error, best guess of all": calibration_error(*arrays(guesses)),
    }


def score_of(answer: Answer, word: str) -> float:
    return next((guess.score for guess in answer.said.guesses if guess.word == word), 0.0)


def part(found: Iterable[bool]) -> float:
    """Of none, it is not a number."""
    values = list(found)
    return sum(values) / len(values) if values else float("nan")


def average_precision(scores: Any, right: Any) -> float:
    ranked = right[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def auroc(known: Sequence[float], foreign: Sequence[float]) -> float:
    """The chance that a foreign photo is stranger than a known one."""
    above = np.subtract.outer(np.array(foreign), np.array(known))
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def arrays(pairs: Sequence[tuple[float, bool]]) -> tuple[Any, Any]:
    return np.array([score for score, _ in pairs], float), np.array([right for _, right in pairs], bool)


def calibration(what: str, scores: Any, right: Any) -> dict[str, float]:
    """The calibration error, and what it would be on so many photos if every score were the very chance it names."""
    draws = np.random.default_rng(0).random((DRAWS, len(scores))) < scores
    honest = float(np.mean([calibration_error(scores, drawn) for drawn in draws]))
    return {
        f"calibration error, {what}": calibration_error(scores, right),
        f"calibration error, {what}, were every score true": honest,
    }


def calibration_error(scores: Any, right: Any) -> float:
    """Mean distance between score and part right, over ten bins of scores, by their photos (Guo et al. 2017)."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [abs(scores[bins == n].sum() - right[bins == n].sum()) for n in range(BINS)]
    return float(sum(gaps) / max(len(scores), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fine-tune", choices=["auto", "off"], default="auto")
    parser.add_argument("--network", help="[default: the one that phototag train would take]")
    parser.add_argument("--time-budget", type=float, default=600.0, metavar="SECONDS", help="of each fine-tuning")
    parser.add_argument("--only", default="several,foreign,negatives,near,tuned,precision")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "phototag-bench"))
    given = parser.parse_args()
    tune = TuneSettings(mode=given.fine_tune, time_budget_s=given.time_budget)
    with tempfile.TemporaryDirectory() as work:
        table(Bench(given.photos, given.cache, Path(work), given.network, tune), given.only.split(","), given.seeds)


def table(bench: Bench, kinds: Sequence[str], seeds: int) -> None:
    precisions = {
        "clothing": (bench.folders("clothing/train", "clothing/validation"), 0.64),
        "pets and flowers": (bench.folders("pets", "flowers"), 0.75),
        "scenes": (bench.several(), 0.5),
    }
    lines: dict[str, tuple[str, Callable[[int], dict[str, float]]]] = {
        "several labels": ("several", lambda seed: several_labels(bench, seed)),
        "foreign photos": ("foreign", lambda seed: far_foreign(bench, seed)),
        "photos of none/": ("negatives", lambda seed: with_negatives(bench, seed)),
        "clothing, 600 photos": ("tuned", lambda seed: fine_tuned(bench, seed)),
        "near foreign photos": ("near", lambda seed: near_foreign(bench, seed)),
    }
    for name, (photos, learned) in precisions.items():
        lines[f"--precision 0.95, {name}"] = (
            "precision",
            lambda seed, photos=photos, learned=learned: wanted_precision(bench, seed, photos, learned),  # type: ignore[misc]
        )
    print("| what | figure | mean | each seed |\n|---|---|---|---|")
    for title, (kind, measure) in lines.items():
        if kind in kinds:
            found = [measure(seed) for seed in range(seeds)]
            for name in found[0]:
                each = [one[name] for one in found]
                print(f"| {title} | {name} | {np.mean(each):.3f} | {', '.join(f'{one:.3f}' for one in each)} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
