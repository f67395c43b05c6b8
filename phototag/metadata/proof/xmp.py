"""An XMP packet before and after in; silence, or the check that failed, out. Read by lxml."""

from typing import Any

from lxml import etree

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.proof.checks import check

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
_HIERARCHICAL = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
_TAGS_LIST = "{http://www.digikam.org/ns/1.0/}TagsList"

_Tree = tuple[Any, ...]


def prove_xmp(old: bytes | None, new: bytes | None, words: NewWords) -> None:
    """Prove that a new packet is the old one with these words in its keyword properties.

    Raises:
        MetadataError: "proof failed", with the check.
    """
    every = {_SUBJECT: words.subject, _HIERARCHICAL: words.hierarchical, _TAGS_LIST: words.tags_list}
    wanted = {name: list(held) for name, held in every.items() if held is not None}
    _, old_properties = _read_xmp(old, frozenset(wanted))
    found, new_properties = _read_xmp(new, frozenset(wanted))
    check(old_properties == new_properties, "another XMP property differs")
    check(all(found[name] == held for name, held in wanted.items()), "the words do not read back from XMP")


def _read_xmp(packet: bytes | None, names: frozenset[str]) -> tuple[dict[str, list[str]], list[_Tree]]:
    """The words of these properties, and all else as comparable trees: about, attributes, properties."""
    words: dict[str, list[str]] = {name: [] for name in names}
    properties: list[_Tree] = []
    if packet is None:
        return words, properties
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    is_utf16 = packet.startswith((b"<\0", b"\0<", b"\xff\xfe", b"\xfe\xff"))
    try:
        root = etree.fromstring(packet if is_utf16 else packet.rstrip(b"\0"), parser)
    except etree.XMLSyntaxError as exc:
        raise MetadataError("proof failed", f"lxml cannot read the XMP packet ({exc})") from exc
    for rdf in root.iter(_RDF + "RDF"):
        for child in rdf:
            if child.tag != _RDF + "Description":
                properties.append(_tree(child))
                continue
            attributes = dict(child.attrib)
            for name in names.intersection(map(str, attributes)):
                words[name].append(str(attributes.pop(name)).strip())
            for one in child:
                if one.tag in names:
                    words[str(one.tag)] += _list_words(one)
            others = [_tree(one) for one in child if one.tag not in names]
            about = [attributes.pop(name, None) for name in (_RDF + "about", "about")]
            if others or attributes:
                properties.append((about, sorted(attributes.items()), others))
    return words, properties


def _list_words(held: Any) -> list[str]:
    if len(held) == 0:
        return [held.text.strip()] if (held.text or "").strip() else []
    words = ("".join(item.itertext()).strip() for item in held.iter(_RDF + "li"))
    return [word for word in words if word]


def _tree(node: Any) -> _Tree:
    """A node as nested tuples that are equal where the nodes mean the same; white space between elements aside."""
    tail, text = (node.tail or "").strip(), node.text or ""
    children = tuple(_tree(child) for child in node)
    return str(node.tag), sorted(node.attrib.items()), text.strip() if children else text, children, tail
