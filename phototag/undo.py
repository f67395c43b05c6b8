"""A run's number in, its files as they were before out: bit for bit, or word by word where somebody changed them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from phototag.errors import MetadataError, PhotoError, UnreadableError
from phototag.index import Index
from phototag.index.journal import Standing, Written
from phototag.journal import NOT_FOUND, Recorder, broader_words, listed
from phototag.metadata import MetadataWriter
from phototag.metadata.restore import FileNow, put_back, read_now, take_away
from phototag.newcomer import is_another
from phototag.records import Failed, Memory, PhotoRef

Way = Literal["restored", "deleted", "words", "index", "nothing"]
"""Every byte as before; a sidecar that phototag had made is gone; only words were taken back, for the file has been
changed since; only the index was changed then, and now; the file is already as it was, or another photo is there."""


@dataclass(frozen=True, slots=True)
class Undone:
    """A file that an undo has dealt with.

    Attributes:
        path: the photo or sidecar.
        way: how.
        removed: words taken out of it, where words were.
    """

    path: str
    way: Way
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Undo:
    """What an undo works with."""

    index: Index
    writer: MetadataWriter
    recorder: Recorder
    dry_run: bool


def undo(
    run: int, index: Index, writer: MetadataWriter, *, root: str | None, dry_run: bool
) -> Iterator[Undone | Failed]:
    """Take back what a run did to the files at or below `root`, the latest first.

    A file that cannot be taken back is left as it is, and stays in the journal. Each file is recorded before it is
    yielded, so that an undo that was stopped goes on where it was.

    Raises:
        PhotoTagError: the index fails, or the disk is full.
    """
    recorder = Recorder(index, writer, "undo", "", [] if root is None else [root], undoes=run)
    job = _Undo(index, writer, recorder, dry_run)
    whole = root is None
    cleaned: set[str] = set()
    for written in index.writes_of(run):
        path = written.photo or written.write.target
        if root is not None and not _is_inside(path, root):
            continue
        folder = os.path.dirname(os.path.realpath(path))
        if not dry_run and folder not in cleaned:
            writer.clean(folder)
            cleaned.add(folder)
        try:
            yield _take_back(written, job)
        except PhotoError as exc:
            whole = whole and exc.reason == NOT_FOUND
            yield Failed(PhotoRef(path, 0, 0), exc.reason, exc.detail)
    if not dry_run:
        recorder.finish(whole=whole)


def _take_back(written: Written, job: _Undo) -> Undone:
    """Take one write back, in the way that the file as it is now allows.

    Raises:
        PhotoError: it cannot be.
    """
    write = written.write
    if write.place == "index":
        return _settle(written, job, Undone(write.target, "index"))
    path = _where_now(written, job.writer)
    now = read_now(path)
    if now is None:
        if write.hash_before is None and written.photo is not None and os.path.exists(written.photo):
            return _settle(written, job, Undone(path, "nothing"))  # the sidecar that is to go is gone
        raise UnreadableError(NOT_FOUND, f"{path} is gone: bring it back and undo run {write.run} again")
    if now.digest == write.hash_after:
        return _restore(written, now, job)
    if now.digest == write.hash_before:
        return _settle(written, job, Undone(path, "nothing"))
    later = [run for run, after in written.later if after == now.digest]
    if later:
        raise MetadataError("written later", f"run {later[-1]} wrote {path} again: undo that run first")
    return _take_words_back(written, path, job)


def _restore(written: Written, now: FileNow, job: _Undo) -> Undone:
    """Give a file its old bytes and its old time, or delete it where there was none."""
    write = written.write
    done = Undone(now.path, "restored" if write.hash_before is not None else "deleted")
    if job.dry_run:
        return done
    if written.photo is not None:  # a scan after a kill must not think that the owner took the words out
        job.index.intend(listed(written.photo), None, frozenset())
    if write.hash_before is None:
        take_away(now)
    else:
        put_back(now, write.patch or b"", write.hash_before, write.mtime_before)
    return _settle(written, job, done)


def _settle(written: Written, job: _Undo, done: Undone) -> Undone:
    """Make the index say again what it said before the write."""
    if job.dry_run:
        return done
    write = written.write
    standing = Standing(None, None, frozenset())
    if written.photo is not None:
        held = job.writer.read(written.photo)
        # A photo beside whose sidecar somebody worked may itself have changed: that is for the next scan to see.
        ref = listed(written.photo) if write.place == "photo" else None
        standing = Standing(ref, write.hash_before if ref else None, frozenset(held.photo + held.sidecar))
    job.index.undone(written.number, job.recorder.number, standing, whole=True)
    return done


def _take_words_back(written: Written, path: str, job: _Undo) -> Undone:
    """Take out the words that the write put in and put back those that it took out; all else in the file stays.

    A file that holds another photo by now is left alone.
    """
    write = written.write
    if written.photo is None:
        if write.place == "photo" and write.added.isdisjoint(job.writer.read(path).photo):
            return _settle(written, job, Undone(path, "nothing"))  # another photo has taken its place
        raise MetadataError("changed since", f"{path} is not as phototag wrote it, and the index no longer knows it")
    ref = listed(written.photo)
    folder, name = os.path.split(written.photo)
    known = job.index.known_in(folder, written.model or "")[name]
    held = job.writer.read(written.photo)
    words = frozenset(held.photo + held.sidecar)
    before = job.index.likenesses([known.number])[known.number]
    if is_another(before, known.memory.added | known.memory.others | write.added, held):
        if not job.dry_run:
            job.index.undone(written.number, job.recorder.number, Standing(None, None, words), whole=True)
        return Undone(path, "nothing")
    ours = known.memory.added | known.memory.others
    if known.pending or written.model is None:  # what never arrived was not taken out by anybody
        ours &= words
    memory = Memory(
        added=ours,
        kept=known.memory.others if written.model is not None else frozenset(),
        rejected=known.memory.rejected - (write.removed if written.model is None else frozenset()),
    )
    wanted = sorted((ours & words) - write.added | write.removed)
    plan = job.writer.plan(ref, wanted, memory, broader_words(job.index, written.photo))
    done = Undone(plan.target, "words", plan.removed)
    if job.dry_run:
        return done
    if plan.data is not None:
        job.index.intend(ref, None, plan.added | plan.removed)
    ref, content_hash = job.writer.apply(plan)
    held = job.writer.read(written.photo)
    standing = Standing(ref, content_hash, frozenset(held.photo + held.sidecar), plan.keywords, plan.rejected)
    job.index.undone(written.number, job.recorder.number, standing, whole=False)
    return done


def _where_now(written: Written, writer: MetadataWriter) -> str:
    """Where the file is that was written: photos move, and their sidecars with them."""
    target = written.write.target
    if written.photo is None:
        return target
    if written.write.place == "photo":
        return os.path.realpath(written.photo)
    if os.path.lexists(target) or not os.path.exists(written.photo):
        return target
    return writer.read(written.photo).sidecar_path or target


def _is_inside(path: str, root: str) -> bool:
    top = os.path.abspath(root)
    return path == top or path.startswith(os.path.join(top, ""))
