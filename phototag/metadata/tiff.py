"""A TIFF photo's bytes in, its keyword fields out; its new words in, the new file out, by appending alone (see `ifd`).

Only what is a photo and nothing else is taken: many RAW formats are TIFF inside, some are even called so. BigTIFF is
refused. Source: TIFF 6.0; XMP Specification Part 3, 1.1.4 (tag 700); DNG 1.7 and exiftool's tables for what is RAW.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from phototag.errors import MetadataError
from phototag.metadata import iptc, xmp
from phototag.metadata.exif import xp_entry
from phototag.metadata.fields import Fields, NewWords, read_fields, refuse_afcp
from phototag.metadata.ifd import BYTE, Entry, Ifd, NewEntry, Order, read_header, read_numbers, walk, with_entries

_XMP, _IPTC, _PHOTOSHOP = 700, 33723, 34377
_SUBFILE_TYPE, _COMPRESSION, _COLOURS, _DNG_VERSION, _C2PA = 254, 259, 262, 50706, 52545
_PIECES = ((273, 279), (324, 325))  # where the strips or tiles are, and how long
_RAW_COLOURS = frozenset({32803, 34892})  # a sensor's mosaic; a sensor's linear values
# fmt: off
_PHOTO_COMPRESSIONS = frozenset({
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 32766, 32771, 32773, 32809, 32946, 33003, 33005, 34661, 34676, 34677, 34712, 34887,
    34925, 34926, 34927, 50000, 50001, 50002, 52546,
})
# fmt: on
_DIRECTORIES_MOST = 10_000
_SIZE_MOST = 2**32 - 1
_CLOUD_LAYOUT = b"GDAL_STRUCTURAL_METADATA_SIZE="
_TRAILER_ENDS = (b"cbipcbbl", b"zmie", b"SEFT", b"QDIOBS", b"\xa1\xb2\xc3\xd4")
_TRAILER_REACH = 64
"""Photo Mechanic, MIE, Samsung and FotoStation find their trailers by these marks in a file's last bytes."""


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF photo.

    Attributes:
        data: the whole file.
        order: its byte order.
        first: its first directory.
    """

    data: bytes
    order: Order
    first: Ifd

    def value(self, tag: int) -> tuple[Entry, bytes] | None:
        """An entry of the first directory, and its bytes."""
        for entry in self.first.entries:
            if entry.tag == tag:
                return entry, self.data[entry.value_at : entry.value_at + entry.size]
        return None


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins so is a TIFF inside, which may be a RAW photo; 4 bytes tell."""
    return head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def parse(data: bytes) -> Tiff:
    """Take a TIFF photo apart.

    Raises:
        MetadataError: BigTIFF, a RAW photo, or not well-formed.
    """
    if data[2:4] in (b"+\0", b"\0+"):
        raise MetadataError("BigTIFF", "only classic TIFF is written inside")
    try:
        order, _ = read_header(data)
        directories = walk(data, _DIRECTORIES_MOST)
    except MetadataError as exc:
        raise MetadataError("malformed TIFF", exc.detail) from exc
    photo = Tiff(data, order, directories[0])
    if data[8:10] == b"CR" or _DNG_VERSION in {entry.tag for entry in photo.first.entries}:
        raise MetadataError("RAW", "it is a RAW photo that is called a TIFF")
    if any(number & 1 for number in _numbers(photo, [photo.first], _SUBFILE_TYPE)):
        raise MetadataError("RAW", "its first image is a preview, as in RAW photos")
    if not _RAW_COLOURS.isdisjoint(_numbers(photo, directories, _COLOURS)):
        raise MetadataError("RAW", "it holds what a sensor saw")
    if not _PHOTO_COMPRESSIONS.issuperset(_numbers(photo, directories, _COMPRESSION)):
        raise MetadataError("RAW", "it is compressed as no TIFF but RAW photos are")
    return photo


def fields_of(photo: Tiff) -> Fields:
    """The words in a photo's keyword fields. A field that is damaged reads as empty."""
    packet, block, resources = photo.value(_XMP), photo.value(_IPTC), photo.value(_PHOTOSHOP)
    return read_fields(
        [] if packet is None else [packet[1]],
        [photo.data],
        (
            *(() if block is None else iptc.read_blocks([block[1]])),
            *(() if resources is None else iptc.read_keywords([resources[1]])),
        ),
    )


def picture(photo: Tiff) -> list[memoryview]:
    """The strips or tiles of the first image, in order."""
    data = memoryview(photo.data)
    by_tag = {entry.tag: entry for entry in photo.first.entries}
    for offsets, lengths in _PIECES:
        if offsets in by_tag and lengths in by_tag:
            starts = read_numbers(photo.data, photo.order, by_tag[offsets])
            sizes = read_numbers(photo.data, photo.order, by_tag[lengths])
            return [data[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return []


def compose(photo: Tiff, new: NewWords) -> bytes:
    """The photo with these words in its keyword fields.

    Raises:
        MetadataError: the photo cannot take them without risk; the reason says why.
    """
    _refuse_what_counts_bytes(photo)
    held = photo.value(_XMP)
    entries = []
    if held is not None or any(new.lists.values()):
        packet = xmp.edit_lists(xmp.fresh_packet() if held is None else held[1], new.lists)
        entries.append(NewEntry(_XMP, BYTE if held is None else held[0].kind, packet))
    if new.xp is not None:
        entries.append(xp_entry(new.xp))
    return with_entries(photo.data, entries, size_most=_SIZE_MOST, directories_most=_DIRECTORIES_MOST)


def _refuse_what_counts_bytes(photo: Tiff) -> None:
    """Refuse photos in which something counts on where the file ends, or vouches for all of it.

    Raises:
        MetadataError: content credentials, a trailer that is found from the end, or a layout for reading by network.
    """
    if photo.value(_C2PA) is not None:
        raise MetadataError("signed", "its content credentials (C2PA) vouch for every byte of the file")
    end = photo.data[-_TRAILER_REACH:]
    refuse_afcp(end + end)
    if any(mark in end for mark in _TRAILER_ENDS):
        raise MetadataError("pinned", "it has a trailer that is found from the end of the file")
    if photo.data.startswith(_CLOUD_LAYOUT, 8):
        raise MetadataError("pinned", "it is laid out for reading by network (cloud-optimized GeoTIFF)")


def _numbers(photo: Tiff, directories: Iterable[Ifd], tag: int) -> set[int]:
    """All values of an entry in these directories."""
    entries = (entry for directory in directories for entry in directory.entries if entry.tag == tag)
    return {number for entry in entries for number in read_numbers(photo.data, photo.order, entry)}
