"""What scans did is kept: `phototag stats`, the summaries in `phototag runs`, the log file and the progress bar."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from phototag.cli.log import LOG
from phototag.cli.progress import Progress
from phototag.index import open_index
from phototag.records import PhotoRef, Tagged, Unchanged
from tests.conftest import Run
from tests.index.records import FACTS, tagged
from tests.models import save_always
from tests.photos import make_jpeg


@pytest.fixture
def library(home: Path, tmp_path: Path) -> Path:
    save_always(home / "models" / "always", "word")
    folder = tmp_path / "library"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(make_jpeg(size=(100 + n, 80)))
    (folder / "broken.jpg").write_bytes(b"")
    return folder


def test_a_scan_is_remembered_with_what_it_came_upon(phototag: Run, library: Path, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "phototag.log"
    assert phototag("scan", "--log-file", log, library).returncode == 1
    assert phototag("scan", "--log-file", log, "--quiet", library).returncode == 0
    lines = log.read_text().splitlines()
    assert "scan with always: " in lines[0]
    assert any("WARNING" in line and "broken.jpg: empty file" in line for line in lines)
    assert "4 seen in" in lines[-1]
    assert "4 unchanged" in lines[-1]
    runs = phototag("runs").stdout
    assert "3 photos" in runs
    assert "4 seen in" in runs
    assert "4 looked at" in runs
    assert "1 failed (1 empty file)" in runs
    assert "changed nothing" not in runs
    assert "changed nothing" in phototag("runs", "--all").stdout
    entries = [json.loads(line) for line in phototag("runs", "--all", "--json").stdout.splitlines()]
    assert [entry["scan"]["counts"]["unchanged"] for entry in entries] == [4, 0]
    assert entries[1]["scan"]["run"] == entries[1]["number"] == 1
    stats = json.loads(phototag("stats", "--json").stdout)
    assert (stats["photos"], stats["tagged"], stats["failed"], stats["words"]) == (4, 3, 1, 1)
    assert stats["reasons"] == {"empty file": 1}
    assert stats["formats"] == {"JPEG": 3}
    (month,) = stats["months"].values()
    assert (month["scans"], month["looked_at"], month["failed"]) == (2, 4, 1)
    text = phototag("stats").stdout
    assert text.startswith("4 photos, ")
    assert "1 failed (1 empty file)" in text
    assert "\nformats: 3 JPEG\nwhere words stand: 3 photo\n" in text
    assert "2 scans, 4 photos looked at" in text


def test_a_log_that_cannot_be_written_is_named(phototag: Run, library: Path) -> None:
    run = phototag("scan", "--log-file", library / "0.jpg" / "log", library)
    assert run.returncode == 2
    assert str(library / "0.jpg" / "log") in run.stderr


def test_the_log_turns_over_and_keeps_five_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    from phototag.cli import log

    monkeypatch.setattr(log, "_MOST_BYTES", 200)
    before = logging.getLogger().handlers[:]
    log.start_log(tmp_path / "log")
    try:
        for n in range(100):
            LOG.info("photo %d", n)
    finally:
        for handler in [*LOG.handlers]:
            LOG.removeHandler(handler)
            logging.getLogger().removeHandler(handler)
            handler.close()
    assert logging.getLogger().handlers == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", *(f"log.{n}" for n in range(1, 6))]
    assert "photo 99" in (tmp_path / "log").read_text()


def test_the_bar_shows_count_and_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tagged(str(tmp_path / "Sizilien" / "a.jpg"))
    assert isinstance(photo, Tagged)
    with Progress([], visible=True) as progress:
        progress.advance(Unchanged("/photos/2019", 40, 0))
        progress.advance(photo)
        assert progress._bar is not None
        progress._bar.refresh()
    shown = capsys.readouterr().err
    assert "41" in shown
    assert "Sizilien" in shown
    assert isinstance(photo.ref, PhotoRef)


def test_photos_are_counted_by_the_month_in_which_they_were_taken(phototag: Run, home: Path) -> None:
    index = open_index(home / "index.sqlite")
    july, june = FACTS, replace(FACTS, taken="2023-06-30T23:59:59")
    photos = [tagged(f"/p/{n}.jpg", "dog", facts=july) for n in range(3)]
    photos += [tagged("/p/3.jpg", facts=july, keywords=("Rome",)), tagged("/p/4.jpg", "cat", facts=june)]
    photos += [tagged("/p/5.jpg", "cat", facts=replace(FACTS, taken=None))]
    index.remember(photos, "mine", "1")
    index.close()
    assert phototag("stats", "--by-month").stdout.splitlines() == [
        "month       photos    tagged      mine",
        "2023-07          4         3         1",
        "2023-06          1         1         0",
    ]
    assert [json.loads(line) for line in phototag("stats", "--by-month", "--json").stdout.splitlines()] == [
        {"month": "2023-07", "photos": 4, "tagged": 3, "mine": 1},
        {"month": "2023-06", "photos": 1, "tagged": 1, "mine": 0},
    ]
