"""What an index remembers so that what phototag did can be taken back: the `Journal` protocol and its records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from phototag.records import PhotoRef, Where

Kind = Literal["scan", "retag", "untag", "undo"]


@dataclass(frozen=True, slots=True)
class Run:
    """A command that changed files or words.

    Attributes:
        number: counts up from 1.
        kind: which command.
        model: whose words; "" where no model had a part in it.
        folders: what it was told to work on; empty: the whole index.
        started: when, in ISO 8601, UTC.
        finished: when; None while it is at work, and for ever where it was cut short.
        photos: photos written inside.
        sidecars: sidecars written.
        others: photos of which only the index was changed.
        left: how many of all these have not been undone, and can be.
        forgotten: of how many it was forgotten how to take them back.
        undoes: the run that an undo took back.
        undone_by: the undo that went through all of it.
        patch_bytes: what it takes to get the old files back.
    """

    number: int
    kind: Kind
    model: str
    folders: tuple[str, ...]
    started: str
    finished: str | None
    photos: int
    sidecars: int
    others: int
    left: int
    forgotten: int
    undoes: int | None
    undone_by: int | None
    patch_bytes: int


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is about to begin.

    Attributes:
        run: under which number it is noted.
        place: what is written; "index" where no file is.
        target: the file's path.
        hash_before: SHA-256 of the file; None where there is none yet.
        hash_after: SHA-256 that it will have; None where no file is written.
        mtime_before: its modification time, nanoseconds since the epoch; None where there is none yet.
        patch: what turns the new bytes into the old ones; None where there are none.
        added: words that are put into the file.
        removed: words that are taken out of it.
    """

    run: int
    place: Where
    target: str
    hash_before: bytes | None = None
    hash_after: bytes | None = None
    mtime_before: int | None = None
    patch: bytes | None = None
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Intent:
    """Words that are about to be written into a photo.

    Attributes:
        ref: the photo.
        added: phototag's words that may stand in the file before or after.
        moved_from: the photo of that number is from now on the one at `ref.path`.
        write: what the journal keeps, so that it can be taken back.
    """

    ref: PhotoRef
    added: frozenset[str]
    moved_from: int | None = None
    write: Write | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was noted and has not been undone. It may never have happened: the file's hash tells.

    Attributes:
        number: of the write.
        write: what was noted.
        model: whose words; None: those of all models.
        photo: the photo's path as the index knows it now; None where it has been forgotten.
        later: writes to the same file that came after and have not been undone: their runs, and the hashes they left.
    """

    number: int
    write: Write
    model: str | None
    photo: str | None
    later: tuple[tuple[int, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A photo as it is after words were taken back.

    Attributes:
        ref: path, size and time; None: as the index knows them.
        content_hash: SHA-256 of its file, where `ref` is given.
        words: all keywords in the photo and its sidecar.
        keywords: the owner's among them; None: as the index knows them.
        rejected: words newly found to be taken out by the owner.
    """

    ref: PhotoRef | None
    content_hash: bytes | None
    words: frozenset[str]
    keywords: tuple[str, ...] | None = None
    rejected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Carrier:
    """A photo with words of phototag's.

    Attributes:
        number: the photo's.
        ref: as of the last visit.
        said: all words that models gave it.
        added: those that phototag has put into its file.
        rejected: words that are never added again.
        pending: whether a write was begun and not recorded as finished.
    """

    number: int
    ref: PhotoRef
    said: frozenset[str]
    added: frozenset[str]
    rejected: frozenset[str]
    pending: bool


class Journal(Protocol):
    """The part of an index that knows what was done. Every method is one transaction."""

    def start_run(self, kind: Kind, model: str, folders: Sequence[str], undoes: int | None = None) -> int:
        """Open a run and give its number."""
        ...

    def finish_run(self, number: int, *, whole: bool = True) -> None:
        """Note that a run came to its end.

        Args:
            number: the run.
            whole: of an undo, whether it went through all of the run it undoes.
        """
        ...

    def runs(self) -> Iterator[Run]:
        """Every run, the latest first."""
        ...

    def forget_writes(self, before_s: int) -> tuple[int, int]:
        """Forget how to take back what runs did that began before a moment; no run may be at work.

        Args:
            before_s: seconds since the epoch.

        Returns:
            How many runs had something to forget, and how many files.
        """
        ...

    def writes_of(self, run: int) -> Iterator[Written]:
        """What a run wrote and nobody has undone, the latest first; writes may be undone meanwhile."""
        ...

    def carriers(self, root: str | None, word: str | None) -> Iterator[Carrier]:
        """Photos at or below `root` with a word of phototag's (without regard to case), or with any.

        Words may be taken back meanwhile.
        """
        ...

    def undone(self, number: int, run: int, now: Standing, *, whole: bool) -> None:
        """Record that a write was taken back by a run.

        Args:
            number: the write.
            run: the undo.
            now: the photo afterwards.
            whole: the files are as they were, and so becomes what the index says of the photo; else only the words of
                the write are taken back. Either way the photo's verdict stands as undone: no scan acts on it again.
        """
        ...

    def untagged(self, number: int, run: int, words: frozenset[str] | None, now: Standing) -> None:
        """Record that words of phototag's were taken out of a photo.

        Args:
            number: the photo's.
            run: the untag.
            words: these are rejected from now on; None: all, and none is rejected, but no scan acts on the verdicts.
            now: the photo afterwards.
        """
        ...
