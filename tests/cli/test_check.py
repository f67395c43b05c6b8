"""`phototag check` as its users run it."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.train.labelled import save_patterns, save_photo


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two patterns, one photo of them in the wrong folder and one that is damaged."""
    root = save_patterns(tmp_path / "my labels", 12, ("stripes", "noise"))
    save_photo(root / "stripes" / "wrong.jpg", "noise", 50)
    (root / "noise" / "bad.jpg").write_bytes(b"no photo")
    return root


def test_findings_are_told_shown_and_given_as_json(phototag: Run, labelled: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run = phototag("check", labelled, "--html", page)
    assert run.returncode == 1, run.stderr  # one photo cannot be read
    assert run.stderr == ""
    assert f"cannot be read: {labelled}/noise/bad.jpg: not a photo" in run.stdout
    assert f"{labelled}/stripes/wrong.jpg: stripes, looks like noise" in run.stdout
    assert "stripes/wrong.jpg" in page.read_text(encoding="utf-8")

    answer = json.loads(phototag("check", labelled, "--json").stdout)
    assert answer["photos"] == 26
    assert answer["suspects"][0]["path"] == f"{labelled}/stripes/wrong.jpg"
    assert [Path(failed["path"]).name for failed in answer["failed"]] == ["bad.jpg"]


def test_no_more_suspects_are_named_than_asked_for(phototag: Run, labelled: Path) -> None:
    run = phototag("check", labelled, "--limit", "0")
    assert "looks like noise" not in run.stdout
    assert "--limit, --html, --json" in run.stdout


def test_what_cannot_be_checked_is_one_line_and_an_exit_code(phototag: Run, labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = phototag("check", tmp_path / "empty")
    assert (run.returncode, run.stderr.count("\n")) == (6, 1)
    run = phototag("check", labelled, "--html", tmp_path / "nowhere" / "page.html")
    assert run.returncode == 7
    assert "page.html cannot be written" in run.stderr
