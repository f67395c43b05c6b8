"""`phototag tags` as people and scripts run it."""

import json
from pathlib import Path

from phototag.index import open_index
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
        {"word": "dog", "photos": 1200, "source": "phototag"},
        {"word": "Zoë\n", "photos": 1, "source": "me"},
        {"word": "dog", "photos": 1, "source": "me"},
    ]


def test_an_empty_index_has_no_words(phototag: Run, home: Path) -> None:
    open_index(home / "index.sqlite").close()
    run = phototag("tags")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
