"""A batch of decoded photos in, tagged photos out: embedded, decided, written and remembered."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from phototag.decide import decide
from phototag.errors import PhotoError
from phototag.index import Index, Known
from phototag.journal import Recorder
from phototag.metadata import MetadataWriter
from phototag.records import Decided, Decoded, Embedded, Failed, Memory, PhotoRef, Tagged
from phototag.scan.gone import is_absent
from phototag.scan.job import Job, Ready, Seen, Work


def finish_batch(
    batch: Sequence[Ready], *, job: Job, seen: Seen, recorder: Recorder, writing: ThreadPoolExecutor
) -> list[Tagged | Failed]:
    """Embed, decide, write and remember one batch."""
    refused = [ready.decoded for ready in batch if isinstance(ready.decoded, Failed)]
    photos = [(ready.work, ready.decoded) for ready in batch if not isinstance(ready.decoded, Failed)]
    decided = decide(_embed([photo for _, photo in photos], job), job.classifier, job.rules)
    place_one = partial(place, job=job, seen=seen, recorder=recorder)
    placed = list(writing.map(place_one, decided, [work for work, _ in photos]))
    if not job.dry_run:
        # What could not be written is not remembered: that, too, is for the next run to try again.
        tagged = [result for result in placed if isinstance(result, Tagged)]
        if job.vectors is not None:  # before the index knows the photos: it must not believe in what was not kept
            job.vectors.alias((result.decided.content_hash, result.content_hash) for result in tagged)
        job.index.remember([*tagged, *refused], job.model, job.decision)
    return [*placed, *refused]


def _embed(photos: Sequence[Decoded | Embedded], job: Job) -> list[Embedded]:
    """Embed and store what is not yet, and give all back in order."""
    fresh = [photo for photo in photos if isinstance(photo, Decoded)]
    vectors = iter(job.backbone.embed(np.stack([photo.pixels for photo in fresh])) if fresh else ())
    embedded = [
        Embedded(photo.ref, photo.content_hash, photo.facts, next(vectors)) if isinstance(photo, Decoded) else photo
        for photo in photos
    ]
    if job.vectors is not None and not job.dry_run:
        job.vectors.put([(photo.content_hash, photo.embedding) for photo in embedded])
    return embedded


class Placing(Protocol):
    """What of a `Job` it takes to put tags where they belong."""

    @property
    def model(self) -> str:
        """Under which name the index keeps the verdicts."""

    @property
    def writer(self) -> MetadataWriter:
        """Reads and writes keywords."""

    @property
    def index(self) -> Index:
        """Remembers."""

    @property
    def write(self) -> bool:
        """Whether tags go into the photos, or into the index alone."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be changed."""


def place(decided: Decided, work: Work, job: Placing, seen: Seen, recorder: Recorder) -> Tagged | Failed:
    """Put a photo's tags where they belong. The index learns what will be written before it is."""
    twin = work.known or _recognise(decided, job)
    moved_from = twin.number if twin and work.known is None and is_absent(twin.ref.path) else None
    if moved_from is not None:
        seen.moved.add(moved_from)
    try:
        memory = _recall(twin, decided.ref, job)
        if not job.write:
            return _index_only(decided, memory, moved_from, job)
        paths = {tag.word: tag.broader for tag in decided.tags}
        plan = job.writer.plan(decided.ref, list(paths), memory, paths)
        result = Tagged(
            decided,
            decided.ref,
            decided.content_hash,
            where=plan.where,
            changed=plan.data is not None,
            added=plan.added,
            removed=plan.removed,
            rejected=plan.rejected,
            keywords=plan.keywords,
            note=plan.note,
            moved_from=moved_from,
        )
        if plan.data is None or job.dry_run:
            return result
        # Where the file is new every word in it is; else those count that were not there from an earlier run.
        before = memory.added | memory.others if plan.original is not None else frozenset()
        ref, content_hash = recorder.carry_out(
            plan, plan.data, job.model, added=plan.added - before, removed=plan.removed, moved_from=moved_from
        )
        return replace(result, ref=ref, content_hash=content_hash)
    except PhotoError as exc:
        return Failed(decided.ref, exc.reason, exc.detail)


def _recall(twin: Known | None, ref: PhotoRef, job: Placing) -> Memory:
    """What phototag remembers of its words in a photo.

    After a write that was cut short only those count that are there: the others never arrived, nobody removed them.
    """
    if twin is None:
        return Memory()
    if not twin.pending:
        return twin.memory
    held = job.writer.read(ref.path)
    return replace(twin.memory, added=twin.memory.added & {*held.photo, *held.sidecar})


def _index_only(decided: Decided, memory: Memory, moved_from: int | None, job: Placing) -> Tagged:
    held = job.writer.read(decided.ref.path)
    return Tagged(
        decided,
        decided.ref,
        decided.content_hash,
        where="index",
        added=memory.added,
        rejected=memory.rejected,
        keywords=tuple(word for word in dict.fromkeys(held.photo + held.sidecar) if word not in memory.added),
        moved_from=moved_from,
    )


def _recognise(decided: Decided, job: Placing) -> Known | None:
    """The photo of the same bytes that the index knows: itself before a move, rather than one it is a copy of."""
    twins = job.index.known_by_content(decided.content_hash, job.model)
    return next((twin for twin in twins if is_absent(twin.ref.path)), twins[0] if twins else None)
