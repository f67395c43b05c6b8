"""`phototag export` as its users run it; that scores are equal is tested in tests/train/test_export.py."""

import json
from pathlib import Path

from tests.conftest import Run
from tests.models import save_always


def test_a_model_is_exported_to_a_folder_of_its_name(phototag: Run, home: Path, tmp_path: Path) -> None:
    save_always(home / "models" / "always", "red", "blue")
    run = phototag("export", "always", "--to", "photoprism", "--json", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert (answer["to"], Path(answer["folder"])) == ("photoprism", tmp_path / "always-photoprism")
    names = {path.name for path in (tmp_path / "always-photoprism").iterdir()}
    assert {"saved_model.pb", "variables", "labels.txt", "vision.yml", "model.json"} <= names

    again = phototag("export", "always", "--to", "photoprism", "--out", tmp_path / "always-photoprism")
    assert (again.returncode, again.stderr.count("\n")) == (4, 1)
    assert "choose another --out" in again.stderr


def test_an_unknown_model_is_one_line_and_an_exit_code(phototag: Run, tmp_path: Path) -> None:
    run = phototag("export", "nonesuch", "--to", "onnx", "--out", tmp_path / "x")
    assert (run.returncode, run.stderr.count("\n")) == (4, 1)
    assert "no model 'nonesuch'" in run.stderr
