"""Folders in, `Tagged | Failed | Unchanged` out: the whole way of a photo through phototag, on one screen.

    walk → select → decode → embed → decide → write metadata → index

Decoding runs ahead in threads. Everything that embeds, writes and remembers runs a batch at a time, in order, while the
next is decoded; the photos of a batch are written side by side, for half of a write is waiting for the disk. Stopping
loses at most two batches of work and never a photo.
"""

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np

from phototag.backbone import Backbone
from phototag.decide import Rules, decide
from phototag.decode import decode
from phototag.errors import PhotoError, UnreadableError
from phototag.index import Index, Known
from phototag.journal import Recorder
from phototag.metadata import MetadataWriter
from phototag.records import (
    Classifier,
    Decided,
    Decoded,
    Embedded,
    Event,
    Failed,
    Forgotten,
    Memory,
    Missing,
    PhotoRef,
    Tagged,
    Unchanged,
)
from phototag.walk import walk

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What a scan works with.

    Attributes:
        model: the model's name, under which the index keeps its verdicts.
        decision: fingerprint of all that decides; a photo decided under another one is decided anew.
        classifier: the model's head, labels and thresholds.
        rules: the owner's bounds on tags.
        backbone: the model's network, opened.
        writer: reads and writes keywords.
        index: remembers.
        workers: threads that decode, and as many that write.
        write: whether tags go into the photos, or into the index alone.
        dry_run: whether to leave photos and index as they are and only say what would happen.
        rescan: whether to look again at photos that have not changed.
    """

    model: str
    decision: str
    classifier: Classifier
    rules: Rules
    backbone: Backbone
    writer: MetadataWriter
    index: Index
    workers: int
    write: bool = True
    dry_run: bool = False
    rescan: bool = False


@dataclass(frozen=True, slots=True)
class _Work:
    """A photo to look at, and what the index knows of it."""

    ref: PhotoRef
    known: Known | None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A photo that has been decoded, or that cannot be."""

    work: _Work
    decoded: Decoded | Failed


@dataclass(slots=True)
class _Seen:
    """What the walk came upon, for telling afterwards which photos are gone."""

    folders: set[str] = field(default_factory=set)
    unlisted: list[Known] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)


def scan(roots: Sequence[str], job: Job) -> Iterator[Event]:
    """Tag every new or changed photo at or below `roots`.

    Photos come in the order of the walk, a batch at a time; a photo is remembered before it is yielded.

    Raises:
        PhotoTagError: the run cannot go on: the index or the model fails, or the disk is full.
    """
    seen = _Seen()
    recorder = Recorder(job.index, job.writer, "scan", job.model, roots)
    batch: list[_Ready] = []
    under_way: Future[list[Tagged | Failed]] | None = None
    with (  # leaving them waits for the batch under way
        ThreadPoolExecutor(1, thread_name_prefix="finish") as finishing,
        ThreadPoolExecutor(job.workers, thread_name_prefix="write") as writing,
    ):
        finish = partial(_finish, job=job, seen=seen, recorder=recorder, writing=writing)
        for item in _decode_ahead(_select(walk(roots), job, seen), job):
            if isinstance(item, _Ready):
                batch.append(item)
            else:
                yield item
            if len(batch) >= job.backbone.batch_size:
                if under_way is not None:
                    yield from under_way.result()
                under_way = finishing.submit(finish, batch)
                batch = []
        if under_way is not None:
            yield from under_way.result()
        yield from finishing.submit(finish, batch).result()
    if not job.dry_run:
        yield from _forget(roots, job, seen)
        recorder.finish()


def _select(found: Iterable[PhotoRef | Failed], job: Job, seen: _Seen) -> Iterator[_Work | Unchanged | Failed]:
    """Leave out the photos that are as the last scan left them."""
    for folder, items in groupby(found, key=_folder_of):
        seen.folders.add(folder)
        known = job.index.known_in(folder, job.model)
        if not job.dry_run and any(photo.pending for photo in known.values()):
            job.writer.clean(folder)
        unchanged = failed_before = 0
        for item in items:
            if isinstance(item, Failed):
                yield item
                continue
            before = known.pop(os.path.basename(item.path), None)
            if before is not None and _is_unchanged(before, item, job):
                unchanged += 1
                failed_before += before.failure is not None
            else:
                yield _Work(item, before)
        seen.unlisted.extend(known.values())
        if unchanged:
            yield Unchanged(folder, unchanged, failed_before)


def _folder_of(item: PhotoRef | Failed) -> str:
    return os.path.dirname((item.ref if isinstance(item, Failed) else item).path)


def _is_unchanged(before: Known, now: PhotoRef, job: Job) -> bool:
    if job.rescan or before.pending or before.ref != now:
        return False
    if before.failure is not None:
        return True
    if before.undone:  # the owner took its words back: only another verdict, or --rescan, gives it words again
        return before.decision == job.decision
    return before.decision == job.decision and not (job.write and before.where == "index")


def _decode_ahead(items: Iterable[_Work | Unchanged | Failed], job: Job) -> Iterator[_Ready | Unchanged | Failed]:
    """Decode in threads, at most two batches ahead, and hand everything on in order."""
    network = job.backbone.network
    ahead: deque[tuple[_Work, Future[Decoded]] | Unchanged | Failed] = deque()
    pool = ThreadPoolExecutor(job.workers, thread_name_prefix="decode")
    try:
        for item in items:
            if isinstance(item, _Work):
                ahead.append((item, pool.submit(decode, item.ref, network.image_size, network.fit)))
            else:
                ahead.append(item)
            if len(ahead) > 2 * job.backbone.batch_size + job.workers:
                yield _settle(ahead.popleft())
        while ahead:
            yield _settle(ahead.popleft())
    finally:  # also when the caller stops early: nothing new is begun, what is under way ends by itself
        pool.shutdown(wait=False, cancel_futures=True)


def _settle(item: tuple[_Work, Future[Decoded]] | Unchanged | Failed) -> _Ready | Unchanged | Failed:
    if not isinstance(item, tuple):
        return item
    work, future = item
    try:
        return _Ready(work, future.result())
    except UnreadableError as exc:  # a fact about this moment, not about the photo: the next run tries again
        return Failed(work.ref, exc.reason, exc.detail)
    except PhotoError as exc:
        return _Ready(work, Failed(work.ref, exc.reason, exc.detail))


def _finish(
    batch: Sequence[_Ready], *, job: Job, seen: _Seen, recorder: Recorder, writing: ThreadPoolExecutor
) -> list[Tagged | Failed]:
    """Embed, decide, write and remember one batch."""
    refused = [ready.decoded for ready in batch if isinstance(ready.decoded, Failed)]
    photos = [(ready.work, ready.decoded) for ready in batch if isinstance(ready.decoded, Decoded)]
    placed: list[Tagged | Failed] = []
    if photos:
        vectors = job.backbone.embed(np.stack([photo.pixels for _, photo in photos]))
        embedded = [
            Embedded(photo.ref, photo.content_hash, photo.facts, vector)
            for (_, photo), vector in zip(photos, vectors, strict=True)
        ]
        decided = decide(embedded, job.classifier, job.rules)
        place = partial(_place, job=job, seen=seen, recorder=recorder)
        placed = list(writing.map(place, decided, [work for work, _ in photos]))
    if not job.dry_run:
        # What could not be written is not remembered: that, too, is for the next run to try again.
        tagged = [result for result in placed if isinstance(result, Tagged)]
        job.index.remember([*tagged, *refused], job.model, job.decision)
    return [*placed, *refused]


def _place(decided: Decided, work: _Work, job: Job, seen: _Seen, recorder: Recorder) -> Tagged | Failed:
    """Put a photo's tags where they belong. The index learns what will be written before it is."""
    twin = work.known or _recognise(decided, job)
    moved_from = twin.number if twin and work.known is None and _is_absent(twin.ref.path) else None
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


def _recall(twin: Known | None, ref: PhotoRef, job: Job) -> Memory:
    """What phototag remembers of its words in a photo.

    After a write that was cut short only those count that are there: the others never arrived, nobody removed them.
    """
    if twin is None:
        return Memory()
    if not twin.pending:
        return twin.memory
    held = job.writer.read(ref.path)
    return replace(twin.memory, added=twin.memory.added & {*held.photo, *held.sidecar})


def _index_only(decided: Decided, memory: Memory, moved_from: int | None, job: Job) -> Tagged:
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


def _recognise(decided: Decided, job: Job) -> Known | None:
    """The photo of the same bytes that the index knows: itself before a move, rather than one it is a copy of."""
    twins = job.index.known_by_content(decided.content_hash, job.model)
    return next((twin for twin in twins if _is_absent(twin.ref.path)), twins[0] if twins else None)


def _forget(roots: Sequence[str], job: Job, seen: _Seen) -> Iterator[Forgotten | Missing]:
    """Drop what no longer exists; leave alone what may only be unmounted."""
    gone: list[int] = []
    for root in map(os.path.abspath, roots):
        missing: dict[str, int] = {}
        for known in _unseen(root, job, seen):
            if known.number in seen.moved or not _is_absent(known.ref.path):
                continue
            suspect = _unmounted(known.ref.path, root)
            if suspect is None:
                gone.append(known.number)
            else:
                missing[suspect] = missing.get(suspect, 0) + 1
        for folder, count in missing.items():
            yield Missing(folder, count)
    job.index.forget(gone)
    if gone:
        yield Forgotten(len(gone))


def _unseen(root: str, job: Job, seen: _Seen) -> Iterator[Known]:
    """Photos known at or below a root that the walk did not list."""
    inside = os.path.join(root, "")
    yield from (known for known in seen.unlisted if known.ref.path.startswith(inside))
    unvisited = [folder for folder in job.index.folders_below(root) if folder not in seen.folders]
    for folder in unvisited:
        yield from job.index.known_in(folder, job.model).values()


def _is_absent(path: str) -> bool:
    """Whether there is certainly no such file; an unreadable folder or a stalled share is not certainty."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as exc:
        _log.warning("%s: cannot tell whether it still exists: %s", path, exc.strerror)
    return False


def _unmounted(path: str, root: str) -> str | None:
    """The folder whose emptiness or absence makes a photo's absence doubtful; None where there is no doubt.

    The nearest folder above the photo that exists says it: when it is empty, it may be the mount point of a disk that
    is not there; when it lies above the root, the root itself is not there.
    """
    folder = os.path.dirname(path)
    while _is_absent(folder):
        folder = os.path.dirname(folder)
    if not os.path.join(folder, "").startswith(os.path.join(root, "")):
        return root
    try:
        with os.scandir(folder) as entries:
            return None if any(entries) else folder
    except OSError:
        return folder
