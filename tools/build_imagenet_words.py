"""WordNet and two reviewed files in, `models/imagenet/words.tsv` out: a plain word and broader words a class.

    python tools/build_imagenet_words.py            write the file again
    python tools/build_imagenet_words.py --draft    print every class beside its WordNet names, for a review

Each of the 1,000 ImageNet classes is a WordNet 3.0 noun: `n02099601` is the one at byte 02099601 of `data.noun`
(Debian: wordnet-base). Its word is WordNet's first name for it, and its broader words come from the nouns above it,
as `tools/imagenet_broader.toml` maps them. Where that is not what people call the thing, or not what they would
search for, a line of `tools/imagenet_overrides.tsv` says better. The result is reviewed line by line and kept.
"""

import argparse
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = ROOT / "models" / "imagenet" / "words.tsv"
BROADER = ROOT / "tools" / "imagenet_broader.toml"
OVERRIDES = ROOT / "tools" / "imagenet_overrides.tsv"
WORDNET = Path("/usr/share/wordnet/data.noun")

HEADER = """\
# The words of the built-in model: one ImageNet class a line, in the order of the network's outputs.
# WordNet 3.0 number, plain word, broader words (the most general first). Classes that share a word are one label.
# Written by tools/build_imagenet_words.py from WordNet (see LICENSE-WORDNET) and the reviewed files beside that
# script: change those, not this one.
"""


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun of WordNet: its names, the most common first, and the numbers of the nouns directly above it."""

    names: tuple[str, ...]
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What the data file says of one class.

    Attributes:
        wnid: WordNet 3.0 number, `n` and eight digits.
        word: the plain word.
        broader: broader words, the most general first.
    """

    wnid: str
    word: str
    broader: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What people have decided.

    Attributes:
        tree: every broader word, with the words directly above it, in reading order.
        nouns: WordNet number to the broader word of every class below it.
        overrides: class to its word and the broader words directly above it, comma-separated. Either may be empty:
            as WordNet has it. "-" means no broader word.
    """

    tree: Mapping[str, list[str]]
    nouns: Mapping[str, str]
    overrides: Mapping[str, tuple[str, str]]


def read_words(path: Path = WORDS) -> list[Line]:
    """Read the data file, in the order of the network's classes."""
    return [Line(wnid, word, tuple(filter(None, broader.split(", ")))) for wnid, word, broader in _rows(path)]


def read_reviewed(broader: Path = BROADER, overrides: Path = OVERRIDES) -> Reviewed:
    """Read the two reviewed files.

    Raises:
        ValueError: a class is overridden twice, or a broader word is used that the tree does not hold.
    """
    tables = tomllib.loads(broader.read_text(encoding="utf-8"))
    given: dict[str, tuple[str, str]] = {}
    for wnid, word, above in _rows(overrides):
        if wnid in given:
            raise ValueError(f"{overrides}: {wnid} stands there twice")
        given[wnid] = (word, above)
    named = {name for above in tables["broader"].values() for name in above} | set(tables["wordnet"].values())
    named |= {name for _, above in given.values() for name in _split(above)}
    if unknown := sorted(named - set(tables["broader"])):
        raise ValueError(f"not in the table of broader words in {broader}: {', '.join(unknown)}")
    return Reviewed(tables["broader"], tables["wordnet"], given)


def read_wordnet(path: Path = WORDNET) -> dict[str, Noun]:
    """Read WordNet's `data.noun`; the format is that of wndb(5WN)."""
    nouns = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence, at the top
            continue
        fields = line.partition(" | ")[0].split(" ")
        count = int(fields[3], 16)
        names = tuple(name.replace("_", " ") for name in fields[4 : 4 + 2 * count : 2])
        pointers = fields[4 + 2 * count + 1 :]
        above = (pointers[n + 1] for n in range(0, len(pointers) - 3, 4) if pointers[n] in ("@", "@i"))
        nouns["n" + fields[0]] = Noun(names, tuple("n" + number for number in above))
    return nouns


def build(wnids: Iterable[str], nouns: Mapping[str, Noun], reviewed: Reviewed) -> list[Line]:
    """Give every class, in order, its word and its broader words.

    Raises:
        ValueError: an override is of no class.
    """
    wnids = list(wnids)
    if strangers := sorted(set(reviewed.overrides) - set(wnids)):
        raise ValueError(f"no such classes: {', '.join(strangers)}")
    lines = []
    for wnid in wnids:
        word, given = reviewed.overrides.get(wnid, ("", ""))
        word = unicodedata.normalize("NFC", word or nouns[wnid].names[0])
        direct = _split(given) if given else _by_rule(wnid, nouns, reviewed)
        lines.append(Line(wnid, word, tuple(name for name in general_first(direct, reviewed.tree) if name != word)))
    return lines


def general_first(direct: Iterable[str], tree: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The words given and all above them, each once, each after the words above it."""
    found: dict[str, None] = {}

    def climb(name: str) -> None:
        for above in tree[name]:
            climb(above)
        found.setdefault(name)

    for name in direct:
        climb(name)
    return tuple(found)


def as_text(lines: Iterable[Line]) -> str:
    """The data file's text."""
    return HEADER + "".join(f"{line.wnid}\t{line.word}\t{', '.join(line.broader)}\n" for line in lines)


def _by_rule(wnid: str, nouns: Mapping[str, Noun], reviewed: Reviewed) -> list[str]:
    """The broader words of all nouns above a class."""
    met, waiting = set(), list(nouns[wnid].above)
    while waiting:
        number = waiting.pop()
        if number not in met:
            met.add(number)
            waiting += nouns[number].above
    return sorted({reviewed.nouns[number] for number in met & set(reviewed.nouns)}, key=list(reviewed.tree).index)


def _split(words: str) -> list[str]:
    return [] if words in ("", "-") else words.split(", ")


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != 3:
                raise ValueError(f"{path}:{number}: {len(cells)} columns, not 3")
            yield cells[0], cells[1], cells[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, default=WORDNET, help="WordNet 3.0's data.noun")
    parser.add_argument("--draft", action="store_true", help="print each class beside its WordNet names; write nothing")
    args = parser.parse_args()
    nouns = read_wordnet(args.wordnet)
    lines = build((line.wnid for line in read_words()), nouns, read_reviewed())
    if args.draft:
        for line in lines:
            print(line.wnid, line.word, " > ".join(line.broader), "; ".join(nouns[line.wnid].names), sep="\t")
    else:
        WORDS.write_text(as_text(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
