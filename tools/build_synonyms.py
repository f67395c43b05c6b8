"""WordNet and a reviewed file in, `phototag/index/synonyms.tsv` out: words that people use for the same thing.

    python tools/build_synonyms.py

WordNet 3.0 (Debian: wordnet-base) has a word in as many senses as it can have; here it counts in its commonest alone,
and two words are synonyms where they share that. So "automobile" is "car", and "machine" is not.
Of the nouns those are taken that a photo may show, without names of people, places and species in Latin, which WordNet
writes with a capital letter. `tools/synonyms_more.txt` adds and takes away.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from phototag.index.words import normal_form

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "phototag" / "index" / "synonyms.tsv"
MORE = ROOT / "tools" / "synonyms_more.txt"
WORDNET = Path("/usr/share/wordnet")

SHOWN = {"04", "05", "06", "08", "11", "13", "15", "17", "18", "19", "20", "27"}
"""Files of WordNet's: acts, animals, artefacts, bodies, events, food, places, objects, people, phenomena, plants,
substances."""

TOKENS_MOST = 3

HEADER = """\
# Synonyms in the form in which words are compared (phototag/index/words.py), each between tabs. Behind ">" stands what
# the words before it find too. Written by tools/build_synonyms.py from WordNet 3.0 (see LICENSE-WORDNET): change that.
"""


def main() -> None:
    more = [line.strip() for line in MORE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    groups = [frozenset(words(line)) for line in more if not line.startswith("-") and ">" not in line]
    wrong = [words(line[1:]) for line in more if line.startswith("-")]
    groups += (group - {word for word, other in wrong if other in group} for group in wordnet())
    lines = {"\t" + "\t".join(sorted(group)) + "\t" for group in groups if len(group) > 1}
    for line in more:
        if ">" in line:
            narrow, _, broad = line.partition(">")
            lines.add("\t" + "\t".join([*words(narrow), ">", *words(broad)]) + "\t")
    TARGET.write_text(HEADER + "\n".join(sorted(lines)) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(lines):,} lines, {TARGET.stat().st_size:,} bytes")


def words(text: str) -> list[str]:
    """The normal forms of words between commas."""
    return [normal_form(word) for word in text.split(",")]


def wordnet() -> Iterator[frozenset[str]]:
    """Groups of nouns that share their commonest sense, in normal form."""
    senses: dict[str, frozenset[str]] = {}
    for fields in rows("data.noun"):
        names = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        if fields[1] in SHOWN:
            senses[fields[0]] = frozenset(name for name in names if name[0].islower())
    groups: dict[str, set[str]] = defaultdict(set)
    for fields in rows("index.noun"):
        sense = fields[6 + int(fields[3])]
        if fields[0] in senses.get(sense, ()) and fields[0].count("_") < TOKENS_MOST:
            groups[sense].add(normal_form(fields[0].replace("_", " ")))
    return map(frozenset, groups.values())


def rows(name: str) -> Iterator[list[str]]:
    """The fields of a file's lines, without its licence, whose lines begin with spaces."""
    with (WORDNET / name).open(encoding="utf-8") as file:
        yield from (line.partition(" | ")[0].split() for line in file if not line.startswith(" "))


if __name__ == "__main__":
    main()
