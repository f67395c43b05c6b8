#!/usr/bin/env python3
"""Coverage-guided fuzzing of the metadata writer: arbitrary bytes are refused or written provably, never a crash.

Usage: fuzz_metadata.py SEEDS_DIR [-max_total_time=300] [other options of libFuzzer]

Each input is taken as a whole photo, as an XMP packet, as an EXIF block and as a Photoshop segment. SEEDS_DIR is filled
with small photos of every format first, and grows by what the fuzzer finds. Needs `pip install atheris`; not run by
pytest. A crash is written to `crash-...`: give that file as the argument to see it again.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["phototag.metadata"]):
    from phototag.errors import MetadataError
    from phototag.metadata import formats
    from phototag.metadata.exif import read_xp_keywords, with_xp_keywords
    from phototag.metadata.fields import NewWords
    from phototag.metadata.iptc import edit_keywords, holds_ascii_alone, read_keywords
    from phototag.metadata.xmp import HIERARCHICAL, SUBJECT, TAGS_LIST, edit_list, read_list

_WORDS = ("dog", "犬", "a|b/c")


def fuzz(data: bytes) -> None:
    """Read and write one input in every way that the writer may meet it."""
    for attempt in (_write_photo, _edit_packet, _edit_block, _edit_iptc):
        try:
            attempt(data)
        except MetadataError:
            continue


def _write_photo(data: bytes) -> None:
    photo = formats.parse(data)
    held = formats.fields_of(photo)
    lists = {
        "hierarchical": None if held.hierarchical is None else (*held.hierarchical, "animal|dog"),
        "tags_list": None if held.tags_list is None else (*held.tags_list, "animal/dog"),
    }
    for xp in ((*held.xp, "dog"), None):
        for iptc in (None, None if held.iptc is None else (*held.iptc, "dog")):
            try:
                formats.write(photo, data, NewWords((*held.subject, *_WORDS), xp, iptc=iptc, **lists))
            except MetadataError:
                continue


def _edit_packet(data: bytes) -> None:
    for what in (SUBJECT, HIERARCHICAL, TAGS_LIST):
        words = (*read_list(data, what), "new")
        if read_list(edit_list(data, what, words), what)[-1] != "new":
            raise AssertionError(f"{what.local} does not read back")


def _edit_block(data: bytes) -> None:
    if read_xp_keywords(with_xp_keywords(data, ["dog"])) != ("dog",):
        raise AssertionError("XPKeywords does not read back")


def _edit_iptc(data: bytes) -> None:
    held = read_keywords([data])
    if holds_ascii_alone([data]) is not None and read_keywords([edit_keywords(data, (*held, "new"))])[-1:] != ("new",):
        raise AssertionError("IPTC does not read back")


def fill(seeds: Path) -> None:
    """Put small photos of every format, and their parts, into a folder."""
    from tests.metadata.files import camera_jpeg, packet, segment, subject, with_segments, with_xmp
    from tests.metadata.variants import EXIF, VARIANTS

    words = packet("<xmp:Rating>5</xmp:Rating>" + subject("Anna"))
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04Anna\0"
    parts = {"packet": words, "block": EXIF[6:], "iptc": iptc}
    jpegs = {"jpeg": camera_jpeg(), "jpeg-xmp": with_xmp(words), "jpeg-iptc": with_segments(segment(0xED, iptc))}
    seeds.mkdir(exist_ok=True)
    for name, data in (parts | jpegs | VARIANTS).items():
        if len(data) < 20_000:
            (seeds / name).write_bytes(data)


def main() -> None:
    """Fuzz until stopped."""
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if given is None:
        sys.exit(__doc__)
    if not given.is_file():
        fill(given)
    atheris.Setup([*sys.argv, "-max_len=20000", "-timeout=10", "-rss_limit_mb=2048"], fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
