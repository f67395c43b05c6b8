"""What a model says of photos in, the tags where they belong out: in the photo, in its sidecar, in the index alone."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from phototag.errors import PhotoError
from phototag.index import Known
from phototag.journal import Change, Recorder
from phototag.records import Decided, Failed, FileRead, Memory, PhotoRef, Tagged
from phototag.scan.job import Seen
from phototag.scan.recognising import Recognising, Twin, Verdict, recognise

_AT_ONCE = 8
_AT_ONCE_BYTES = 64 << 20
"""So many photos, of so many bytes, are written together: they are in memory twice until they are. A larger one goes
by itself."""


class Placing(Recognising, Protocol):
    """What of a `Job` it takes to put tags where they belong."""

    @property
    def write(self) -> bool:
        """Whether tags go into the photos, or into the index alone."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A photo whose write is proved and has not begun."""

    result: Tagged
    change: Change


def place(
    verdicts: Sequence[Verdict], job: Placing, seen: Seen, recorder: Recorder, writing: Executor
) -> list[Tagged | Failed]:
    """Put the tags of photos where they belong, in order. The index learns what will be written before it is.

    Some photos at a time are planned side by side, noted in one transaction, and written side by side.

    Raises:
        PhotoTagError: the run cannot go on: the index fails, or the disk is full.
    """
    placed: list[Tagged | Failed] = []
    for group in _groups(verdicts):
        planned = list(writing.map(partial(_plan, job=job), group, recognise(group, job, seen)))
        changes = [one.change for one in planned if isinstance(one, _Planned)]
        outcomes = iter(recorder.carry_out_all(changes, job.model, writing))
        placed += [_written(one.result, next(outcomes)) if isinstance(one, _Planned) else one for one in planned]
    return placed


def _groups(verdicts: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    group: list[Verdict] = []
    size_bytes = 0
    for verdict in verdicts:
        size_bytes += verdict.decided.ref.size_bytes
        if group and (len(group) == _AT_ONCE or size_bytes > _AT_ONCE_BYTES):
            yield group
            group, size_bytes = [], verdict.decided.ref.size_bytes
        group.append(verdict)
    if group:
        yield group


def _plan(verdict: Verdict, twin: Twin, job: Placing) -> Tagged | Failed | _Planned:
    """Say where a photo's tags belong, and compose and prove the write that puts them there."""
    decided, file = verdict.decided, verdict.file
    try:
        memory = _recall(twin.known, decided.ref, file, job)
        if not job.write:
            return _index_only(decided, file, memory, twin.moved_from, job)
        paths = {tag.word: tag.broader for tag in decided.tags}
        plan = job.writer.plan(decided.ref, list(paths), memory, paths, file)
    except PhotoError as exc:
        return Failed(decided.ref, exc.reason, exc.detail)
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
        moved_from=twin.moved_from,
        picture=plan.picture,
    )
    if plan.data is None or job.dry_run:
        return result
    # Where the file is new every word in it is; else those count that were not there from an earlier run.
    before = memory.added | memory.others if plan.original is not None else frozenset()
    return _Planned(result, Change(plan, plan.added - before, plan.removed, twin.moved_from))


def _written(result: Tagged, outcome: tuple[PhotoRef, bytes] | PhotoError) -> Tagged | Failed:
    if isinstance(outcome, PhotoError):
        return Failed(result.ref, outcome.reason, outcome.detail)
    ref, content_hash = outcome
    return replace(result, ref=ref, content_hash=content_hash)


def _recall(twin: Known | None, ref: PhotoRef, file: FileRead | None, job: Placing) -> Memory:
    """What phototag remembers of its words in a photo.

    After a write that was cut short only those count that are there: the others never arrived, nobody removed them.
    """
    if twin is None:
        return Memory()
    if not twin.pending:
        return twin.memory
    held = job.writer.read(ref.path, file)
    return replace(twin.memory, added=twin.memory.added & {*held.photo, *held.sidecar})


def _index_only(
    decided: Decided, file: FileRead | None, memory: Memory, moved_from: int | None, job: Placing
) -> Tagged:
    held = job.writer.read(decided.ref.path, file)
    return Tagged(
        decided,
        decided.ref,
        decided.content_hash,
        where="index",
        added=memory.added,
        rejected=memory.rejected,
        keywords=tuple(word for word in dict.fromkeys(held.photo + held.sidecar) if word not in memory.added),
        moved_from=moved_from,
        picture=held.picture,
    )
