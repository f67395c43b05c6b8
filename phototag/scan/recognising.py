"""Photos that a model has decided on in; out comes what the index remembers of each, wherever it was when it was known.

A photo is known by its path, as long as it is the same photo: another that took its place is told by `newcomer`. One
whose path is not known, or was another's, may be known by its bytes: it was moved or copied here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from phototag.errors import PhotoError
from phototag.index import Index, Known, Likeness
from phototag.metadata import MetadataWriter
from phototag.newcomer import has_another_picture, is_another, is_same_shot
from phototag.records import Decided, FileRead, Memory
from phototag.scan.gone import is_absent
from phototag.scan.job import Seen


class Recognising(Protocol):
    """What of a `Job` it takes to know photos again."""

    @property
    def model(self) -> str:
        """Under which name the index keeps the verdicts."""

    @property
    def writer(self) -> MetadataWriter:
        """Reads keywords."""

    @property
    def index(self) -> Index:
        """Remembers."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A photo and what a model says of it.

    Attributes:
        decided: what it says.
        known: what the index knows of the photo by its path.
        file: the photo as it was read, where it was kept.
    """

    decided: Decided
    known: Known | None
    file: FileRead | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """What the index knows of a photo, and the number of the photo that it was before it moved, if it did."""

    known: Known | None = None
    moved_from: int | None = None


def recognise(group: Sequence[Verdict], job: Recognising, seen: Seen) -> list[Twin]:
    """What the index knows of each photo. Of those whose place another has taken it forgets what models said of them.

    A kill afterwards does no harm: the newcomer is found to be one again.
    """
    changed = [one.known.number for one in group if one.known is not None and one.known.ref != one.decided.ref]
    before = job.index.likenesses(changed) if changed else {}
    sought = [one.decided.content_hash for one in group if one.known is None or _has_other_bytes(one, before)]
    by_content = job.index.known_by_contents(sought, job.model) if sought else {}
    twins, anew = [], list[int]()
    for verdict in group:
        known, alike = verdict.known, by_content.get(verdict.decided.content_hash, [])
        if known is None:
            twins.append(_elsewhere(alike or _written_unrecorded(verdict, job, seen), seen))
            continue
        found = None
        if _has_other_bytes(verdict, before):
            found = _newcomer(verdict, known, before[known.number], alike, job, seen)
        if found is not None:
            anew.append(known.number)
        twins.append(found or Twin(known))
    if anew and not job.dry_run:
        job.index.begin_anew(anew)
    return twins


def _written_unrecorded(verdict: Verdict, job: Recognising, seen: Seen) -> list[Known]:
    """The photo that a killed scan wrote, and did not come to record, before somebody moved it."""
    if seen.unfinished is None:  # asked once: what this scan writes it comes to record
        seen.unfinished = job.index.unfinished(job.model)
    found = seen.unfinished.get(verdict.decided.content_hash)
    return [] if found is None else [found]


def _has_other_bytes(verdict: Verdict, before: Mapping[int, Likeness]) -> bool:
    """Whether a photo that is known at its path has been written since; one that was found as it was is left out."""
    known = verdict.known
    if known is None or known.number not in before:
        return False
    return before[known.number].content_hash != verdict.decided.content_hash


def _elsewhere(alike: Sequence[Known], seen: Seen) -> Twin:
    """Of several photos of the same bytes the one that is no longer where it was: it has moved; only one can be it."""
    moved = next(
        (one for one in alike if one.number not in seen.moved and is_absent(one.ref.path, seen.patiently)), None
    )
    if moved is not None:
        seen.moved.add(moved.number)
    return Twin(moved or next(iter(alike), None), None if moved is None else moved.number)


def _newcomer(
    verdict: Verdict, known: Known, before: Likeness, alike: Sequence[Known], job: Recognising, seen: Seen
) -> Twin | None:
    """What is known of a photo in another's place; None where it is the same photo, or cannot be read."""
    decided, words = verdict.decided, known.memory.added | known.memory.others
    try:
        held = job.writer.read(decided.ref.path, verdict.file)
    except PhotoError:  # who plans the write will meet it too, and tell
        return None
    if alike and has_another_picture(before, held, decided.facts):
        return _elsewhere(alike, seen)
    if not is_another(before, words, held, decided.facts):
        return None
    rejected = known.memory.rejected if is_same_shot(before, decided.facts) else frozenset()
    return Twin(replace(known, memory=Memory(rejected=rejected), pending=False))
