"""What the tests of this room share: small photos with odd metadata, and the way a scan would write them."""

from collections.abc import Sequence
from pathlib import Path

from phototag.metadata import Plan, open_writer
from phototag.metadata.jpeg import XMP_HEADER, app1
from phototag.records import Memory, PhotoRef
from tests.photos import exif, make_jpeg

SOI = b"\xff\xd8"


def segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def with_segments(*segments: bytes, jpeg: bytes | None = None, trailer: bytes = b"") -> bytes:
    """A JPEG with these segments behind its first marker."""
    return SOI + b"".join(segments) + (jpeg or make_jpeg(size=(16, 16)))[2:] + trailer


def with_xmp(packet: bytes) -> bytes:
    return with_segments(app1(XMP_HEADER + packet).raw)


def camera_jpeg() -> bytes:
    """A JPEG with EXIF, as a camera makes it."""
    return make_jpeg(size=(32, 32), exif=exif(orientation=6, make="Acme", model="One", taken="2020:02:29 12:34:56"))


def packet(properties: str, *, attributes: str = "", padding: int = 0) -> bytes:
    """An XMP packet whose one Description holds these."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept -->\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' xmlns:xmp="http://ns.adobe.com/xap/1.0/"{attributes}>{properties}</rdf:Description>\n'
        f' </rdf:RDF>\n</x:xmpmeta>{" " * padding}<?xpacket end="w"?>'
    ).encode()


def subject(*words: str, container: str = "Bag") -> str:
    items = "".join(f"\n     <rdf:li>{word}</rdf:li>" for word in words)
    return f"\n   <dc:subject>\n    <rdf:{container}>{items}\n    </rdf:{container}>\n   </dc:subject>\n  "


def ref_of(path: Path) -> PhotoRef:
    facts = path.stat()
    return PhotoRef(str(path), facts.st_size, facts.st_mtime_ns)


def tag(path: Path, words: Sequence[str], memory: Memory | None = None) -> Plan:
    """Write words into a photo as a scan does."""
    writer = open_writer()
    plan = writer.plan(ref_of(path), words, memory or Memory())
    if plan.data is not None:
        writer.apply(plan)
    return plan


def remembered(plan: Plan) -> Memory:
    """What the index would remember after a write."""
    return Memory(added=plan.added, rejected=plan.rejected)
