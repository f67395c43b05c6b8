"""`phototag db` as its users run it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from phototag.index import open_index
from phototag.index.lock import scan_lock
from tests.conftest import Run
from tests.index.catalogues import make_digikam
from tests.index.records import tagged
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def index(home: Path) -> Path:
    """An index with two photos."""
    path = home / "index.sqlite"
    opened = open_index(path)
    opened.remember([tagged("/p/a.jpg", "dog", keywords=("Rome",)), tagged("/p/b.jpg", "cat")], "mine", "1")
    opened.close()
    return path


def test_info_says_what_there_is(phototag: Run, index: Path) -> None:
    run = phototag("db", "info")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(f"index            {index}\n")
    assert "photos           2 in 1 folder, 0 failed" in run.stdout
    assert "model            mine: 2 photos, last 20" in run.stdout
    assert json.loads(phototag("db", "info", "--json").stdout)["photos"] == 2


def test_a_check_finds_what_is_wrong_and_repairs_it(phototag: Run, index: Path) -> None:
    assert phototag("db", "check").stdout == f"{index} is whole\n"
    with closing(sqlite3.connect(index)) as raw:
        raw.execute("DELETE FROM postings WHERE kind = 1")
        raw.commit()
    run = phototag("db", "check")
    assert (run.returncode, "phototag db rebuild DIR" in run.stdout) == (1, True)
    assert phototag("search", "dog").returncode == 1
    repaired = phototag("db", "check", "--repair")
    assert (repaired.returncode, repaired.stdout.splitlines()[-1]) == (0, f"{index} is repaired")
    assert phototag("search", "dog").returncode == 0


def test_a_vacuum_waits_for_no_scan(phototag: Run, index: Path) -> None:
    assert phototag("db", "vacuum").returncode == 0
    with scan_lock(index):
        run = phototag("db", "vacuum")
    assert (run.returncode, "another scan is at work" in run.stderr) == (3, True)


def test_old_undo_history_is_dropped_on_request(phototag: Run, library: Path, home: Path) -> None:
    before = (library / "a.jpg").read_bytes()
    run = phototag("db", "vacuum", "--keep-undo", "1d")
    assert (run.returncode, run.stdout.splitlines()[0]) == (0, "forgotten how to take back: 0 runs, 0 files")
    with closing(sqlite3.connect(home / "index.sqlite")) as raw:
        raw.execute("UPDATE runs SET started_at = started_at - 90000")
        raw.commit()
    run = phototag("db", "vacuum", "--keep-undo", "1d")
    assert (run.returncode, run.stdout.splitlines()[0]) == (0, "forgotten how to take back: 1 run, 2 files")
    assert "2 photos; can no longer be taken back; " in phototag("runs").stdout
    assert "there is nothing to undo" in phototag("undo").stderr
    assert (library / "a.jpg").read_bytes() == before
    assert phototag("--index", home / "none", "db", "vacuum", "--keep-undo", "1d").returncode == 5
    assert not (home / "none").exists()


def test_a_backup_is_an_index(phototag: Run, index: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with scan_lock(index):
        assert phototag("db", "backup", copy).returncode == 0
    assert phototag("--index", copy, "search", "dog", "--paths").stdout == "/p/a.jpg\n"
    assert phototag("db", "backup", copy).returncode == 5
    assert phototag("db", "backup", "--force", copy).returncode == 0


@pytest.fixture
def library(tmp_path: Path, home: Path, phototag: Run) -> Path:
    """Two scanned photos."""
    save_always(home / "models" / "always", "animal", "dog")
    folder = tmp_path / "library"
    folder.mkdir()
    for name, width in (("a.jpg", 320), ("b.jpg", 330)):
        (folder / name).write_bytes(make_jpeg(size=(width, 240)))
    assert phototag("scan", folder).returncode == 0
    return folder


def test_a_damaged_index_leads_to_a_new_one_with_the_old_kept(phototag: Run, library: Path, home: Path) -> None:
    path = home / "index.sqlite"
    damaged = path.read_bytes()[:8192] + b"\xa5" * 50_000
    path.write_bytes(damaged)
    refused = phototag("search", "dog")
    assert (refused.returncode, "phototag db rebuild DIR" in refused.stderr) == (5, True)
    run = phototag("db", "rebuild", library)
    assert run.returncode == 0, run
    assert run.stdout.startswith(f"{path}: 2 photos, 4 words of yours, 0 of phototag's\nthe old index is {path}.2")
    assert phototag("search", "dog", "--count").stdout == "2\n"
    (kept,) = home.glob("index.sqlite.2*")
    assert kept.read_bytes() == damaged
    assert not list(home.glob("*.rebuilding*"))


@pytest.mark.parametrize(
    ("pragma", "says"),
    [
        ("application_id = 1", "another program's database"),
        ("user_version = 99", "install a newer phototag"),
        ("user_version = 10", "run `phototag scan` once to renew it"),
    ],
)
def test_a_rebuild_moves_no_whole_database_away(
    phototag: Run, library: Path, home: Path, pragma: str, says: str
) -> None:
    path = home / "index.sqlite"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA {pragma}")
    before = path.read_bytes()
    run = phototag("db", "rebuild", library)
    assert (run.returncode, run.stdout) == (5, "")
    assert says in run.stderr
    assert path.read_bytes() == before
    assert not list(home.glob("index.sqlite.2*"))


@pytest.mark.parametrize("command", ["check", "vacuum", "info"])
def test_an_empty_file_is_no_index_yet_and_stays_empty(phototag: Run, home: Path, command: str) -> None:
    path = home / "index.sqlite"
    path.touch()
    run = phototag("db", command)
    assert (run.returncode, "there is no index yet" in run.stderr) == (5, True)
    assert path.read_bytes() == b""


def test_after_a_rebuild_a_scan_finds_nothing_to_do(phototag: Run, library: Path) -> None:
    run = phototag("db", "rebuild", library)
    assert "2 photos, 0 words of yours, 4 of phototag's" in run.stdout
    assert "        2 unchanged" in phototag("scan", library).stdout
    (library.parent / "other").mkdir()
    assert "it knew 2 photos more" in phototag("db", "rebuild", library.parent / "other").stdout


def test_the_index_is_exported_as_json_lines_and_csv(phototag: Run, index: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in phototag("db", "export").stdout.splitlines()]
    assert [(line["path"], line["keywords"], line["camera"]) for line in lines] == [
        ("/p/a.jpg", ["Rome"], "Canon EOS R5"),
        ("/p/b.jpg", [], "Canon EOS R5"),
    ]
    assert lines[0]["tags"] == [{"word": "dog", "score": 0.9, "broader": [], "model": "mine"}]
    target = tmp_path / "words.csv"
    assert phototag("db", "export", "dog", "--format", "csv", "--output", target).returncode == 0
    assert target.read_text(encoding="utf-8").splitlines() == [
        "path,word,by,score,model,taken,camera",
        "/p/a.jpg,Rome,me,1.0,,2023-07-14T18:03:00,Canon EOS R5",
        "/p/a.jpg,dog,phototag,0.9,mine,2023-07-14T18:03:00,Canon EOS R5",
    ]
    assert phototag("db", "export", "--output", target).returncode == 2
    assert phototag("db", "export", "--force", "--output", target, "cat").returncode == 0
    assert phototag("db", "export", "nothing").returncode == 1


def test_keywords_are_imported_where_the_photos_lie_now(phototag: Run, library: Path, tmp_path: Path) -> None:
    photos = [("/", "a.jpg", 1, (5,)), ("/", "gone.jpg", 1, (6,)), ("/", "film.mp4", 1, (6,))]
    catalogue = make_digikam(tmp_path / "digikam4.db", ("volumeid:?path=%2Fold", "/"), photos)
    nowhere = phototag("db", "import", catalogue)
    assert (nowhere.returncode, "say --map OLD=NEW" in nowhere.stdout) == (1, True)
    dry = phototag("db", "import", catalogue, "--map", f"/old={library}", "--dry-run")
    assert dry.stdout.startswith(
        "3 keywords of 1 photo would be taken over from digiKam\n1 files are no photos: left out"
    )
    assert phototag("search", "keyword:rome").returncode == 1
    run = phototag("db", "import", catalogue, "--map", f"/old={library}", "--json")
    assert json.loads(run.stdout) == {"program": "digiKam", "photos": 1, "keywords": 3, "missing": 1, "others": 1}
    assert phototag("search", "keyword:rome", "dog", "--paths").stdout == f"{library / 'a.jpg'}\n"
    phototag("scan", "--rescan", library)
    assert phototag("search", "keyword:italy", "--count").stdout == "1\n"
    assert phototag("db", "import", catalogue, "--map", "nonsense").returncode == 2


def test_an_export_that_cannot_be_written_is_an_error_in_words(phototag: Run, index: Path, tmp_path: Path) -> None:
    run = phototag("db", "export", "--output", tmp_path / "absent" / "all.jsonl")
    assert (run.returncode, run.stderr) == (
        2,
        f"phototag: {tmp_path / 'absent' / 'all.jsonl'} cannot be written: No such file or directory\n",
    )
    folder = phototag("db", "export", "--output", tmp_path, "--force")
    assert (folder.returncode, "is no file" in folder.stderr) == (2, True)


def test_an_index_is_not_imported_into_itself(phototag: Run, index: Path) -> None:
    run = phototag("db", "import", index)
    assert (run.returncode, "is the index itself" in run.stderr) == (2, True)
    with closing(sqlite3.connect(index)) as raw:
        assert raw.execute("SELECT count(*) FROM imported").fetchone() == (0,)
