"""`phototag evaluate` as its users run it, on a model that `phototag train` made."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.train.labelled import save_patterns, save_photo


@pytest.fixture
def trained(phototag: Run, home: Path, tmp_path: Path) -> Path:
    """A model's folder."""
    root = save_patterns(tmp_path / "patterns", 8, ("stripes", "noise"))
    run = phototag("train", root, "--quiet", "--epochs", "20")
    assert run.returncode == 0, run.stderr
    return home / "models" / "patterns"


def test_a_model_is_measured_on_other_photos(phototag: Run, trained: Path, tmp_path: Path) -> None:
    assert "<h2>Categories</h2>" in (trained / "report.html").read_text(encoding="utf-8")

    other = tmp_path / "other"
    for number in range(100, 104):
        save_photo(other / "stripes" / f"{number}.jpg", "stripes", number)
    save_photo(other / "noise" / "seen.jpg", "noise", 3)
    save_photo(other / "spots" / "1.jpg", "checks", 1)
    (other / "noise" / "bad.jpg").write_bytes(b"no photo")
    run = phototag("evaluate", "patterns", other, "--html", tmp_path / "page.html")
    assert run.returncode == 1
    assert run.stderr.startswith(f"{other}/noise/bad.jpg: not a photo")
    assert "Checked with 6 photos." in run.stdout
    assert "Of these, 1 photo without anything it has a word for" in run.stdout
    assert "learned from 1 photo of these" in run.stdout
    assert "<h2>Settings</h2>" in (tmp_path / "page.html").read_text(encoding="utf-8")

    answer = json.loads(phototag("evaluate", trained, other, "--json").stdout)
    assert (answer["model"], answer["checked"], answer["foreign"]) == ("patterns", 6, 1)
    assert answer["learned_from_before"] == 1
    assert {one["name"]: one["checked"] for one in answer["categories"]} == {"noise": 1, "stripes": 4}
    assert len(answer["failed"]) == 1


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        pytest.param("nonesuch", 4, "no model 'nonesuch'", id="no such model"),
        pytest.param("imagenet", 6, "has no word for any category", id="no word in common"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_an_exit_code(
    phototag: Run, tmp_path: Path, model: str, code: int, says: str
) -> None:
    run = phototag("evaluate", model, save_patterns(tmp_path / "photos", 1, ("noise",)))
    assert run.returncode == code
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
