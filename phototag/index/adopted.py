"""A photo as it becomes known without a scan: the record that `Index.adopt` takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from phototag.records import PhotoRef


@dataclass(frozen=True, slots=True)
class Adopted:
    """A photo that becomes known, or gets more words, without being decoded.

    Attributes:
        ref: path, size and time.
        keywords: the owner's that its files hold.
        imported: the owner's from another program's catalogue.
        rejected: words never to be added again.
        placed: by model the words that phototag has put into its files, with their scores, 0 to 1.
    """

    ref: PhotoRef
    keywords: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    rejected: frozenset[str] = frozenset()
    placed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
