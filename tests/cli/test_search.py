"""`phototag search` as people and scripts run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from phototag.cli.search import as_query
from phototag.index import open_index
from phototag.records import Facts, Tag
from tests.conftest import Run
from tests.index.records import tagged

_OF_TERMINALS = ("TERM_PROGRAM", "LC_TERMINAL", "KITTY_WINDOW_ID", "TMUX", "PAGER", "LESS")


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
        (["date:last week"], 'date:"last week"'),
        (["near:48.85, 2.35, 10km"], 'near:"48.85, 2.35, 10km"'),
        (["name:two  blanks\nand a line"], 'name:"two  blanks\nand a line"'),
        (["date:2023 dog"], "date:2023 dog"),
        (["score:>0.8 dog"], "score:>0.8 dog"),
        (["is:tagged dog"], "is:tagged dog"),
        (["ext:jpg dog"], "ext:jpg dog"),
        (["tag:dog date:2023"], "tag:dog date:2023"),
        (["date:2023", "score:>0.8"], "date:2023 score:>0.8"),
    ],
)
def test_an_argument_of_plain_words_was_quoted_and_is_a_phrase(arguments: list[str], query: str) -> None:
    assert as_query(arguments) == query


@pytest.mark.usefixtures("library")
def test_json_gives_path_score_tags_and_time(phototag: Run) -> None:
    lines = phototag("search", "dog", "beach", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "path": "/p/rex.jpg",
            "score": 0.75,
            "tags": ["Rome", "beach", "animal", "dog"],
            "taken": "2023-07-14T18:03:00",
        }
    ]


@pytest.mark.usefixtures("library")
def test_csv_is_a_table_with_a_head(phototag: Run) -> None:
    assert phototag("search", "dog", "beach", "--csv").stdout.splitlines() == [
        "path,score,tags,taken",
        '/p/rex.jpg,0.75,"Rome, beach, animal, dog",2023-07-14T18:03:00',
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
    ("words", "says"),
    [
        (["dog", "or", "cat"], "no photo has 'or'; for one word or the other, write OR in capitals"),
        (["cat", "not", "dog"], "no photo has 'not'; to leave a word out, put a - before it"),
        (["cat", "and", "animal"], "words side by side must all be there"),
        (["name:*.jpg"], "name: takes * for itself"),
    ],
    ids=" ".join,
)
def test_who_writes_as_for_another_program_is_told_how_it_is_written_here(
    phototag: Run, words: list[str], says: str
) -> None:
    run = phototag("search", *words)
    assert run.returncode == 1
    assert says in run.stderr


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
        (["dog", "--limit", "9" * 20], "is not in the range"),
        (["dog", "--offset", "9" * 20], "is not in the range"),
        (["dog", "--limit"], "'--limit' requires an argument"),
        (["dog", "--copy-to", "album", "--count"], "list nothing"),
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
        assert run.wait(60) == 141, "not 1, which says that nothing was found"
        assert run.stderr.read() == b""


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("args", [["animal"], ["animal", "--count"], ["animal", "--json"], ["--help"]], ids=" ".join)
def test_results_that_cannot_be_written_are_an_error_in_words(args: list[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no disk here that is always full")
    command = [sys.executable, "-m", "phototag", "search", *args]
    with full.open("w") as out:
        run = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (7, "phototag: nothing more can be written: No space left on device\n")


@pytest.mark.usefixtures("library")
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
def test_a_search_whose_streams_are_closed_is_no_error() -> None:
    command = f"{sys.executable} -m phototag search animal"
    run = subprocess.run(["sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], check=False).returncode == 0


def on_a_terminal(columns: int, *args: str | Path, lines: int = 24, answer: bytes = b"", **how: str) -> list[str]:
    """What a terminal of that size shows, without colours unless `how`, the environment, says otherwise.

    Args:
        answer: what the terminal says when it is asked for its attributes.
    """
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals here")
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": str(lines)}
    kept = {name: value for name, value in os.environ.items() if name not in _OF_TERMINALS}
    environment = {**kept, **size, "TERM": "xterm", "NO_COLOR": "1", **how}
    command = [sys.executable, "-m", "phototag", *args]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT, env=environment) as run:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65_536):
                shown += more
                if more.endswith(b"\x1b[c"):
                    os.write(ours, answer)
        except OSError:  # how Linux says that the other side has closed
            pass
        run.wait(60)
    os.close(ours)
    return shown.decode().splitlines()


@pytest.mark.usefixtures("library")
def test_a_terminal_shows_score_day_path_and_the_tags_that_fit() -> None:
    whole = "0.75  2023-07-14  /p/rex.jpg  Rome, beach, animal, dog"
    assert on_a_terminal(80, "search", "dog", "beach") == [whole]
    assert on_a_terminal(48, "search", "dog", "beach") == ["0.75  2023-07-14  /p/rex.jpg  Rome, beach, …"]
    assert on_a_terminal(32, "search", "dog", "beach") == ["0.75  2023-07-14  /p/rex.jpg  …"]
    assert on_a_terminal(10, "search", "dog", "beach") == ["0.75  2023-07-14  /p/rex.jpg"]


def test_a_terminal_shows_columns_and_no_day_where_none_is_known(home: Path) -> None:
    index = open_index(home / "index.sqlite")
    undated = Facts("PNG", 10, 10)
    names = ("a", "海滩", "a long name", "❤\ufe0f")
    index.remember([tagged(f"/p/{name}.png", "dog", facts=undated) for name in names], "mine", "1")
    index.close()
    assert on_a_terminal(60, "search", "dog", "--sort", "path") == [
        "0.90  /p/a long name.png  dog",
        "0.90  /p/a.png            dog",
        "0.90  /p/❤\ufe0f.png           dog",
        "0.90  /p/海滩.png         dog",
    ]


@pytest.mark.usefixtures("library")
def test_there_are_colours_on_a_terminal_that_wants_them() -> None:
    def coloured(*args: str, **how: str) -> bool:
        return "\x1b[3" in on_a_terminal(80, "search", "dog", *args, **how)[0]

    assert coloured(NO_COLOR="")
    assert not coloured()
    assert not coloured("--no-color", NO_COLOR="")
    assert not coloured(NO_COLOR="", TERM="dumb")
    assert coloured("--color")


@pytest.mark.usefixtures("library")
def test_what_is_more_than_the_terminal_shows_goes_through_the_pager() -> None:
    three = on_a_terminal(80, "search", "animal", lines=3, PAGER="sed s/^/paged:/")
    assert [line[:10] for line in three[:3]] == ["paged:0.95", "paged:0.85", "paged:0.75"]
    assert on_a_terminal(80, "search", "animal", lines=4, PAGER="sed s/^/paged:/")[0].startswith("0.95")
    plain = on_a_terminal(80, "search", "animal", "--no-pager", lines=3, PAGER="sed s/^/paged:/")
    assert plain[0].startswith("0.95")


@pytest.fixture
def pictured(home: Path) -> Path:
    """A photo, red above and blue below, and one that is gone, both known."""
    photo = home / "red.png"
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 10, 40, 20))
    image.save(photo)
    index = open_index(home / "index.sqlite")
    index.remember([tagged(str(photo), "dog"), tagged(str(home / "gone.png"), Tag("dog", 0.5))], "mine", "1")
    index.close()
    return photo


@pytest.mark.usefixtures("pictured")
@pytest.mark.parametrize(
    ("how", "answer", "picture"),
    [
        pytest.param({"TERM": "xterm-kitty"}, b"", "\x1b_Ga=T,f=100,", id="kitty"),
        pytest.param({"TERM_PROGRAM": "iTerm.app"}, b"", "\x1b]1337;File=inline=1;", id="iterm"),
        pytest.param({}, b"\x1b[?62;4;22c", "\x1b[c\x1bPq", id="sixel"),
        pytest.param({"TMUX": "1", "TERM_PROGRAM": "iTerm.app"}, b"\x1b[?1;2;4c", "\x1b[c\x1bPq", id="sixel in tmux"),
    ],
)
def test_a_terminal_that_draws_is_shown_small_pictures(how: dict[str, str], answer: bytes, picture: str) -> None:
    drawn, there, gone = on_a_terminal(200, "search", "dog", "--thumbnails", answer=answer, **how)
    assert drawn.startswith(picture)
    assert there.startswith("0.90")
    assert gone.startswith("0.50"), "what cannot be drawn is a line all the same"


@pytest.mark.usefixtures("pictured")
def test_a_terminal_that_draws_nothing_is_an_error_in_words(phototag: Run) -> None:
    said = "".join(on_a_terminal(500, "search", "dog", "--thumbnails", answer=b"\x1b[?62;22c"))
    assert "this terminal draws no pictures that phototag knows of" in said
    piped = phototag("search", "dog", "--thumbnails")
    assert (piped.returncode, piped.stdout) == (2, "")
    assert "--thumbnails are for a terminal" in piped.stderr


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
    line = r"0.90  2023-07-14  /p/\x1b[31mred\n.jpg  a\x1b]0;title\x07, 日本, dog"
    needed = len(line) + 2  # two characters are two columns wide
    assert on_a_terminal(needed, "search", "dog") == [line]
    assert on_a_terminal(needed - 1, "search", "dog") == [line.replace("dog", "…")]
    assert on_a_terminal(needed - 4, "search", "dog") == [line.replace("日本, dog", "…")]
