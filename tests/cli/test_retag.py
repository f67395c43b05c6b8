"""`phototag retag` as its users run it."""

import json
from pathlib import Path

import pytest

from phototag.metadata import open_writer
from phototag.vectors import last_pace
from tests.conftest import Run
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for n in range(60):
        (folder / f"{n:02}.jpg").write_bytes(make_jpeg(size=(64 + n, 64)))
    return folder


def test_another_model_tags_the_library_from_what_a_scan_stored(phototag: Run, library: Path, home: Path) -> None:
    save_always(home / "models" / "first", "dog", "cat")
    assert phototag("scan", "--model", "first", library).returncode == 0
    save_always(home / "models" / "first", "dog", "horse")
    plan = phototag("retag", "--model", "first", "--dry-run", "--max-tags", "1", library / "..")
    assert f"{library / '00.jpg'}: dog 1.00" in plan.stdout
    assert "60 would be tagged anew" in plan.stdout
    run = phototag("retag", "--model", "first")
    assert run.returncode == 0, run.stderr
    assert "tagging anew with the model first" in run.stderr
    assert "60 tagged anew (60 in the photo)" in run.stdout
    assert set(open_writer().read(str(library / "00.jpg")).photo) == {"dog", "horse"}
    again = phototag("retag", "--model", "first", "--json", "--no-write", "--min-confidence", "0.5", "--workers", "1")
    assert json.loads(again.stdout.splitlines()[-1])["same"] == 60
    assert phototag("retag", "--model", "first", "--quiet").stdout == ""
    kinds = [json.loads(line)["kind"] for line in phototag("runs", "--json").stdout.splitlines()]
    assert kinds == ["retag", "scan"]


def test_what_must_be_scanned_is_said_with_how_long_it_takes(phototag: Run, library: Path, home: Path) -> None:
    save_always(home / "models" / "first", "dog")
    assert phototag("scan", library).returncode == 0
    pace = last_pace(home / "index.sqlite")
    assert pace is not None
    assert 1 < pace < 100_000
    (file,) = home.glob("*.vectors")
    noted = file.read_bytes()
    other = home / "index.sqlite.000000000000.vectors"  # another network's, so that the pace is known
    other.write_bytes(noted)
    file.unlink()
    save_always(home / "models" / "first", "horse")
    run = phototag("retag")
    assert run.returncode == 1
    assert "60 without a stored embedding: `phototag scan --model first DIR` decodes them, about" in run.stdout
    assert "no photo was scanned with yet" in run.stdout
    scan = phototag("scan", library)
    assert "no embeddings by the model's network are stored" in scan.stderr
    assert "for 60 known photos" in scan.stderr
    assert phototag("retag").returncode == 0


def test_without_an_index_the_way_out_is_named(phototag: Run) -> None:
    run = phototag("retag")
    assert run.returncode == 5
    assert "run `phototag scan DIR` first" in run.stderr
