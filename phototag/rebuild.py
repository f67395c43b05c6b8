"""Folders and what is left of an old index in, a new index out: the words that the photos' own files hold.

Whose a word is no file says. What the old index knows of a photo decides, where it can still be read; without it every
word counts as the owner's, so that phototag takes none away.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from phototag.errors import IndexFileError, PhotoError, UnreachableError
from phototag.index import Entry, Index, Known
from phototag.index.adopted import Adopted
from phototag.metadata import MetadataWriter
from phototag.records import Decided, Failed, PhotoRef, Tagged
from phototag.walk import walk

_log = logging.getLogger(__name__)
_BATCH = 200


@dataclass(frozen=True, slots=True)
class Restored:
    """A photo that the new index knows.

    Attributes:
        ref: the photo.
        known: whether the old index knew it.
        keywords: how many words of the owner's it has.
        placed: how many words of phototag's its files hold.
    """

    ref: PhotoRef
    known: bool
    keywords: int
    placed: int


def rebuild(
    folders: Sequence[str], old: Index | None, new: Index, writer: MetadataWriter
) -> Iterator[Restored | Failed]:
    """Fill a new index with the photos below some folders.

    Photos that are as the old index knows them keep all it knew: facts, tags, scores, verdicts, so that no scan looks
    at them again. Of the others the words are kept, and the next scan decodes them.

    Args:
        folders: where the photos are.
        old: the index so far, opened to read; None: there is none that can be opened.
        new: an empty index.
        writer: reads the photos' keywords.

    Yields:
        Each photo, and each that could not be read.
    """
    memory = _Memory(old)
    batch: list[_Found] = []
    for found in walk(folders):
        if isinstance(found, Failed):
            yield found
            continue
        try:
            held = writer.read(found.path)
        except PhotoError as exc:
            yield Failed(found, exc.reason, exc.detail)
            continue
        words = tuple(dict.fromkeys((*held.photo, *held.sidecar)))
        entry, models = memory.recall(found.path)
        photo = _photo(found, words, entry, models)
        batch.append(_Found(photo, entry, models, held.picture))
        if len(batch) == _BATCH:
            _keep(batch, new)
            batch = []
        placed = {word for scores in photo.placed.values() for word in scores}
        yield Restored(found, entry is not None, len({*photo.keywords, *photo.imported}), len(placed))
    _keep(batch, new)


@dataclass(frozen=True, slots=True)
class _Found:
    """A photo, and what the old index knows of it: as a whole, and by each model that has decided on it."""

    photo: Adopted
    entry: Entry | None
    models: dict[str, Known]
    picture: bytes


class _Memory:
    """What the old index knows; what lies on its damaged pages it does not."""

    def __init__(self, old: Index | None) -> None:
        self._old = old
        self._folder = ""
        self._known: dict[str, dict[str, Known]] = {}

    def recall(self, path: str) -> tuple[Entry | None, dict[str, Known]]:
        """What is known of a photo, as a whole and by each model that has decided on it."""
        if self._old is None:
            return None, {}
        folder, name = os.path.split(path)
        if folder != self._folder:
            self._folder, self._known = folder, {}
        try:
            entry = self._old.entry(path)
            if entry is None:
                return None, {}
            models = {}
            for verdict in entry.verdicts:
                if verdict.model not in self._known:
                    self._known[verdict.model] = self._old.known_in(folder, verdict.model)
                models[verdict.model] = self._known[verdict.model][name]
            return entry, models
        except UnreachableError:  # it is not damaged: without it phototag's words would become the owner's
            raise
        except IndexFileError as exc:
            _log.info("%s: %s", path, exc)
            return None, {}


def _photo(ref: PhotoRef, words: Sequence[str], entry: Entry | None, models: dict[str, Known]) -> Adopted:
    """Whose the words in a photo's files are."""
    if entry is None:
        return Adopted(ref, keywords=tuple(words))
    scores = {(verdict.model, tag.word): tag.score for verdict in entry.verdicts for tag in verdict.tags}
    placed = {
        model: {word: scores.get((model, word), 0.0) for word in known.memory.added.intersection(words)}
        for model, known in models.items()
    }
    ours = {word for known in models.values() for word in known.memory.added | known.memory.others}
    return Adopted(
        ref,
        keywords=tuple(word for word in words if word not in ours),
        imported=entry.imported,
        rejected=frozenset(entry.rejected),
        placed={model: given for model, given in placed.items() if given},
    )


def _keep(batch: Sequence[_Found], new: Index) -> None:
    """Write a batch: what is as it was with its verdicts, then all with their words."""
    verdicts: dict[tuple[str, str], list[Tagged | Failed]] = {}
    for found in batch:
        photo, entry = found.photo, found.entry
        if entry is None or entry.ref != photo.ref or entry.facts is None or entry.content_hash is None:
            continue
        for verdict in entry.verdicts:
            known = found.models[verdict.model]
            tags, guesses = verdict.tags, verdict.guesses
            decided = Decided(photo.ref, entry.content_hash, entry.facts, tags, guesses, verdict.distance)
            tagged = Tagged(
                decided,
                photo.ref,
                entry.content_hash,
                verdict.where,
                added=frozenset(photo.placed.get(verdict.model, ())),
                rejected=photo.rejected,
                keywords=photo.keywords,
                note=verdict.note,
                picture=found.picture,
            )
            verdicts.setdefault((verdict.model, known.decision or ""), []).append(tagged)
    for (model, decision), results in verdicts.items():
        new.remember(results, model, decision)
    new.adopt([found.photo for found in batch])
