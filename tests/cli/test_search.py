"""`phototag search` as people and scripts run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from phototag.cli.search import as_query
from phototag.index import open_index
from phototag.records import Tag
from tests.conftest import Run
from tests.index.records import tagged


@pytest.fixture
def library(home: Path) -> Path:
    """The index of a small library."""
    index = open_index(home / "index.sqlite")
    index.remember(
        [
            tagged("/p/rex.jpg", Tag("dog", 0.75, ("animal",)), Tag("beach", 0.9), keywords=("Rome",)),
            tagged("/p/fido.jpg", Tag("dog", 0.95, ("animal",))),
            tagged("/p/tom.jpg", Tag("cat", 0.85, ("animal",))),
            tagged("/p/lunch.jpg", Tag("hot dog", 0.99)),
        ],
        "mine",
        "1",
    )
    index.close()
    return home / "index.sqlite"


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["dogs"], ["fido", "rex", "lunch"]),
        (["dog", "-beach"], ["fido", "lunch"]),
        (["-beach", "dog", "-hot dog"], ["fido"]),
        (["hot dog"], ["lunch"]),
        (["cat", "OR", "rome"], ["rex", "tom"]),
        (["cat OR rome"], ["rex", "tom"]),
        (["(cat OR dog) -beach -hot"], ["fido", "tom"]),
        (["--", "-dog"], ["tom"]),
        (["bea*"], ["rex"]),
        (["dog", "score:>0.8"], ["fido", "lunch"]),
        (["by:me", "date:2023-07"], ["rex"]),
        (["keyword:rome"], ["rex"]),
        (["-tag:animal"], ["lunch"]),
        (["animal", "-0cat", "-h2o", "-null"], ["fido", "tom", "rex"]),
    ],
    ids=" ".join,
)
def test_in_a_pipe_the_paths_come_a_line_each_best_first(phototag: Run, words: list[str], found: list[str]) -> None:
    run = phototag("search", *words)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [f"/p/{name}.jpg" for name in found]


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        (["dog", "beach"], "dog beach"),
        (["hot dog"], '"hot dog"'),
        (["-hot dog"], '-"hot dog"'),
        (["dog -cat"], "dog -cat"),
        (["dog OR cat"], "dog OR cat"),
        (['"hot dog" cat'], '"hot dog" cat'),
        (["my beac*"], "my beac*"),
        (["-dog"], "-dog"),
        ([" dog "], " dog "),
        (["folder:my trip"], 'folder:"my trip"'),
        (["-tag:hot dog"], '-tag:"hot dog"'),
        (["tag:dog date:2023"], "tag:dog date:2023"),
        (["date:2023", "score:>0.8"], "date:2023 score:>0.8"),
    ],
)
def test_an_argument_of_plain_words_was_quoted_and_is_a_phrase(arguments: list[str], query: str) -> None:
    assert as_query(arguments) == query


@pytest.mark.usefixtures("library")
def test_json_gives_path_score_and_tags(phototag: Run) -> None:
    lines = phototag("search", "dog", "beach", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"path": "/p/rex.jpg", "score": 0.75, "tags": ["Rome", "beach", "animal", "dog"]}
    ]


@pytest.mark.usefixtures("library")
def test_csv_is_a_table_with_a_head(phototag: Run) -> None:
    assert phototag("search", "dog", "beach", "--csv").stdout.splitlines() == [
        "path,score,tags",
        '/p/rex.jpg,0.75,"Rome, beach, animal, dog"',
    ]
    assert phototag("search", "bech", "--csv").stdout == ""


@pytest.mark.usefixtures("library")
def test_count_gives_the_number_alone(phototag: Run) -> None:
    assert phototag("search", "animal", "--count").stdout == "3\n"
    run = phototag("search", "bech", "--count")
    assert (run.returncode, run.stdout) == (1, "0\n")
    assert "perhaps beach?" in run.stderr


@pytest.mark.usefixtures("library")
def test_photos_come_in_the_order_asked_for(phototag: Run) -> None:
    assert phototag("search", "animal", "--sort", "path").stdout == "/p/fido.jpg\n/p/rex.jpg\n/p/tom.jpg\n"
    assert phototag("search", "animal", "--sort", "date").stdout == "/p/rex.jpg\n/p/fido.jpg\n/p/tom.jpg\n"


@pytest.mark.usefixtures("library")
def test_an_offset_leaves_the_first_out_and_says_so_where_nothing_is_left(phototag: Run) -> None:
    assert phototag("search", "animal", "--offset", "1", "--limit", "1").stdout == "/p/tom.jpg\n"
    run = phototag("search", "animal", "--offset", "3")
    assert (run.returncode, run.stderr) == (1, "nothing found behind the first 3: there are 3\n")


@pytest.mark.usefixtures("library")
def test_two_forms_of_answer_are_wrong_usage(phototag: Run) -> None:
    run = phototag("search", "dog", "--csv", "--json")
    assert run.returncode == 2
    assert "only one of --paths, --json, --csv and --null" in run.stderr


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("limit", [["--limit", "1"], ["--limit=1"]], ids=" ".join)
def test_limit_gives_the_best(phototag: Run, limit: list[str]) -> None:
    assert phototag("search", *limit, "dog").stdout == "/p/fido.jpg\n"
    assert phototag("search", "dog", *limit, "-0").stdout == "/p/fido.jpg\0"
    assert phototag("search", "dog", "--limit", "0").stdout.count("\n") == 3


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the file system allows only Unicode in names")
def test_names_of_any_bytes_come_out_as_they_are(phototag: Run, home: Path) -> None:
    name = b"/p/two\nlines \xff.jpg"
    index = open_index(home / "index.sqlite")
    index.remember([tagged(os.fsdecode(name), "dog")], "mine", "1")
    index.close()
    assert phototag("search", "dog", "-0", text=False).stdout == name + b"\0"
    assert phototag("search", "dog", text=False).stdout == name + b"\n"
    (line,) = phototag("search", "dog", "--json").stdout.splitlines()
    assert os.fsencode(json.loads(line)["path"]) == name


@pytest.mark.usefixtures("library")
def test_nothing_found_is_exit_code_1_with_a_hint(phototag: Run) -> None:
    run = phototag("search", "bech")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "nothing found: no photo has 'bech'; perhaps beach?\n"
    run = phototag("search", "xylophone")
    assert run.returncode == 1
    assert "`phototag tags` lists the words there are" in run.stderr
    run = phototag("search", "cat", "beach")
    assert (run.returncode, run.stderr) == (1, "nothing found: no photo has all of this\n")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["dog", '"cat'], "this quote is never closed"),
        (["!!!"], "no letter or number"),
        (["dog", "date:yesteryear"], "a date is a year"),
        (["stars:5"], "there is no field stars:"),
        ([], "Missing argument"),
        (["dog", "--nonsense"], "No such option"),
        (["dog", "--limit", "many"], "'many' is not a valid integer"),
    ],
    ids=str,
)
def test_what_is_no_query_is_wrong_usage(phototag: Run, args: list[str], says: str) -> None:
    run = phototag("search", *args)
    assert (run.returncode, run.stdout) == (2, "")
    assert says in run.stderr
    assert "Traceback" not in run.stderr


def test_without_an_index_it_says_what_to_do(phototag: Run, home: Path) -> None:
    run = phototag("search", "dog")
    assert run.returncode == 5
    assert "run `phototag scan DIR` first" in run.stderr
    assert not (home / "index.sqlite").exists()


@pytest.mark.usefixtures("library")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "phototag", "search", "animal"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        run.wait(60)
        assert run.stderr.read() == b""


def on_a_terminal(columns: int, *args: str) -> list[str]:
    """What a terminal of so many columns shows."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "phototag", *args]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.STDOUT, env=environment) as run:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65_536):
                shown += more
        except OSError:  # how Linux says that the other side has closed
            pass
        run.wait(60)
    os.close(ours)
    return shown.decode().splitlines()


@pytest.mark.usefixtures("library")
def test_a_terminal_shows_score_path_and_the_tags_that_fit() -> None:
    assert on_a_terminal(80, "search", "dog", "beach") == ["0.75  /p/rex.jpg  Rome, beach, animal, dog"]
    assert on_a_terminal(36, "search", "dog", "beach") == ["0.75  /p/rex.jpg  Rome, beach, …"]
    assert on_a_terminal(20, "search", "dog", "beach") == ["0.75  /p/rex.jpg  …"]
    assert on_a_terminal(10, "search", "dog", "beach") == ["0.75  /p/rex.jpg"]


@pytest.mark.usefixtures("library")
def test_paths_alone_are_to_be_had_on_a_terminal_too() -> None:
    assert on_a_terminal(80, "search", "dog", "beach", "--paths") == ["/p/rex.jpg"]


@pytest.mark.usefixtures("library")
def test_a_terminal_is_told_that_there_are_more() -> None:
    assert (
        on_a_terminal(80, "search", "animal", "--limit", "2")[-1] == "there are more than these 2: --limit 0 shows all"
    )
    assert len(on_a_terminal(80, "search", "animal", "--limit", "3")) == 3


def test_a_terminal_is_safe_from_what_names_and_words_hold(home: Path) -> None:
    index = open_index(home / "index.sqlite")
    index.remember([tagged("/p/\x1b[31mred\n.jpg", "dog", keywords=("a\x1b]0;title\x07", "日本"))], "mine", "1")
    index.close()
    line = r"0.90  /p/\x1b[31mred\n.jpg  a\x1b]0;title\x07, 日本, dog"
    needed = len(line) + 2  # two characters are two columns wide
    assert on_a_terminal(needed, "search", "dog") == [line]
    assert on_a_terminal(needed - 1, "search", "dog") == [line.replace("dog", "…")]
    assert on_a_terminal(needed - 4, "search", "dog") == [line.replace("日本, dog", "…")]
