"""An index on a PostgreSQL server, as its users have it: by its URL."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from phototag.index import open_index
from phototag.index.lock import scan_lock
from phototag.metadata import open_writer
from phototag.records import Server
from tests.clusters import empty_schema
from tests.conftest import Run
from tests.index.records import tagged
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def url(postgresql: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[str]:
    with empty_schema(postgresql) as found:
        monkeypatch.setenv("PHOTOTAG_INDEX", found)
        monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield found


def test_real_photos_are_scanned_found_and_taken_back(
    phototag: Run, url: str, home: Path, real_photos: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    for photo in sorted((real_photos / "pets" / "cat").iterdir())[:6]:
        shutil.copyfile(photo, library / photo.name)
    before = {photo.name: photo.read_bytes() for photo in library.iterdir()}
    scan = phototag("scan", library)
    assert scan.returncode == 0, scan.stderr
    assert "6 tagged" in scan.stdout
    assert phototag("search", "cat", "--count").stdout == "6\n"
    found = phototag("search", "animal", "--paths").stdout.splitlines()
    assert set(found) <= {str(library / name) for name in before}
    assert "the file holds: animal, cat" in phototag("show", found[0]).stdout
    assert len([*home.rglob("servers/phototag-postgres-*.vectors")]) == 1, "embeddings stay on this machine"
    assert "6 unchanged" in phototag("scan", library).stdout
    undo = phototag("undo")
    assert undo.returncode == 0, undo.stderr
    assert {photo.name: photo.read_bytes() for photo in library.iterdir()} == before
    assert phototag("search", "cat").returncode == 1
    kinds = [json.loads(line)["kind"] for line in phototag("runs", "--json").stdout.splitlines()]
    assert kinds == ["undo", "scan"]


def test_a_library_is_tagged_anew_untagged_listed_and_moved_in_and_out(
    phototag: Run, url: str, home: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    for n in range(20):
        (library / f"{n:02}.jpg").write_bytes(make_jpeg(size=(64 + n, 64)))
    save_always(home / "models" / "first", "dog", "cat")
    dry = phototag("scan", "--model", "first", "--dry-run", library)
    assert dry.returncode == 0, dry.stderr
    assert phototag("search", "dog").returncode == 5, "a dry run makes no index"
    assert phototag("scan", "--model", "first", library).returncode == 0
    save_always(home / "models" / "first", "dog", "horse")
    retag = phototag("retag", "--model", "first")
    assert retag.returncode == 0, retag.stderr
    assert "20 tagged anew (20 in the photo)" in retag.stdout
    assert set(open_writer().read(str(library / "00.jpg")).photo) == {"dog", "horse"}
    assert phototag("untag", "horse", library).returncode == 0
    assert phototag("tags").stdout.split()[:2] == ["20", "dog"]
    assert json.loads(phototag("stats", "--json").stdout)["photos"] == 20
    info = json.loads(phototag("db", "info", "--json").stdout)
    assert (info["photos"], info["free_bytes"], "@/postgres" in info["path"]) == (20, None, True)
    assert "is whole" in phototag("db", "check").stdout
    with closing(open_index(tmp_path / "other.sqlite")) as other:
        other.remember([tagged(str(library / "00.jpg"), keywords=("Rome",))], "other", "1")
    taken = phototag("db", "import", tmp_path / "other.sqlite")
    assert taken.stdout == "1 keywords of 1 photo taken over from phototag\n", taken.stderr
    (line,) = phototag("db", "export", "Rome").stdout.splitlines()
    assert json.loads(line)["keywords"] == ["Rome"]
    assert "forgotten how to take back: 3 runs" in phototag("db", "vacuum", "--keep-undo", "1s").stdout


def test_an_index_is_rebuilt_and_the_old_one_kept_with_its_journal(
    phototag: Run, url: str, home: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    photo = library / "a.jpg"
    photo.write_bytes(before := make_jpeg(size=(320, 240)))
    save_always(home / "models" / "always", "animal", "dog")
    assert phototag("scan", library).returncode == 0
    run = phototag("db", "rebuild", library)
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert first.endswith(": 1 photo, 0 words of yours, 2 of phototag's")
    assert phototag("search", "dog", "--count").stdout == "1\n"
    assert "1 unchanged" in phototag("scan", library).stdout
    assert phototag("--index", second.removeprefix("the old index is "), "undo").returncode == 0
    assert photo.read_bytes() == before


def test_what_a_server_has_other_ways_for_is_said(phototag: Run, url: str, tmp_path: Path) -> None:
    missing = phototag("search", "dog")
    assert (missing.returncode, missing.stdout) == (5, "")
    assert "there is no index yet (postgresql+psycopg://phototag@/postgres" in missing.stderr
    for command, way in (
        (("vacuum",), "autovacuum"),
        (("backup", tmp_path / "copy"), "pg_dump"),
    ):
        run = phototag("db", *command)
        assert run.returncode == 5
        assert way in run.stderr
    with scan_lock(Server(url)):
        busy = phototag("scan", tmp_path)
    assert busy.returncode == 3
    assert "another scan is at work on the index postgresql+psycopg://" in busy.stderr


def test_a_server_that_is_not_there_is_told_of_without_the_password(phototag: Run, tmp_path: Path) -> None:
    run = phototag("--index", f"postgresql://me:secret@/photos?host={tmp_path}", "search", "dog")
    assert (run.returncode, run.stdout) == (5, "")
    assert "cannot be reached" in run.stderr
    assert "secret" not in run.stderr
    other = phototag("--index", "mysql://me:secret@nas/photos", "search", "dog")
    assert other.returncode == 2
    assert "secret" not in other.stderr
