"""A plan in, the file written out, and noted beforehand so that it can be taken back."""

import hashlib
import os
import threading
from collections.abc import Sequence

from phototag.errors import UnreadableError
from phototag.index import Index
from phototag.index.journal import Kind, Write
from phototag.metadata import MetadataWriter, Plan
from phototag.metadata.patch import make_patch
from phototag.records import PhotoRef

NOT_FOUND = "not found"
"""Why a photo fails that is not there."""


class Recorder:
    """Carries out the plans of one run; it opens at the first write, so that what changes nothing leaves no trace.

    May be shared by threads: what they note goes into the index one after the other.
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

    def carry_out(
        self,
        plan: Plan,
        data: bytes,
        model: str | None,
        *,
        added: frozenset[str],
        removed: frozenset[str],
        moved_from: int | None = None,
    ) -> tuple[PhotoRef, bytes]:
        """Note a write and do it.

        Args:
            plan: what is to be written.
            data: its new bytes.
            model: whose words they are; None: those of all models.
            added: words that the write puts in; an undo takes them out.
            removed: words that the write takes out; an undo puts them back.
            moved_from: see `Index.intend`.

        Returns:
            The photo as it is now, and the SHA-256 of its bytes.

        Raises:
            PhotoError: the target changed since it was planned, or cannot be replaced; it is as it was.
            DiskError: the disk is full; the target is as it was.
        """
        old = plan.original
        write = Write(
            run=self.number,
            place=plan.where,
            target=plan.target,
            hash_before=None if old is None else hashlib.sha256(old).digest(),
            hash_after=plan.digest,
            mtime_before=None if old is None else _facts(plan.target).st_mtime_ns,
            patch=None if old is None else make_patch(data, old),
            added=added,
            removed=removed,
        )
        with self._turn:
            self._index.intend(plan.ref, model, plan.added | plan.removed, moved_from, write)
        return self._writer.apply(plan)

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
