"""Words in, words in their normal form out: how keywords are cleaned, compared and joined. Pure functions."""

import unicodedata
from collections.abc import Iterable, Sequence

from phototag.errors import MetadataError


def normal(word: str) -> str:
    """A word in Unicode NFC; two spellings that look the same and are encoded differently become one."""
    return unicodedata.normalize("NFC", word)


def key(word: str) -> str:
    """What two words share when they mean the same keyword: NFC, without regard to case ("Dog" and "dog")."""
    return normal(normal(word).casefold())


def clean(words: Iterable[str]) -> tuple[str, ...]:
    """Words fit to be written: NFC, white space collapsed, without empty ones and repeats, in order.

    Raises:
        MetadataError: a word holds a character that no XML document can hold, such as a control character.
    """
    tidied = [(word, _tidy(word)) for word in words]
    for word, one in tidied:
        if not _is_writable(one):
            raise MetadataError("unwritable word", f"{word!r} holds a character that XMP cannot: rename the category")
    return distinct([one for _, one in tidied if one])


def copies(words: Iterable[str]) -> tuple[str, ...]:
    """Words of one field as they can be copied to another: cleaned, and without those that XMP cannot hold."""
    return distinct([one for one in map(_tidy, words) if one and _is_writable(one)])


def _tidy(word: str) -> str:
    return normal(" ".join(word.split()))


def _is_writable(word: str) -> bool:
    return all(map(_is_xml, word))


def distinct(*lists: Sequence[str]) -> tuple[str, ...]:
    """All words of the lists in order, the first spelling of each."""
    found: dict[str, str] = {}
    for words in lists:
        for word in words:
            found.setdefault(key(word), word)
    return tuple(found.values())


def without(words: Iterable[str], taken_out: frozenset[str]) -> tuple[str, ...]:
    """The words less those spelled like one of `taken_out` (which are in normal form)."""
    return tuple(word for word in words if normal(word) not in taken_out)


def _is_xml(character: str) -> bool:
    """Whether XML 1.0 allows a character (https://www.w3.org/TR/xml/#charsets), white space aside."""
    return " " <= character <= "\ud7ff" or "\ue000" <= character <= "\ufffd" or character >= "\U00010000"
