"""A word in, phototag's own copies of it taken out of photos, sidecars and index; the owner's stay."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from phototag.errors import PhotoError
from phototag.index import Index
from phototag.index.journal import Carrier, Standing
from phototag.journal import Change, Recorder, broader_words, listed
from phototag.metadata import MetadataWriter
from phototag.metadata.words import key
from phototag.newcomer import is_another
from phototag.records import Failed, Memory, Where


@dataclass(frozen=True, slots=True)
class Untagged:
    """A photo that lost words of phototag's.

    Attributes:
        path: the photo.
        where: the words stood in the photo, in its sidecar, or in the index alone.
        words: the words.
    """

    path: str
    where: Where
    words: frozenset[str]


def untag(
    word: str | None, index: Index, writer: MetadataWriter, *, root: str | None, dry_run: bool
) -> Iterator[Untagged | Failed]:
    """Take a word (without regard to case), or every word, of phototag's out of the photos at or below `root`.

    A word that is named is rejected for these photos: no scan gives it to them again. Where all words are taken out
    none is rejected, but the verdicts stand as undone, so that a scan leaves the photos alone as long as neither they
    nor the model change. Each photo is recorded before it is yielded.

    Raises:
        PhotoTagError: the index fails, or the disk is full.
    """
    recorder = Recorder(index, writer, "untag", "", [] if root is None else [root])
    cleaned: set[str] = set()
    for carrier in index.carriers(None if root is None else os.path.abspath(root), word):
        folder = os.path.dirname(os.path.realpath(carrier.ref.path))
        if not dry_run and folder not in cleaned:
            writer.clean(folder)
            cleaned.add(folder)
        words = carrier.said if word is None else frozenset(one for one in carrier.said if key(one) == key(word))
        try:
            yield _take_out(carrier, words, word is not None, index, writer, None if dry_run else recorder)
        except PhotoError as exc:
            yield Failed(carrier.ref, exc.reason, exc.detail)
    recorder.finish()


def _take_out(
    carrier: Carrier,
    words: frozenset[str],
    is_rejected: bool,
    index: Index,
    writer: MetadataWriter,
    recorder: Recorder | None,
) -> Untagged:
    """Take words out of one photo; without a recorder only say what would be done.

    Raises:
        PhotoError: the file cannot be read or written; it is as it was.
    """
    ref = listed(carrier.ref.path)
    held = writer.read(ref.path)
    standing = frozenset(held.photo + held.sidecar)
    before = index.likenesses([carrier.number])[carrier.number]
    is_fresh = carrier.pending or is_another(before, carrier.added, held)  # what never arrived nobody took out
    ours = carrier.added & standing if is_fresh else carrier.added
    memory = Memory(added=ours, rejected=carrier.rejected | (words if is_rejected else frozenset()))
    plan = writer.plan(ref, sorted((ours & standing) - words), memory, broader_words(index, carrier.ref.path))
    done = Untagged(ref.path, plan.where if plan.data is not None else "index", words)
    if recorder is None:
        return done
    if plan.data is None:
        recorder.note(ref, words)
        now, content_hash = writer.apply(plan)
    else:
        now, content_hash = recorder.carry_out(Change(plan, added=frozenset(), removed=words), None)
        held = writer.read(ref.path)
    after = Standing(
        now if ref == carrier.ref else None,  # what else somebody changed is for the next scan to see
        content_hash,
        frozenset(held.photo + held.sidecar),
        plan.keywords,
        plan.rejected - words,
    )
    index.untagged(carrier.number, recorder.number, None if not is_rejected else words, after)
    return done
