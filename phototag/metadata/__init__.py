"""Tags in, the photo's own fields or a sidecar out: the `MetadataWriter` protocol and the records it speaks in."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, Protocol

from phototag.errors import PhotoError
from phototag.records import FileRead, Memory, PhotoRef, Where


@dataclass(frozen=True, slots=True)
class Plan:
    """A write that is composed and proved but has not touched the disk.

    Attributes:
        ref: the photo.
        where: where the tags stand after the write; "index" where a sidecar was needed and is not wanted.
        target: the file that will be replaced or created: the photo itself or its sidecar.
        data: the target's new bytes; None where nothing needs to be written.
        original: the target as it was read, to be found unchanged before it is replaced; None where there is no such
            file yet.
        added: phototag's words in the file after the write, earlier ones included.
        removed: phototag's words that the write takes out.
        rejected: the memory's rejected words and those newly found missing.
        keywords: the owner's own keywords in the photo and its sidecar.
        note: why a sidecar is written where the photo itself could have been; empty otherwise.
        digest: SHA-256 of the new bytes; empty where nothing needs to be written.
        picture: the mark of the photo's picture, which no write changes; empty where it has none.
    """

    ref: PhotoRef
    where: Where
    target: str
    data: bytes | None
    original: FileRead | None
    added: frozenset[str]
    removed: frozenset[str]
    rejected: frozenset[str]
    keywords: tuple[str, ...]
    note: str = ""
    digest: bytes = b""
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Held:
    """The keywords a photo's file and sidecar hold now.

    Attributes:
        photo: keywords inside the photo, all fields together, in order, without repeats.
        sidecar: keywords in its sidecar.
        sidecar_path: the sidecar, where there is one.
        picture: the mark of the photo's picture, see `phototag.metadata.picture`; empty where it has none.
    """

    photo: tuple[str, ...] = ()
    sidecar: tuple[str, ...] = ()
    sidecar_path: str | None = None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How the owner wants tags to be written.

    Attributes:
        fields: the keyword fields, of "dc", "lr", "digikam", "xp" and "iptc"; "dc" is among them.
        sidecar: "auto": where the photo cannot take tags inside; "always": no photo is written; "never": what cannot
            be written inside is tagged in the index alone.
        sidecar_name: how a new sidecar is called: "full" for `IMG.CR2.xmp`; "stem" for `IMG.xmp`, where that name
            means one photo alone.
        touch: whether a written photo gets a new modification time.
    """

    fields: frozenset[str] = frozenset({"dc", "lr", "digikam", "xp", "iptc"})
    sidecar: Literal["auto", "always", "never"] = "auto"
    sidecar_name: Literal["stem", "full"] = "stem"
    touch: bool = False


class MetadataWriter(Protocol):
    """Reads and writes keywords. A write is planned first, so that the index can note what is about to happen."""

    def read(self, path: str, file: FileRead | None = None) -> Held:
        """The keywords a photo holds.

        Args:
            path: the photo.
            file: the photo as it was read a moment ago; it is read again if it is not as it was then.

        Raises:
            PhotoError: the photo or its sidecar cannot be read.
        """
        ...

    def plan(
        self,
        ref: PhotoRef,
        words: Sequence[str],
        memory: Memory,
        paths: Mapping[str, tuple[str, ...]] | None = None,
        file: FileRead | None = None,
    ) -> Plan:
        """Compose and prove the write that leaves `words`, and no other word of phototag's, in the photo.

        Args:
            ref: the photo.
            words: the words it is to have.
            memory: what phototag remembers of it.
            paths: the broader words of each word, the most general first, for the hierarchical fields.
            file: the photo as it was read a moment ago; it is read again if it is not as it was then.

        Raises:
            PhotoError: neither the photo nor a sidecar can take the words.
        """
        ...

    def apply(self, plan: Plan) -> tuple[PhotoRef, bytes]:
        """Carry out a plan: temporary file in the same folder, fsync, permissions and times kept, atomic replace.

        Returns:
            The photo as it is now (size and time), and the SHA-256 of its bytes.

        Raises:
            PhotoError: the target changed since it was planned, or cannot be replaced; it is as it was.
            DiskError: the disk is full or over quota; the target is as it was.
        """
        ...

    def apply_all(self, plans: Sequence[Plan], pool: Executor) -> list[tuple[PhotoRef, bytes] | PhotoError]:
        """Carry out many plans: as `apply` does, side by side, their folders made durable once for all.

        Returns:
            For each plan the photo as it is now and its SHA-256, or why it could not be carried out.

        Raises:
            DiskError: the disk is full; each target is as it was or as its plan has it.
        """
        ...

    def clean(self, folder: str) -> None:
        """Remove the temporary files that a killed process left in a folder; those of a living one stay."""
        ...


def open_writer(options: WriteOptions | None = None) -> MetadataWriter:
    """The writer for photos on this file system."""
    from phototag.metadata.writer import FileWriter

    return FileWriter(options or WriteOptions())
