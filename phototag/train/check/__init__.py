"""Labelled photos in, what is wrong with them out: `phototag check`, and the warnings of `train`.

Nothing here needs TensorFlow, and nothing but `copies` reads a photo again.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from phototag.backbone import Device, open_backbone
from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.records import Failed
from phototag.train.cache import EmbeddingCache
from phototag.train.check.categories import find_alike, find_small
from phototag.train.check.copies import find_copies
from phototag.train.check.findings import Alike, Copies, Findings, Small, Suspect
from phototag.train.check.suspects import find_suspects, judge
from phototag.train.dataset import read_dataset
from phototag.train.embed import Example, embed

__all__ = ["Alike", "Copies", "Findings", "Small", "Suspect", "check", "inspect", "warn"]

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Is told how many more photos are done, and how many there are."""


def check(
    root: Path, *, labels: Path | None, cache: Path, device: Device, workers: int, progress: Progress
) -> Findings:
    """Look for what is wrong with labelled photos before a model learns from them.

    Args:
        root: a folder for each category, or where the photos of `labels` lie.
        labels: CSV file with the header `path,labels`; None: folders are the labels.
        cache: folder for the embeddings' cache, which training shares.
        device: where the network runs.
        workers: threads that decode.
        progress: is called for each batch.

    Raises:
        TrainingDataError: there is no labelled photo at all.
        ModelError: the network does not run.
    """
    listing = read_dataset(root, labels)
    failed = list(listing.failed)
    examples: list[Example] = []
    backbone = open_backbone(find_network(DEFAULT_NETWORK), device)
    total = len(listing.photos)
    with closing(EmbeddingCache(cache / "embeddings", backbone.network, backbone.device)) as kept:
        for item in embed(listing.photos, backbone, kept, workers=workers, progress=lambda done: progress(done, total)):
            if isinstance(item, Failed):
                failed.append(item)
            else:
                examples.append(item)
    return inspect(examples, failed, workers=workers)


def inspect(examples: Sequence[Example], failed: Sequence[Failed] = (), *, workers: int = 1) -> Findings:
    """The same for photos that are embedded already.

    Args:
        examples: as embedded, copies and all.
        failed: photos that could not be read.
        workers: threads that look at photos again to tell copies from look-alikes.
    """
    distinct = _distinct(examples)
    judgement = judge(distinct)
    return Findings(
        photos=len(examples) + len(failed),
        categories=len({category for example in examples for category in example.categories}),
        failed=tuple(failed),
        copies=find_copies(examples, workers=workers),
        suspects=find_suspects(judgement),
        small=find_small(distinct),
        alike=find_alike(judgement),
    )


def warn(examples: Sequence[Example], root: Path) -> None:
    """Log what training had better not begin with; the part of the check that costs less than a second.

    Args:
        examples: distinct photos to learn from.
        root: their folder, to name in the advice.
    """
    judgement = judge(examples)
    sure = [suspect for suspect in find_suspects(judgement) if suspect.sure]
    if sure:
        first = sure[0]
        _log.warning(
            "%d photo(s) are probably in the wrong category, such as %s (%s, looks like %s); to see them: "
            "phototag check %s",
            *(len(sure), os.fsencode(first.ref.path).decode("utf-8", "backslashreplace")),
            *(first.given, first.looks, root),
        )
    for pair in find_alike(judgement):
        _log.warning(
            "%s and %s are hard to tell apart (%d of %d photos look like the other); merge them, or sort them again",
            *(pair.first, pair.second, pair.confused, pair.photos),
        )


def _distinct(examples: Sequence[Example]) -> list[Example]:
    """Each photo once, those in different categories not at all, by content: what training would learn from."""
    by_content: dict[bytes, list[Example]] = defaultdict(list)
    for example in examples:
        by_content[example.content_hash].append(example)
    return [same[0] for _, same in sorted(by_content.items()) if len({example.categories for example in same}) == 1]
