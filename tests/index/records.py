"""Results of a scan, made up in a line, for telling an index."""

from typing import Any

from phototag.records import Decided, Facts, Failed, PhotoRef, Tag, Tagged

FACTS = Facts("JPEG", 4000, 3000, "2023-07-14T18:03:00", "Canon EOS R5", "RF24-70mm F2.8 L", (48.8584, 2.2945))


def ref(path: str, size_bytes: int = 1_000, mtime_ns: int = 5) -> PhotoRef:
    return PhotoRef(path, size_bytes, mtime_ns)


def tagged(path: str, *tags: Tag | str, **how: Any) -> Tagged:
    """A photo with these tags; a plain word has the score 0.9."""
    given = tuple(Tag(tag, 0.9) if isinstance(tag, str) else tag for tag in tags)
    content_hash = how.pop("content_hash", b"\x01" * 32)
    seen = how.pop("ref", ref(path))
    guesses = how.pop("guesses", given)
    decided = Decided(seen, content_hash, how.pop("facts", FACTS), given, guesses, how.pop("distance", None))
    return Tagged(decided, seen, content_hash, **{"where": "photo", **how})


def failed(path: str, reason: str = "truncated", detail: str = "", **at: int) -> Failed:
    return Failed(ref(path, **at), reason, detail)
