"""A word in, what people also call the thing out: "automobile" finds what is tagged "car". Pure but for one file.

The file is looked through as it is, for a search asks for a word or two: that takes a fraction of a millisecond, where
to make a dictionary of it would take many of them.
"""

from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("synonyms.tsv")
_TAB, _END, _ALSO = "\t", "\n", "\t>\t"


def synonyms_of(normal: str, *, broader: bool = True) -> tuple[str, ...]:
    """The synonyms of a word, both in normal form.

    Args:
        normal: the word.
        broader: of a word for something narrower the broader one too: of "puppy" "dog".
    """
    text, wanted = _text(), f"{_TAB}{normal}{_TAB}"
    found: dict[str, None] = {}
    at = text.find(wanted)
    while at >= 0:
        begin, end = text.rfind(_END, 0, at) + 1, text.index(_END, at)
        words, _, also = text[begin:end].partition(_ALSO)
        if at + len(wanted) <= begin + len(words) + 1 and (broader or not also):
            found |= dict.fromkeys((also if also else words).strip(_TAB).split(_TAB))
        at = text.find(wanted, end)
    found.pop(normal, None)
    return tuple(found)


@cache
def _text() -> str:
    return _FILE.read_text(encoding="utf-8")
