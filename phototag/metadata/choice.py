"""What a photo's or a sidecar's fields hold, and what is to change, in; the words that each field will hold out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from phototag.metadata.exif import can_hold
from phototag.metadata.fields import Fields, NewWords
from phototag.metadata.hierarchy import converted, leaves, new_paths, own
from phototag.metadata.iptc import can_hold as iptc_can_hold
from phototag.metadata.merge import Merge, new_words
from phototag.metadata.words import copies, distinct, normal
from phototag.records import Memory

FIELDS = ("dc", "lr", "digikam", "xp", "iptc")
"""The fields that can be chosen: `dc:subject`, `lr:hierarchicalSubject`, `digiKam:TagsList`, `XPKeywords`, IPTC."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which words go where.

    Attributes:
        fields: the fields that are written, of `FIELDS`; `dc` is among them.
        broader: the broader words of each word, the most general first.
        ours: all words that phototag has written into this photo at any time, in normal form.
    """

    fields: frozenset[str]
    broader: Mapping[str, tuple[str, ...]]
    ours: frozenset[str]

    def writable(self, held: Fields) -> tuple[str, ...]:
        """The words that a write can take out again: paths count where they are phototag's."""
        words = [*held.subject]
        words += held.xp if "xp" in self.fields else ()
        words += (held.iptc or ()) if "iptc" in self.fields else ()
        words += leaves(own(held.hierarchical or (), "|", self.ours), "|") if "lr" in self.fields else ()
        words += leaves(own(held.tags_list or (), "/", self.ours), "/") if "digikam" in self.fields else ()
        return tuple(words)

    def new_words(self, held: Fields, every: tuple[str, ...], change: Merge, *, is_photo: bool) -> NewWords:
        """The words of all fields after the write; None for a field that stays as it is.

        Args:
            held: the fields of the photo or of the sidecar that is written.
            every: all words of the photo and its sidecar: a field that is new begins with them.
            change: what is to change.
            is_photo: whether it is the photo; a sidecar has neither EXIF nor IPTC.
        """
        subject = new_words(held.subject, every, change)
        new = NewWords(subject)
        if "lr" in self.fields and held.hierarchical is not None:
            owners = (*converted(held.tags_list or (), "/", "|"), *copies(every))
            paths = new_paths(held.hierarchical, "|", owners, change, self.broader, self.ours)
            new = replace(new, hierarchical=None if paths == held.hierarchical else paths)
        if "digikam" in self.fields and held.tags_list is not None:
            owners = (*converted(held.hierarchical or (), "|", "/"), *copies(every))
            paths = new_paths(held.tags_list, "/", owners, change, self.broader, self.ours)
            new = replace(new, tags_list=None if paths == held.tags_list else paths)
        if is_photo and "xp" in self.fields and held.takes_xp:
            xp = new_words(held.xp, distinct(every, subject), change)
            xp = tuple(word for word in xp if word in held.xp or can_hold(word))
            new = replace(new, xp=None if xp == held.xp else xp)
        if is_photo and "iptc" in self.fields and held.iptc is not None:
            iptc = new_words(held.iptc, every, change)
            alone = held.iptc_takes_ascii_alone
            iptc = tuple(word for word in iptc if word in held.iptc or iptc_can_hold(word, ascii_alone=alone))
            new = replace(new, iptc=None if iptc == held.iptc else iptc)
        return new


def choose(fields: frozenset[str], broader: Mapping[str, tuple[str, ...]], memory: Memory) -> Choice:
    """The choice for one photo, with what is remembered of it."""
    return Choice(fields, broader, frozenset(map(normal, memory.added | memory.others | memory.rejected)))


def ways_to_write(new: NewWords) -> list[NewWords]:
    """The write as wanted, then without the fields that may refuse it, the one least missed first."""
    ways = [new, replace(new, iptc=None), replace(new, xp=None), replace(new, xp=None, iptc=None)]
    return list(dict.fromkeys(ways))
