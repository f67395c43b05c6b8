"""An XML document in, its elements with the places of their tags out, so that it can be changed as text.

Read by expat, which tells places. A DOCTYPE is refused, and with it every entity trick; depth and number are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from phototag.errors import MetadataError

_DEPTH_MOST, _ELEMENTS_MOST = 100, 100_000
_TAG = re.compile(rb"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")
_NAME = re.compile(rb"<([^\s/>]+)")
_ATTRIBUTE = re.compile(rb"\s+([^\s=\"'/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")


@dataclass(slots=True)
class Element:
    """An element and the places of its tags in the document: `start <name ...> opened ... </name> end`.

    Attributes:
        name: "namespace local-name".
        attributes: value by name, names as above; namespace declarations are not among them.
        start: where its start tag begins.
        opened: where its start tag has ended.
        is_empty_tag: whether it is one tag, `<name .../>`.
        end: where its end tag has ended.
        text: its own text, without that of its children.
        children: in order.
    """

    name: str
    attributes: dict[str, str]
    start: int
    opened: int
    is_empty_tag: bool = False
    end: int = -1
    text: str = ""
    children: "list[Element]" = field(default_factory=list)

    def walk(self) -> "Iterator[Element]":
        """The element and all below it, in no order."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += element.children


def read_elements(document: bytes) -> Element:
    """Read a document.

    Args:
        document: UTF-8.

    Returns:
        An element without a name, for the document; the root is its child.

    Raises:
        MetadataError: not well-formed, or hostile.
    """
    reader = _Reader(document)
    try:
        reader.parser.Parse(document, True)
    except expat.ExpatError as exc:
        raise MetadataError("XMP refused", f"it is not well-formed, {exc}") from exc
    return reader.stack[0]


def name_in(document: bytes, element: Element) -> bytes:
    """An element's name as its tag spells it, prefix included."""
    match = _NAME.match(document, element.start)
    if match is None:
        raise MetadataError("XMP refused", "a tag has no name")
    return match[1]


def attributes_in(document: bytes, element: Element) -> Iterator[tuple[bytes, bytes, int, int]]:
    """An element's attributes as its tag spells them: name, value, and the stretch they take, white space before it
    included."""
    match = _ATTRIBUTE.match(document, element.start + 1 + len(name_in(document, element)))
    while match is not None:
        yield match[1], match[2][1:-1], match.start(), match.end()
        match = _ATTRIBUTE.match(document, match.end())


def value_of(spelled: bytes) -> str:
    """An attribute's value as a parser gives it: references resolved, white space normalised."""
    document = b'<a v="' + spelled.replace(b'"', b"&quot;") + b'"/>'
    return read_elements(document).children[0].attributes["v"]


class _Reader:
    """Builds the elements from expat's events."""

    def __init__(self, document: bytes) -> None:
        self.stack = [Element("", {}, 0, 0)]
        self.parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.CharacterDataHandler = self._add_text
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._document = document
        self._texts: list[list[str]] = [[]]
        self._count = 0

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        start = self.parser.CurrentByteIndex
        tag = _TAG.match(self._document, start)
        if len(self.stack) > _DEPTH_MOST or self._count > _ELEMENTS_MOST or tag is None:
            raise MetadataError("XMP refused", "it is nested too deeply or has too many elements")
        element = Element(name, attributes, start, tag.end(), tag[0].endswith(b"/>"))
        self.stack[-1].children.append(element)
        self.stack.append(element)
        self._texts.append([])

    def _close(self, _name: str) -> None:
        element = self.stack.pop()
        element.text = "".join(self._texts.pop())
        element.end = element.opened
        if not element.is_empty_tag:
            element.end = self._document.index(b">", self.parser.CurrentByteIndex) + 1

    def _add_text(self, text: str) -> None:
        self._texts[-1].append(text)

    def _refuse_doctype(self, *_: object) -> None:
        raise MetadataError("XMP refused", "it has a DOCTYPE")
