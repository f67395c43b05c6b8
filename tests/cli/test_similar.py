"""`phototag similar` and `phototag duplicates` as their users run them."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Run
from tests.models import save_always
from tests.photos import make_noise, picture


@pytest.fixture
def library(tmp_path: Path, phototag: Run, home: Path) -> Path:
    save_always(home / "models" / "first", "word")
    folder = tmp_path / "library"
    folder.mkdir()
    picture((400, 300)).save(folder / "large.png")
    picture((300, 225)).save(folder / "small.png")
    make_noise((300, 225)).save(folder / "noise.png")
    assert phototag("scan", "--no-write", folder).returncode == 0
    return folder


def test_similar_photos_are_listed_for_people_and_programs(phototag: Run, library: Path, tmp_path: Path) -> None:
    run = phototag("similar", library / "large.png")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [str(library / "small.png"), str(library / "noise.png")]
    run = phototag("similar", library / "large.png", "--limit", "1", "--json", "--model", "imagenet")
    assert json.loads(run.stdout)["path"] == str(library / "small.png")
    assert 0.9 < json.loads(run.stdout)["likeness"] <= 1
    other = shutil.copy(library / "noise.png", tmp_path / "other.png")
    assert phototag("similar", other, "-0", "--limit", "1").stdout == f"{library / 'noise.png'}\0"
    assert phototag("similar", other, "--paths", "--json").returncode == 2


def test_what_cannot_be_compared_is_said(phototag: Run, library: Path, tmp_path: Path, home: Path) -> None:
    run = phototag("similar", tmp_path / "absent.jpg")
    assert run.returncode == 1
    assert f"{tmp_path / 'absent.jpg'}: not found" in run.stderr
    for path in home.glob("*.vectors"):
        path.unlink()
    for command in (["similar", library / "large.png"], ["duplicates"]):
        run = phototag(*command)
        assert (run.returncode, run.stdout) == (1, "")
        assert "phototag scan --rescan DIR" in run.stderr
    assert phototag("scan", "--rescan", "--no-write", library).returncode == 0
    assert phototag("similar", library / "large.png").returncode == 0


def test_duplicates_name_the_best_and_list_the_others(phototag: Run, library: Path) -> None:
    run = phototag("duplicates")
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()[:2]
    assert (first.split()[:4], first.split()[-1]) == (["best", "400", "x", "300"], str(library / "large.png"))
    assert second.split()[-1] == str(library / "small.png")
    assert "1 group, 1 photo beside the best" in run.stderr
    assert phototag("duplicates", "--paths", library).stdout == f"{library / 'small.png'}\n"
    assert phototag("duplicates", "-0").stdout == f"{library / 'small.png'}\0"
    (group,) = [json.loads(line) for line in phototag("duplicates", "--json").stdout.splitlines()]
    assert [Path(photo["path"]).name for photo in group["photos"]] == ["large.png", "small.png"]
    assert phototag("duplicates", "--threshold", "1", "--model", "imagenet").returncode == 1
    none = phototag("duplicates", library / "small.png")
    assert (none.returncode, none.stdout) == (1, "")
    assert "no photo at or below" in none.stderr
    assert {path.name for path in library.iterdir()} == {"large.png", "small.png", "noise.png"}


def test_similar_needs_no_network_for_a_photo_of_the_library(
    phototag: Run, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = tmp_path / "poison"
    for name in ("tensorflow", "keras", "ai_edge_litert"):
        (poison / name).mkdir(parents=True)
        (poison / name / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(poison)
    paths = os.pathsep.join([str(poison), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = phototag("similar", library / "large.png", env=os.environ | {"PYTHONPATH": paths})
    assert run.stdout.splitlines()[0] == str(library / "small.png"), run.stderr
    Image.new("RGB", (9, 9)).save(tmp_path / "new.png")
    run = phototag("similar", tmp_path / "new.png", env=os.environ | {"PYTHONPATH": paths})
    assert "imported" in run.stderr + run.stdout
