"""`phototag tags` as people and scripts run it."""

import json
from pathlib import Path

from phototag.cli.tags import in_tree
from phototag.index import TagCount, open_index
from phototag.records import Tag
from tests.conftest import Run
from tests.index.records import tagged


def test_words_come_with_their_counts_and_who_gave_them(phototag: Run, home: Path) -> None:
    index = open_index(home / "index.sqlite")
    index.remember([tagged(f"/p/{n}.jpg", "dog") for n in range(1_200)], "mine", "1")
    index.remember([tagged("/p/0.jpg", "dog", keywords=("Zoë\n", "dog"))], "mine", "1")
    index.close()
    run = phototag("tags")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["    1,200  dog", "        1  Zoë\\n  (me)", "        1  dog  (me)"]
    assert [json.loads(line) for line in phototag("tags", "--json").stdout.splitlines()] == [
        {"word": "dog", "photos": 1200, "source": "phototag", "broader": []},
        {"word": "Zoë\n", "photos": 1, "source": "me", "broader": []},
        {"word": "dog", "photos": 1, "source": "me", "broader": []},
    ]


def test_an_empty_index_has_no_words(phototag: Run, home: Path) -> None:
    open_index(home / "index.sqlite").close()
    run = phototag("tags")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_tree_puts_words_under_broader_ones(phototag: Run, home: Path) -> None:
    index = open_index(home / "index.sqlite")
    beagle, cat = Tag("beagle", 0.9, ("animal", "dog")), Tag("cat", 0.8, ("animal",))
    dog = Tag("dog", 0.9, ("animal",))
    index.remember([tagged("/p/a.jpg", beagle, dog), tagged("/p/b.jpg", dog), tagged("/p/c.jpg", cat)], "mine", "1")
    index.remember([tagged("/p/d.jpg", "tree", keywords=("dog",))], "mine", "1")
    index.close()
    assert phototag("tags", "--tree").stdout.splitlines() == [
        "        3  animal",
        "        2    dog",
        "        1      beagle",
        "        1    cat",
        "        1  dog  (me)",
        "        1  tree",
    ]


def test_words_that_stand_under_each_other_are_all_listed_once() -> None:
    tags = [TagCount("a", 3, "phototag", ("b",)), TagCount("b", 2, "phototag", ("a",)), TagCount("c", 1, "me")]
    assert [(depth, tag.word) for depth, tag in in_tree(tags)] == [(0, "c"), (0, "a"), (1, "b")]
