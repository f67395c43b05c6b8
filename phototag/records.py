"""The frozen records that travel between the rooms, in the order a photo meets them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    """An upright photo fitted to a network's square: `(S, S, 3)` RGB, or a batch of them `(N, S, S, 3)`."""

    Vectors = npt.NDArray[np.float32]
    """Embeddings or scores: `(D,)` for one photo, `(N, D)` for a batch."""

Fit = Literal["crop", "squash", "pad"]
"""How a photo is fitted to the square: centre crop, squashed without regard to its shape, or padded with grey."""


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a server that holds an index. As text it is its URL without the password.

    Attributes:
        url: such as `postgresql+psycopg://me@nas/photos`; may hold a password.
    """

    url: str = field(repr=False)

    def __str__(self) -> str:
        without = re.sub(r"(?<=://)([^:/@]*):.*@", r"\1@", self.url)
        return re.sub(r"(?<=[?&]password=)[^&]*", "***", without)


Place: TypeAlias = Path | Server
"""Where an index is: an SQLite file, or on a server."""


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A photo that a walk came upon.

    Attributes:
        path: absolute, as the operating system gave it; bytes that are not UTF-8 are kept as surrogate escapes
            (`os.fsencode` gives the original bytes back).
        size_bytes: the file's size when it was listed.
        mtime_ns: its modification time when it was listed, nanoseconds since the epoch.
    """

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FileRead:
    """A file as it was read: its bytes, and what tells it from one that somebody wrote since.

    Attributes:
        data: all its bytes.
        status: what the file system said of it just before it was read.
        read_ns: when that was, by this machine's clock, nanoseconds since the epoch.
        digest: SHA-256 of the bytes, where it is known already; else empty.
    """

    data: bytes
    status: os.stat_result
    read_ns: int
    digest: bytes = b""

    def sha256(self) -> bytes:
        """SHA-256 of the bytes."""
        import hashlib  # takes longer to import than a search has

        return self.digest or hashlib.sha256(self.data).digest()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a photo says of itself.

    Attributes:
        format: Pillow's name of the format: "JPEG", "PNG", "HEIF", ..., or "RAW".
        width: pixels, of the upright photo at full size.
        height: pixels, of the upright photo at full size.
        taken: local time of exposure, `YYYY-MM-DDTHH:MM:SS`, where the EXIF block gives a valid one.
        camera: make and model without a repeated make, where the EXIF block gives them.
        lens: the lens's model, where the EXIF block gives it.
        place: degrees north and degrees east (WGS 84), where the EXIF block gives valid ones.
    """

    format: str
    width: int
    height: int
    taken: str | None = None
    camera: str | None = None
    lens: str | None = None
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A photo's pixels, ready for a network, and its facts.

    Attributes:
        content_hash: SHA-256 of the whole file, 32 bytes.
        pixels: `(S, S, 3) uint8`, upright RGB, fitted to the network's square.
        file: the file as it was read, so that who writes need not read it again; None where it was not kept.
    """

    ref: PhotoRef
    content_hash: bytes
    facts: Facts
    pixels: Pixels
    file: FileRead | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A photo as a vector.

    Attributes:
        embedding: `(D,) float32`, as the network gives it, not normalised.
    """

    ref: PhotoRef
    content_hash: bytes
    facts: Facts
    embedding: Vectors


@dataclass(frozen=True, slots=True)
class Tag:
    """A word the model stands by.

    Attributes:
        word: what is written into the photo, in Unicode NFC.
        score: 0 to 1.
        broader: the broader words it implies, the most general first: ("animal", "dog") for a beagle. They are
            tags of the same photo themselves.
    """

    word: str
    score: float
    broader: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What a model says of a photo.

    Attributes:
        tags: best first; empty means "none of these".
        guesses: the five best words with their scores, above the thresholds or not, for `phototag show`.
        distance: how strange it is to the model, see `Neighbours.threshold`; None where the model has no neighbours.
    """

    ref: PhotoRef
    content_hash: bytes
    facts: Facts
    tags: tuple[Tag, ...]
    guesses: tuple[Tag, ...] = ()
    distance: float | None = None


Where = Literal["photo", "sidecar", "index"]
"""Where the tags stand: inside the photo, in an `.xmp` file beside it, or in phototag's index alone."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A photo that went all the way.

    Attributes:
        ref: with the size and time the file has now, after any write.
        content_hash: SHA-256 of the file as it is now.
        where: where the tags stand.
        changed: whether a file was written.
        added: words that phototag has put into the file, in this run or an earlier one, and that still stand there.
        removed: phototag's own words that this run took out again.
        rejected: words that phototag had added and the owner has since removed; never added again.
        keywords: the owner's own keywords found in the file.
        note: why the tags are not where they normally would be; empty otherwise.
        moved_from: the index's number of the photo this one was recognised as, now at another path.
        picture: the mark of its picture, see `phototag.metadata.picture`; empty where it has none.
    """

    decided: Decided
    ref: PhotoRef
    content_hash: bytes
    where: Where
    changed: bool = False
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    keywords: tuple[str, ...] = ()
    note: str = ""
    moved_from: int | None = None
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """A photo, or a folder, that could not be handled, and why.

    Attributes:
        reason: a few stable words the summary groups by.
        detail: the rest of the message.
    """

    ref: PhotoRef
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Photos of one folder that are as the last scan left them.

    Attributes:
        count: how many.
        failed_before: how many of them could not be read then, and have not changed since.
    """

    folder: str
    count: int
    failed_before: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Photos that no longer exist and have been dropped from the index."""

    count: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Photos the index knows below a folder that is gone or empty: perhaps a disk that is not mounted. Left alone."""

    folder: str
    count: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A photo that somebody is still writing: left to the next scan."""

    ref: PhotoRef


@dataclass(frozen=True, slots=True)
class Stopped:
    """The scan came to a bound before the end of the library; the next one goes on from there.

    Attributes:
        bound: which: its time, or the number of photos.
    """

    bound: Literal["time", "photos"]


Event = Tagged | Failed | Unchanged | Forgotten | Missing | Waiting | Stopped
"""What a scan tells of."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the index remembers of phototag's own words in one photo.

    Attributes:
        added: words this model has put into the file before.
        kept: words that other models stand by; never removed for this one's sake.
        rejected: words the owner took out again; never added again.
        others: words that other models have put into the file: phototag's, not the owner's.
    """

    added: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Label:
    """A word a model can say.

    Attributes:
        word: in Unicode NFC.
        classes: the classes of the head whose probabilities make its score: their sum (softmax) or their maximum
            (sigmoid). At least one: a plain category has one, a broader word has those of all below it.
        broader: broader words, the most general first.
        threshold: the least score with which the word is said.
    """

    word: str
    classes: tuple[int, ...]
    broader: tuple[str, ...] = ()
    threshold: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """One layer of a head: `activation(x @ kernel + bias)`, with ReLU between layers and the head's own at the end.

    Attributes:
        kernel: `(inputs, outputs) float32`.
        bias: `(outputs,) float32`.
    """

    kernel: Vectors
    bias: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """How training photos vote for what is on a photo near them: kernel ridge regression, which says 0 far from all.

    Attributes:
        shares: `(N, classes) float32`, what each of the N neighbours adds to a class at no distance from it.
        reach: the cosine distance at which a voice has fallen to 1/e.
        weight: what a vote of 1 adds to the logit of a class.
        known: how many of the neighbours, the first ones, have a label. The others show what none of these looks
            like: they vote, but nothing is measured by its distance to them.
        counted: the classes that a label is made of.
    """

    shares: Vectors
    reach: float
    weight: float
    known: int
    counted: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """The directions in which training photos differ from each other, their principal components.

    Attributes:
        centre: `(D,) float32`, the mean of their unit vectors, in the space of `Neighbours.embeddings`.
        axes: `(axes, D) float32`, orthonormal.
    """

    centre: Vectors
    axes: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The training photos' embeddings, by which "none of these" is decided.

    Attributes:
        embeddings: `(N, D) float32`, L2-normalised; where they vote, of the square roots (with their signs) of what
            the network gives, which keeps a few loud dimensions from drowning the rest.
        k: how many of the nearest are averaged.
        threshold: the largest strangeness at which a photo is still one of these: its mean cosine distance (0 to 2) to
            the k nearest, and what the strongest vote for a class lacks to 1; or how far it lies from `span`.
        votes: None: they do not vote, and strangeness is the distance.
        span: where the network itself has learned from these photos; None: it has not.
    """

    embeddings: Vectors
    k: int
    threshold: float
    votes: Votes | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """All that deciding needs: embeddings in, words out.

    Attributes:
        layers: the head, first to last.
        activation: of the last layer.
        labels: every word the model can say.
        neighbours: None where the model has no training photos to measure against, as the built-in one.
    """

    layers: tuple[Dense, ...]
    activation: Literal["softmax", "sigmoid"]
    labels: tuple[Label, ...]
    neighbours: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A network that turns photos into embeddings.

    Attributes:
        name: "efficientnet-lite0".
        fingerprint: SHA-256 over its files, image size and fit, hexadecimal; vectors of different fingerprints must not
            be mixed.
        folder: where its files lie.
        files: role ("weights", "float32", "int8") to file name.
        image_size: side of the square it takes, pixels.
        embedding_size: D.
        fit: how a photo is fitted to that square.
    """

    name: str
    fingerprint: str
    folder: str
    files: Mapping[str, str]
    image_size: int
    embedding_size: int
    fit: Fit


def __getattr__(name: str) -> Any:
    """Make the types of arrays when they are first asked for: a search does not pay for the import of numpy."""
    if name not in ("Pixels", "Vectors"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numpy as np
    import numpy.typing as npt

    return npt.NDArray[np.uint8] if name == "Pixels" else npt.NDArray[np.float32]
