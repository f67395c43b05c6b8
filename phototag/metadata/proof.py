"""A photo's or sidecar's old and new bytes in; silence, or the check that failed, out.

Nothing is shared with the code that wrote: segments are cut by a few lines of their own, EXIF is read by piexif, XMP
by lxml. What is proved: only the keyword fields differ, the image data is identical, the new words read back.
"""

import struct
from collections.abc import Sequence
from typing import Any

import piexif
from lxml import etree

from phototag.errors import MetadataError

_XP_KEYWORDS = 0x9C9E
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
_GROWTH_MOST = 2 * 65_537
"""Two segments at their largest: no write makes a photo longer or shorter by more."""

_Tree = tuple[Any, ...]


def prove_jpeg(old: bytes, new: bytes, subject: Sequence[str], xp: Sequence[str] | None) -> None:
    """Prove that a new JPEG is the old one with these words.

    Args:
        old: the photo as it is.
        new: what would replace it.
        subject: the words that `dc:subject` must hold, in order.
        xp: those of `XPKeywords`; None: the EXIF block must be the same, byte for byte.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    old_parts, old_tail = _cut(old)
    new_parts, new_tail = _cut(new)
    _check(old_tail == new_tail, "the image data differs")
    _check(abs(len(new) - len(old)) <= _GROWTH_MOST, "the size is not plausible")
    old_exif, old_xmp, old_rest = _sort_out(old_parts)
    new_exif, new_xmp, new_rest = _sort_out(new_parts)
    _check(old_rest == new_rest, "another segment differs")
    _check(_behind_index(old) == _behind_index(new), "a multi-picture index would count wrong")
    if xp is None:
        _check(old_exif == new_exif, "the EXIF block differs")
    else:
        _prove_exif(old_exif, new_exif, xp)
    prove_xmp(old_xmp, new_xmp, subject)


def prove_xmp(old: bytes | None, new: bytes | None, subject: Sequence[str]) -> None:
    """Prove that a new packet is the old one with these words in `dc:subject`.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    _, old_properties = _read_xmp(old)
    new_words, new_properties = _read_xmp(new)
    _check(old_properties == new_properties, "another XMP property differs")
    _check(new_words == list(subject), "the words do not read back from XMP")


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MetadataError("proof failed", otherwise)


def _cut(data: bytes) -> tuple[list[bytes], bytes]:
    """A JPEG's segments before the first scan, each from its marker on, and the rest."""
    parts: list[bytes] = []
    at = 2
    while data[at : at + 2] != b"\xff\xda":
        _check(data[at : at + 1] == b"\xff", "the segments do not read back")
        begin = at
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        marker = data[at + 1 : at + 2]
        if marker == b"\xda":
            return parts, data[begin:]
        alone = marker == b"\x01" or b"\xd0" <= marker <= b"\xd7"
        length = 0 if alone else int.from_bytes(data[at + 2 : at + 4], "big")
        at += 2 + length
        _check(at < len(data), "the segments do not read back")
        parts.append(data[begin:at])
    return parts, data[at:]


def _sort_out(parts: Sequence[bytes]) -> tuple[bytes | None, bytes | None, list[bytes]]:
    """The first EXIF block, the first XMP packet, and all other segments in order."""
    block: bytes | None = None
    packet: bytes | None = None
    rest = []
    for part in parts:
        payload = _payload(part, b"\xe1")
        if block is None and payload.startswith(b"Exif\0") and len(payload) > 6:
            block = payload[6:]
        elif packet is None and payload.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            packet = payload[29:]
        else:
            rest.append(part)
    return block, packet, rest


def _payload(part: bytes, marker: bytes) -> bytes:
    """What a segment holds, if it is of this kind."""
    unfilled = part.lstrip(b"\xff")
    return unfilled[3:] if unfilled.startswith(marker) else b""


def _behind_index(data: bytes) -> int | None:
    """How many bytes follow the header of a multi-picture index, from which it counts."""
    parts, tail = _cut(data)
    for number, part in enumerate(parts):
        if _payload(part, b"\xe2").startswith(b"MPF\0"):
            return sum(map(len, parts[number:])) + len(tail)
    return None


def _prove_exif(old: bytes | None, new: bytes | None, words: Sequence[str]) -> None:
    if new is None:
        _check(old is None and not words, "the EXIF block is gone")
        return
    new_tags = _load(new)
    value = bytes(new_tags["0th"].pop(_XP_KEYWORDS, ()))
    read_back = [word for word in value.decode("utf-16-le", "replace").removesuffix("\0").split(";") if word]
    _check(read_back == list(words), "the words do not read back from XPKeywords")
    if old is None:
        _check(not any(new_tags.values()), "the new EXIF block holds more than XPKeywords")
        return
    old_tags = _load(old)
    old_tags["0th"].pop(_XP_KEYWORDS, None)
    _check(old_tags == new_tags, "another EXIF tag differs")
    _check(new[:4] == old[:4] and new[8 : len(old)] == old[8:], "a byte of the EXIF block moved")
    _check(_first_directory(old) == _first_directory(new), "another entry of the first EXIF directory differs")


def _load(block: bytes) -> dict[str, Any]:
    try:
        tags: dict[str, Any] = piexif.load(block)
    except (struct.error, ValueError, TypeError, IndexError, KeyError, piexif.InvalidImageDataError) as exc:
        raise MetadataError("proof failed", f"piexif cannot read the EXIF block ({exc})") from exc
    return tags


def _first_directory(block: bytes) -> tuple[list[bytes], bytes]:
    """The raw entries of IFD0 other than XPKeywords, and the pointer behind them."""
    order = "<" if block.startswith(b"II") else ">"
    (at,) = struct.unpack(order + "I", block[4:8])
    (count,) = struct.unpack(order + "H", block[at : at + 2])
    entries = [block[place : place + 12] for place in range(at + 2, at + 2 + 12 * count, 12)]
    ours = struct.pack(order + "H", _XP_KEYWORDS)
    end = at + 2 + 12 * count
    return [entry for entry in entries if not entry.startswith(ours)], block[end : end + 4]


def _read_xmp(packet: bytes | None) -> tuple[list[str], list[_Tree]]:
    """The words of `dc:subject`, and all else as comparable trees: per Description about, attributes and properties."""
    if packet is None:
        return [], []
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    is_utf16 = packet.startswith((b"<\0", b"\0<", b"\xff\xfe", b"\xfe\xff"))
    try:
        root = etree.fromstring(packet if is_utf16 else packet.rstrip(b"\0"), parser)
    except etree.XMLSyntaxError as exc:
        raise MetadataError("proof failed", f"lxml cannot read the XMP packet ({exc})") from exc
    words: list[str] = []
    properties: list[_Tree] = []
    for rdf in root.iter(_RDF + "RDF"):
        for child in rdf:
            if child.tag != _RDF + "Description":
                properties.append(_tree(child))
                continue
            attributes = dict(child.attrib)
            if _SUBJECT in attributes:
                words.append(str(attributes.pop(_SUBJECT)).strip())
            for subject in child.findall(_SUBJECT):
                words += _subject_words(subject)
            others = [_tree(one) for one in child if one.tag != _SUBJECT]
            about = [attributes.pop(name, None) for name in (_RDF + "about", "about")]
            if others or attributes:
                properties.append((about, sorted(attributes.items()), others))
    return words, properties


def _subject_words(subject: Any) -> list[str]:
    if len(subject) == 0:
        return [subject.text.strip()] if (subject.text or "").strip() else []
    words = ("".join(item.itertext()).strip() for item in subject.iter(_RDF + "li"))
    return [word for word in words if word]


def _tree(node: Any) -> _Tree:
    """A node as nested tuples that are equal where the nodes mean the same; white space between elements aside."""
    tail, text = (node.tail or "").strip(), node.text or ""
    children = tuple(_tree(child) for child in node)
    return str(node.tag), sorted(node.attrib.items()), text.strip() if children else text, children, tail
