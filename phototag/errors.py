"""The error tree: `PhotoError` is about one photo and the run goes on; `PhotoTagError` stops it with an exit code.

Exit codes: 0 all well; 1 some photos failed, or a search found nothing; 2 wrong usage; the classes below carry
the others; 130 stopped by the user or by a signal, finished batches kept.
"""

from typing import ClassVar

TOO_LONG = "took too long"
"""The reason why a photo or a folder fails that did not answer in time."""


class PhotoError(Exception):
    """One photo cannot be handled; count it, record it, go on with the next.

    Args:
        reason: a few stable words the summary groups by, such as "truncated".
        detail: what was found and what the owner can do about it; may be empty.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class UnreadableError(PhotoError):
    """The file could not be opened or read: permissions, a vanished file, an I/O error."""


class UndecodableError(PhotoError):
    """The bytes are not a photo that can be shown: another kind of file, damaged, too large, hostile."""


class UnfinishedError(PhotoError):
    """The file is still being written by somebody; the next run takes it."""


class MetadataError(PhotoError):
    """The photo's metadata could not be read, changed or proved; the photo is as it was."""


class PhotoTagError(Exception):
    """The run cannot go on. The message names what failed and the way out."""

    exit_code: ClassVar[int] = 2


class SettingsError(PhotoTagError):
    """A setting in the configuration file or the environment is wrong."""

    exit_code = 2


class LockedError(PhotoTagError):
    """Another scan runs on the same index."""

    exit_code = 3


class ModelError(PhotoTagError):
    """A model is missing, damaged, of a newer version, or cannot run here."""

    exit_code = 4


class IndexFileError(PhotoTagError):
    """The index is damaged, of a newer version, or cannot be written."""

    exit_code = 5


class UnreachableError(IndexFileError):
    """The server that the index is on does not answer, or no longer; it may be back in a while."""


class OtherIndexError(IndexFileError):
    """What stands in the index's place is whole, and no index for this phototag: to be left as it is."""


class TrainingDataError(PhotoTagError):
    """The labelled photos cannot be learned from as they are."""

    exit_code = 6


class QueryError(PhotoTagError):
    """The search words do not form a query."""

    exit_code = 2


class DiskError(PhotoTagError):
    """Nothing more can be written to a disk: full, over quota, or gone."""

    exit_code = 7
