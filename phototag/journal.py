"""A plan in, the file written out, and noted beforehand so that it can be taken back."""

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from phototag.errors import PhotoError, UnreadableError
from phototag.index import Index
from phototag.index.journal import Intent, Kind, Write
from phototag.metadata import MetadataWriter, Plan
from phototag.metadata.patch import make_patch
from phototag.records import PhotoRef

NOT_FOUND = "not found"
"""Why a photo fails that is not there."""


@dataclass(frozen=True, slots=True)
class Change:
    """A plan to be carried out, which writes something.

    Attributes:
        plan: what is to be written.
        added: words that the write puts in; an undo takes them out.
        removed: words that the write takes out; an undo puts them back.
        moved_from: see `Intent`.
    """

    plan: Plan
    added: frozenset[str]
    removed: frozenset[str]
    moved_from: int | None = None


class Recorder:
    """Carries out the plans of one run; it opens at the first write, so that what changes nothing leaves no trace.

    May be shared by threads.
    """

    def __init__(
        self,
        index: Index,
        writer: MetadataWriter,
        kind: Kind,
        model: str,
        folders: Sequence[str],
        *,
        undoes: int | None = None,
    ) -> None:
        self._index = index
        self._writer = writer
        self._kind: Kind = kind
        self._model = model
        self._folders = tuple(map(os.path.abspath, folders))
        self._undoes = undoes
        self._number: int | None = None
        self._turn = threading.RLock()

    @property
    def number(self) -> int:
        """The run's number."""
        with self._turn:
            if self._number is None:
                self._number = self._index.start_run(self._kind, self._model, self._folders, self._undoes)
            return self._number

    def carry_out(self, change: Change, model: str | None) -> tuple[PhotoRef, bytes]:
        """Note a write and do it.

        Args:
            change: what is to be written.
            model: whose words they are; None: those of all models.

        Returns:
            The photo as it is now, and the SHA-256 of its bytes.

        Raises:
            PhotoError: the target changed since it was planned, or cannot be replaced; it is as it was.
            DiskError: the disk is full; the target is as it was.
        """
        self._index.intend_all([self._intent(change)], model)
        return self._writer.apply(change.plan)

    def carry_out_all(
        self, changes: Sequence[Change], model: str | None, pool: Executor
    ) -> list[tuple[PhotoRef, bytes] | PhotoError]:
        """Note many writes in one transaction, and do them; see `carry_out`.

        Returns:
            For each what `carry_out` returns, or the `PhotoError` that it raises.

        Raises:
            DiskError: the disk is full; each target is as it was or as it was to be.
        """
        if not changes:
            return []
        self._index.intend_all(list(pool.map(self._intent, changes)), model)
        return self._writer.apply_all([change.plan for change in changes], pool)

    def _intent(self, change: Change) -> Intent:
        plan, old = change.plan, change.plan.original
        assert plan.data is not None, "a plan that changes nothing is not carried out"
        write = Write(
            run=self.number,
            place=plan.where,
            target=plan.target,
            hash_before=None if old is None else old.sha256(),
            hash_after=plan.digest,
            mtime_before=None if old is None else old.status.st_mtime_ns,
            patch=None if old is None else make_patch(plan.data, old.data),
            added=change.added,
            removed=change.removed,
        )
        return Intent(plan.ref, plan.added | plan.removed, change.moved_from, write)

    def note(self, ref: PhotoRef, removed: frozenset[str]) -> None:
        """Note that words of all models are about to be taken out of the index alone."""
        self._index.intend(ref, None, frozenset(), None, Write(self.number, "index", ref.path, removed=removed))

    def finish(self, *, whole: bool = True) -> None:
        """Note the run's end, if it ever began."""
        if self._number is not None:
            self._index.finish_run(self._number, whole=whole)


def listed(path: str) -> PhotoRef:
    """A photo as a walk would list it now.

    Raises:
        UnreadableError: it is gone or cannot be looked at.
    """
    facts = _facts(path)
    return PhotoRef(path, facts.st_size, facts.st_mtime_ns)


def broader_words(index: Index, path: str) -> dict[str, tuple[str, ...]]:
    """What the words that models gave a photo stand under, for the hierarchical fields."""
    entry = index.entry(path)
    return {} if entry is None else {tag.word: tag.broader for verdict in entry.verdicts for tag in verdict.tags}


def _facts(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError as exc:
        raise UnreadableError(NOT_FOUND, f"{path} is gone: bring it back, or scan its folder to forget it") from exc
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
