"""What a scan works with, and what travels between its stages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from phototag.backbone import Backbone
from phototag.decide import Rules
from phototag.index import Index, Known
from phototag.metadata import MetadataWriter
from phototag.records import Classifier, Decoded, Embedded, Failed, Fit, PhotoRef
from phototag.vectors import VectorFile
from phototag.walk import Patiently, at_once


def decode_here(ref: PhotoRef, image_size: int, fit: Fit) -> Decoded:
    """Decode in the calling thread, whatever the photo does to it; the decoders are loaded when the first one comes."""
    from phototag.decode import decode

    return decode(ref, image_size, fit)


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
        retry_failed: whether to look again at those among them that failed.
        decode: decodes a photo, from several threads at once; raises `PhotoError`.
        vectors: where the network's embeddings are kept; None: nowhere.
        timeout_s: after how long a photo is given up whose reading or decoding does not end, or a folder that does
            not answer.
        max_photos: how many photos are looked at, at most.
        only: the real paths of the only folders to look at; None: all. Nothing is forgotten then.
        until: when the last photo may be begun, as `time.monotonic` counts.
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
    retry_failed: bool = False
    decode: Callable[[PhotoRef, int, Fit], Decoded] = decode_here
    vectors: VectorFile | None = None
    timeout_s: float = 120.0
    max_photos: int | None = None
    until: float | None = None
    only: frozenset[str] | None = None

    @property
    def queue(self) -> int:
        """The most photos that are decoded ahead of the network: two batches, and one in the hands of each worker."""
        return 2 * self.backbone.batch_size + self.workers


@dataclass(frozen=True, slots=True)
class Work:
    """A photo to look at, and what the index knows of it.

    Attributes:
        familiar: some photo of as many bytes was met before: it may have the very same ones.
    """

    ref: PhotoRef
    known: Known | None
    familiar: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A photo that has been decoded, or need not be, or cannot be."""

    work: Work
    decoded: Decoded | Embedded | Failed


@dataclass(slots=True)
class Seen:
    """What the walk came upon, for telling afterwards which photos are gone.

    Attributes:
        folders: those that were listed.
        unlisted: photos known in them that were not.
        moved: the numbers of photos that were met at another path.
        unfinished: photos that a killed scan wrote and did not record, by their content; None: not yet asked for.
        leftovers: folders with temporary files, some of which a killed process may have left.
        sidecars: by folder, the times of the sidecars in it by their names without `.xmp`.
        silent: folders that did not answer; nothing is known of what is in them.
        patiently: calls what looks at the disk.
        stopped: the bound by which the scan ended early.
    """

    folders: set[str] = field(default_factory=set)
    unlisted: list[Known] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)
    unfinished: dict[bytes, Known] | None = None
    leftovers: list[str] = field(default_factory=list)
    sidecars: dict[str, dict[str, int]] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    patiently: Patiently = at_once
    stopped: Literal["time", "photos"] | None = None
