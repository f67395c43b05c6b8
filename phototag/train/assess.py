"""A model and a folder of labelled photos in; out comes what it says of them, and figures: `phototag evaluate`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from phototag.backbone import Device, open_backbone
from phototag.bundle import Bundle
from phototag.decide import distances
from phototag.errors import TrainingDataError
from phototag.records import Failed
from phototag.train.answers import Answers, answer
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import read_dataset
from phototag.train.embed import Example, embed
from phototag.train.evaluate import Evaluation, measure
from phototag.train.examples import settle

Progress = Callable[[int, int], None]
"""Is told how many more photos are done, and how many there are."""

_SAME = 1e-3  # the bundle keeps its examples in half precision


@dataclass(frozen=True, slots=True)
class Assessment:
    """How a model does on photos from elsewhere.

    Attributes:
        foreign: photos that show none of the model's words, and so should get no tag.
        seen: photos that it has learned from, which flatter the figures.
        failed: photos that could not be read.
    """

    answers: Answers
    evaluation: Evaluation
    foreign: int
    seen: int
    failed: tuple[Failed, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.evaluation.as_dict(), "foreign": self.foreign, "learned_from_before": self.seen}


def assess(
    bundle: Bundle, root: Path, *, labels: Path | None, cache: Path, device: Device, workers: int, progress: Progress
) -> Assessment:
    """Try a model on labelled photos as a scan would.

    Args:
        bundle: the model.
        root: a folder for each category, called as the model's words are, or where the photos of `labels` lie.
        labels: CSV file with the header `path,labels`; None: folders are the labels.
        cache: folder for the embeddings' cache, which training shares.
        device: where the network runs.
        workers: threads that decode.
        progress: is called for each batch.

    Raises:
        TrainingDataError: no labelled photo there can be read, or the built-in model has no word for any of them.
        ModelError: the network does not run.
    """
    listing = read_dataset(root, labels)
    failed, examples = list(listing.failed), []
    backbone = open_backbone(bundle.network, device)
    total = len(listing.photos)
    with closing(EmbeddingCache(cache / "embeddings", backbone.network, backbone.device)) as kept:
        for item in embed(listing.photos, backbone, kept, workers=workers, progress=lambda done: progress(done, total)):
            if isinstance(item, Failed):
                failed.append(item)
            else:
                examples.append(item)
    examples = settle(examples)
    if not examples:
        raise TrainingDataError(f"none of the {total} photos in {root} can be used to evaluate a model")
    answers = answer(bundle.classifier, examples)
    if not answers.labels:
        raise TrainingDataError(f"the model {bundle.name} has no word for any category in {root}")
    learned = {str(one["name"]): int(one["learned"]) for one in bundle.metrics.get("categories", ()) if one["learned"]}
    evaluation = measure(answers, learned or None, learned=bundle.metrics.get("learned"))
    return Assessment(
        answers=answers,
        evaluation=evaluation,
        foreign=int((~answers.truths.any(axis=1)).sum()),
        seen=_seen(bundle, examples),
        failed=tuple(failed),
    )


def _seen(bundle: Bundle, examples: Sequence[Example]) -> int:
    """How many photos the model keeps as examples, to the accuracy it keeps them with."""
    if bundle.classifier.neighbours is None:
        return 0
    nearest = replace(bundle.classifier.neighbours, k=1)
    return int((distances(np.stack([one.embedding for one in examples]), nearest) < _SAME).sum())
