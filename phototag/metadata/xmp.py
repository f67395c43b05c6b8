"""An XMP packet in, the packet with other words in a keyword property out; every byte outside that property stays.

The packet is changed as text at the places of its elements, never written anew: formatting, unknown properties,
processing instructions, padding and encoding survive. Source: XMP Specification Part 1 (ISO 16684-1), "Serialization".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from phototag.errors import MetadataError
from phototag.metadata.places import Element, attributes_in, name_in, read_elements, value_of
from phototag.metadata.words import normal, without

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PACKET_MOST = 16 * 2**20
"""The longest packet read, bytes; editors' longest sidecars are below one MiB."""

_CONTAINERS = frozenset({f"{RDF} Bag", f"{RDF} Seq", f"{RDF} Alt"})
_ABOUT = (f"{RDF} about", "about")
_WHITE_SPACE = b" \t\r\n"
_PACKET_END = b"<?xpacket end="
_DECLARED = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_FRESH = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="phototag">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class Property:
    """A property that holds a list of keywords.

    Attributes:
        space: its namespace.
        prefix: the prefix it is commonly written with.
        local: its name in that namespace.
        container: the kind of list it is written as where it is new.
    """

    space: str
    prefix: str
    local: str
    container: str

    @property
    def name(self) -> str:
        """Its name as elements have it."""
        return f"{self.space} {self.local}"


SUBJECT = Property("http://purl.org/dc/elements/1.1/", "dc", "subject", "Bag")
HIERARCHICAL = Property("http://ns.adobe.com/lightroom/1.0/", "lr", "hierarchicalSubject", "Bag")
TAGS_LIST = Property("http://www.digikam.org/ns/1.0/", "digiKam", "TagsList", "Seq")


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class _Packet:
    """A packet taken apart: UTF-8 text to edit, what trails it, and the encoding to return to."""

    body: bytes
    tail: bytes
    encoding: str

    def to_bytes(self, edits: Sequence[_Edit]) -> bytes:
        """The packet with stretches replaced that do not overlap."""
        pieces, at = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            pieces += [self.body[at : edit.start], self._fit_in(edit.new)]
            at = edit.end
        body = b"".join((*pieces, self.body[at:]))
        return (body if self.encoding == "utf-8" else body.decode().encode(self.encoding)) + self.tail

    def _fit_in(self, new: bytes) -> bytes:
        """In UTF-16, characters beyond U+FFFF as references: exiftool reads such packets as UCS-2."""
        if self.encoding == "utf-8":
            return new
        return "".join(one if one <= "\uffff" else f"&#x{ord(one):X};" for one in new.decode()).encode()


def fresh_packet() -> bytes:
    """A packet without any property, UTF-8."""
    return _FRESH.encode()


def read_subject(packet: bytes) -> tuple[str, ...]:
    """The words of `dc:subject`; see `read_list`."""
    return read_list(packet, SUBJECT)


def edit_subject(packet: bytes, words: Sequence[str]) -> bytes:
    """The packet with these words as its `dc:subject`; see `edit_list`."""
    return edit_list(packet, SUBJECT, words)


def read_list(packet: bytes, what: Property) -> tuple[str, ...]:
    """The words of a property, in order; where it stands as a plain value, that value.

    Raises:
        MetadataError: not well-formed XMP, or hostile.
    """
    _, rdf = _parse(packet)
    return tuple(word for words, _ in _lists(rdf, what) for word in words)


def edit_lists(packet: bytes, lists: Mapping[Property, Sequence[str]]) -> bytes:
    """The packet with these words in these properties; see `edit_list`."""
    for what, words in lists.items():
        packet = edit_list(packet, what, words)
    return packet


def edit_list(packet: bytes, what: Property, words: Sequence[str]) -> bytes:
    """The packet with these words in a property.

    Words that are there already keep their bytes and their order; those that are missing from `words` go, new ones are
    appended. An existing Bag, Seq or Alt is kept; a plain value becomes a Bag that holds it; no words: no property.

    Args:
        packet: UTF-8 or UTF-16, with or without the `<?xpacket?>` wrapper.
        words: those that are held already as they are held, new ones in normal form and fit for XML.

    Raises:
        MetadataError: not well-formed XMP, hostile, or the property is written in a way this cannot edit safely.
    """
    parts, rdf = _parse(packet)
    found = list(_lists(rdf, what))
    if len(found) > 1:
        raise _refused(f"it holds {what.prefix}:{what.local} more than once")
    if not found:
        return parts.to_bytes(_insert(parts.body, rdf, what, words))
    held, (description, element) = found[0]
    gone = frozenset(map(normal, held)) - frozenset(map(normal, words))
    kept = without(held, gone)
    added = without(words, frozenset(map(normal, held)))
    container = None if element is None else _container(element)
    if container is not None and kept + added:
        return parts.to_bytes(_edit_list(parts.body, container, added, gone))
    if element is None:
        cut = _cut_attribute(parts.body, description, what)
    elif kept + added or not _is_alone(description):
        cut = _cut(parts.body, rdf, element)
    else:
        cut = _cut(parts.body, rdf, description)
    return parts.to_bytes([cut, *_insert(parts.body, rdf, what, kept + added)])


def fit(packet: bytes, size_bytes: int) -> bytes:
    """The packet with its padding, made for this purpose, lengthened or shortened so that it has a given size.

    Raises:
        MetadataError: there is too little padding.
    """
    end = packet.rfind(_PACKET_END)
    head, trailer = packet[: max(end, 0)], packet[max(end, 0) :]
    excess = len(packet) - size_bytes
    if end < 0 or excess > len(head) - len(head.rstrip(_WHITE_SPACE)):
        raise MetadataError("no room", "the XMP packet has too little padding to grow in its place")
    return (head[: len(head) - excess] if excess > 0 else head + b" " * -excess) + trailer


def _parse(packet: bytes) -> tuple[_Packet, Element]:
    """The packet as text, and its one `rdf:RDF` element."""
    parts = _decode(packet)
    rdfs = [element for element in read_elements(parts.body).walk() if element.name == f"{RDF} RDF"]
    if len(rdfs) != 1:
        raise _refused(f"it has {len(rdfs)} rdf:RDF elements instead of one")
    return parts, rdfs[0]


def _decode(packet: bytes) -> _Packet:
    if len(packet) > PACKET_MOST:
        raise _refused(f"it is {len(packet)} bytes long")
    little, big = packet.startswith((b"\xff\xfe", b"<\0")), packet.startswith((b"\xfe\xff", b"\0<"))
    encoding = "utf-16-le" if little else "utf-16-be" if big else "utf-8"
    body = packet if little or big else packet.rstrip(b"\0")
    declared = _DECLARED.match(body)
    if declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}:
        raise _refused(f"it is encoded as {declared[1].decode()}")
    try:
        return _Packet(body.decode(encoding).encode(), packet[len(body) :], encoding)
    except UnicodeError as exc:
        raise _refused(f"it is not {encoding.upper()}") from exc


def _lists(rdf: Element, what: Property) -> Iterator[tuple[tuple[str, ...], tuple[Element, Element | None]]]:
    """Every such property of the photo itself: its words, its Description, its element (None: an attribute)."""
    for description in rdf.children:
        if description.name != f"{RDF} Description":
            continue
        if what.name in description.attributes:
            yield (description.attributes[what.name].strip(),), (description, None)
        for element in description.children:
            if element.name == what.name:
                yield _words(element), (description, element)


def _words(element: Element) -> tuple[str, ...]:
    container = _container(element)
    if container is None:
        return (element.text.strip(),) if element.text.strip() else ()
    return tuple(item.text.strip() for item in container.children if item.text.strip())


def _container(element: Element) -> Element | None:
    """The Bag, Seq or Alt of a property; None where it has a plain value.

    Raises:
        MetadataError: it holds anything else, such as structures or references.
    """
    if not element.children and not element.attributes:
        return None
    if len(element.children) == 1 and not element.attributes and not element.text.strip():
        container = element.children[0]
        items = container.children
        are_plain = all(item.name == f"{RDF} li" and not item.children for item in items)
        have_no_reference = not any(name.startswith(RDF) for item in (container, *items) for name in item.attributes)
        if container.name in _CONTAINERS and are_plain and have_no_reference and not container.text.strip():
            return container
    raise _refused(f"its {element.name.rpartition(' ')[2]} is not a list of plain words")


def _is_alone(description: Element) -> bool:
    return len(description.children) == 1 and all(name in _ABOUT for name in description.attributes)


def _edit_list(body: bytes, container: Element, added: Sequence[str], gone: frozenset[str]) -> list[_Edit]:
    """Take items out of a list and append others, in the formatting of the item before."""
    previous, edits = container.opened, []
    indent = b""
    for item in container.children:
        gap = body[previous : item.start]
        if normal(item.text.strip()) in gone:
            edits.append(_Edit(item.start if gap.strip() else previous, item.end, b""))
        indent = b"" if gap.strip() else gap
        previous = item.end
    if not added:
        return edits
    prefix = _prefix(body, container)
    new = b"".join(indent + b"<%sli>%s</%sli>" % (prefix, escape(word).encode(), prefix) for word in added)
    if container.is_empty_tag:
        return [_open_up(body, container, new)]
    return [*edits, _Edit(previous, previous, new)]


def _insert(body: bytes, rdf: Element, what: Property, words: Sequence[str]) -> list[_Edit]:
    """A Description of its own that holds the property, behind the last one; no words: nothing."""
    if not words:
        return []
    descriptions = [child for child in rdf.children if child.name == f"{RDF} Description"]
    abouts = [one.attributes[name] for one in descriptions for name in _ABOUT if name in one.attributes]
    about = quoteattr(abouts[0] if abouts else "")
    declared = "" if _prefix(body, rdf) == b"rdf:" else f' xmlns:rdf="{RDF}"'
    tag = f"{what.prefix}:{what.local}"
    items = "".join(f"\n    <rdf:li>{escape(word)}</rdf:li>" for word in words)
    kind = what.container
    new = (
        f'\n  <rdf:Description rdf:about={about}{declared} xmlns:{what.prefix}="{what.space}">'
        f"\n   <{tag}>\n    <rdf:{kind}>{items}\n    </rdf:{kind}>\n   </{tag}>\n  </rdf:Description>"
    ).encode()
    if rdf.is_empty_tag:
        return [_open_up(body, rdf, new)]
    at = rdf.children[-1].end if rdf.children else rdf.opened
    return [_Edit(at, at, new)]


def _open_up(body: bytes, element: Element, content: bytes) -> _Edit:
    """Turn `<name ... />` into `<name ...>content</name>`."""
    closing = b"</" + name_in(body, element) + b">"
    return _Edit(element.opened - 2, element.opened, b">" + content + closing)


def _cut(body: bytes, rdf: Element, element: Element) -> _Edit:
    """Take an element out, with the white space before it."""
    start = element.start
    while start > rdf.opened and body[start - 1] in _WHITE_SPACE:
        start -= 1
    return _Edit(start, element.end, b"")


def _cut_attribute(body: bytes, description: Element, what: Property) -> _Edit:
    """Take the property's attribute out of a start tag, with the white space before it."""
    value = description.attributes[what.name]
    for name, spelled, start, end in attributes_in(body, description):
        if name.endswith(b":" + what.local.encode()) and value_of(spelled) == value:
            return _Edit(start, end, b"")
    raise _refused(f"its {what.local} attribute could not be found")


def _prefix(body: bytes, element: Element) -> bytes:
    """An element's namespace prefix with its colon; empty where its namespace is the default one."""
    prefix, colon, _ = name_in(body, element).rpartition(b":")
    return prefix + colon


def _refused(what: str) -> MetadataError:
    return MetadataError("XMP refused", what)
