"""A photo's XMP packets, EXIF block and IPTC keywords in, its keyword fields out; the same for every format."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from phototag.errors import MetadataError
from phototag.metadata import exif, xmp
from phototag.metadata.hierarchy import leaves
from phototag.metadata.words import distinct

_log = logging.getLogger(__name__)

_AFCP_MARKS = (b"AXS!", b"AXS*")


@dataclass(frozen=True, slots=True)
class Fields:
    """The keyword fields of a photo or a sidecar, each with its words in order.

    Attributes:
        subject: XMP `dc:subject`.
        hierarchical: XMP `lr:hierarchicalSubject`: paths, the general word first, joined by `|`; None where it is
            damaged.
        tags_list: XMP `digiKam:TagsList`: the same, joined by `/`.
        xp: EXIF `XPKeywords`.
        iptc: IPTC `Keywords`, where they can be written; None elsewhere.
        iptc_takes_ascii_alone: whether other words cannot be added to them, for their encoding is not known.
        others: what is read and not written: IPTC `Keywords` that cannot be written, further XMP packets.
        has_xmp: whether there is an XMP packet that can be written.
        takes_xp: whether `XPKeywords` is a field of this photo: not in a PNG or WebP without EXIF.
        damage: why that packet cannot be read; empty where it can.
    """

    subject: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] | None = ()
    tags_list: tuple[str, ...] | None = ()
    xp: tuple[str, ...] = ()
    iptc: tuple[str, ...] | None = None
    iptc_takes_ascii_alone: bool = False
    others: tuple[str, ...] = ()
    has_xmp: bool = False
    takes_xp: bool = True
    damage: str = ""

    @property
    def leaves(self) -> tuple[str, ...]:
        """The last word of each path."""
        return (*leaves(self.hierarchical or (), "|"), *leaves(self.tags_list or (), "/"))

    @property
    def all(self) -> tuple[str, ...]:
        """All words, without repeats."""
        return distinct(self.subject, self.xp, self.iptc or (), self.others, self.leaves)


@dataclass(frozen=True, slots=True)
class NewWords:
    """The words that a write leaves in the keyword fields; None leaves a field as it is, byte for byte.

    Attributes:
        subject: XMP `dc:subject`.
        xp: EXIF `XPKeywords`.
        hierarchical: XMP `lr:hierarchicalSubject`.
        tags_list: XMP `digiKam:TagsList`.
        iptc: IPTC `Keywords`.
    """

    subject: tuple[str, ...]
    xp: tuple[str, ...] | None = None
    hierarchical: tuple[str, ...] | None = None
    tags_list: tuple[str, ...] | None = None
    iptc: tuple[str, ...] | None = None

    @property
    def lists(self) -> dict[xmp.Property, tuple[str, ...]]:
        """The XMP properties that change."""
        every = {xmp.SUBJECT: self.subject, xmp.HIERARCHICAL: self.hierarchical, xmp.TAGS_LIST: self.tags_list}
        return {what: words for what, words in every.items() if words is not None}


def read_fields(
    packets: Sequence[bytes],
    blocks: Sequence[bytes] = (),
    iptc_words: Sequence[str] = (),
    *,
    spare_packets: Sequence[bytes] = (),
    takes_xp: bool = True,
    iptc_takes_ascii_alone: bool | None = None,
) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty.

    Args:
        packets: the XMP packets; the first is the one that can be written.
        blocks: the EXIF blocks, of which the first counts.
        iptc_words: IPTC `Keywords`.
        spare_packets: XMP packets that are only read, though no other is there.
        takes_xp: whether `XPKeywords` is a field of this photo.
        iptc_takes_ascii_alone: None where IPTC keywords cannot be written.
    """
    subject, damage = _try(xmp.read_subject, packets[:1])
    hierarchical, no_paths = _try(partial(xmp.read_list, what=xmp.HIERARCHICAL), packets[:1])
    tags_list, no_tags = _try(partial(xmp.read_list, what=xmp.TAGS_LIST), packets[:1])
    others = _try(xmp.read_subject, [*packets[1:], *spare_packets])[0]
    return Fields(
        subject=subject,
        hierarchical=None if no_paths else hierarchical,
        tags_list=None if no_tags else tags_list,
        xp=_try(exif.read_xp_keywords, blocks[:1])[0],
        iptc=None if iptc_takes_ascii_alone is None else tuple(iptc_words),
        iptc_takes_ascii_alone=bool(iptc_takes_ascii_alone),
        others=others if iptc_takes_ascii_alone is not None else (*iptc_words, *others),
        has_xmp=bool(packets),
        takes_xp=takes_xp,
        damage=damage,
    )


def refuse_afcp(trailer: bytes) -> None:
    """Refuse what trails a photo where it counts from the beginning of the file.

    Raises:
        MetadataError: it is an AFCP trailer, which begins and ends with its mark.
    """
    if any(trailer.count(mark) > 1 for mark in _AFCP_MARKS):
        raise MetadataError("pinned", "an AFCP trailer counts its places from the beginning of the file")


def _try(read: Callable[[bytes], tuple[str, ...]], blocks: Sequence[bytes]) -> tuple[tuple[str, ...], str]:
    """The words in the blocks that can be read, and why another cannot."""
    words: list[str] = []
    damage = ""
    for block in blocks:
        try:
            words += read(block)
        except MetadataError as exc:
            damage = str(exc)
            _log.debug("keywords not read: %s", exc)
    return tuple(words), damage
