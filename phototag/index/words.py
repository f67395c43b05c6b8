"""A word as people write it in, the form in which words are compared out: case, accents and plural gone. Pure.

The form is made here and not by the database, so that every kind of index compares words alike. Plurals are English
ones and the same rule is applied to both sides, so the form need not be a word: "horse" and "horses" are both "hors".
"""

import unicodedata

_IRREGULAR = {
    "calves": "calf",
    "children": "child",
    "elves": "elf",
    "feet": "foot",
    "firemen": "fireman",
    "fishermen": "fisherman",
    "geese": "goose",
    "halves": "half",
    "hooves": "hoof",
    "knives": "knife",
    "leaves": "leaf",
    "loaves": "loaf",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "people": "person",
    "policemen": "policeman",
    "scarves": "scarf",
    "shelves": "shelf",
    "snowmen": "snowman",
    "teeth": "tooth",
    "thieves": "thief",
    "wives": "wife",
    "wolves": "wolf",
    "women": "woman",
    "bikinis": "bikini",
    "kiwis": "kiwi",
    "safaris": "safari",
    "skis": "ski",
    "taxis": "taxi",
}
_SINGULAR_IN_S = frozenset({"atlas", "canvas", "christmas", "gas", "lens"})

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana, small
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def fold(text: str) -> str:
    """Lower case, without accents, in tokens with one space between: "Über-Größe" gives "uber grosse".

    A token is a run of letters, digits and their marks. A character of a script written without spaces is a token
    by itself, so that "海滩" is found inside "海滩日落" as two words are found inside three; so is a symbol or emoji.
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))
    pieces = []
    for character in plain.casefold():
        kind = unicodedata.category(character)[0]
        if kind == "S" or (kind in "LNM" and _stands_alone(character)):
            pieces.append(f" {character} ")
        else:
            pieces.append(character if kind in "LNM" and not _is_selector(character) else " ")
    return " ".join("".join(pieces).split())


def normal_form(text: str) -> str:
    """The form in which words are compared: folded, each token in the singular. Empty if nothing can be searched."""
    return " ".join(_singular(token) for token in fold(text).split())


def _singular(token: str) -> str:
    """Take an English plural's ending off, and off the singular what would tell them apart ("house": "hous")."""
    if token in _IRREGULAR:
        token = _IRREGULAR[token]
    elif len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is")):
        token = token if token in _SINGULAR_IN_S else token[:-1]
    if len(token) > 3 and token.endswith(("se", "xe", "ze", "che", "she", "oe")):
        return token[:-1]
    return token[:-2] + "y" if len(token) > 4 and token.endswith("ie") else token


def _stands_alone(character: str) -> bool:
    code = ord(character)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _WITHOUT_SPACES)


def _is_selector(character: str) -> bool:
    """Whether it only chooses how the emoji before it looks."""
    return "\ufe00" <= character <= "\ufe0f"
