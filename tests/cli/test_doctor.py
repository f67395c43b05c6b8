"""`phototag doctor`: all that works is said to work, and what does not is named with how to mend it."""

import json
import os
from pathlib import Path

import pytest

import phototag.backbone
from phototag.backbone import LEFT_ASIDE
from phototag.cli.checks import _gpu
from phototag.settings import load_settings
from tests.conftest import Run


def test_everything_is_checked_and_works_here(phototag: Run, home: Path) -> None:
    (home / "a.jpg").touch()
    run = phototag("doctor", "--json", home)
    checks = {check["name"]: check for check in map(json.loads, run.stdout.splitlines())}
    assert run.returncode == 0, run.stdout
    assert {"python", "clock", "index", "model", "LiteRT", "TensorFlow", "GPU", "exiftool"} <= checks.keys()
    assert {"decoding JPEG", "decoding HEIF", "decoding RAW", "decoding in a process apart"} <= checks.keys()
    assert f"library {home}" in checks
    assert all(check["mend"] for check in checks.values() if check["state"] != "ok")


@pytest.mark.skipif(os.name == "nt", reason="a shell's way of hiding programs")
def test_what_is_wrong_is_named_with_its_cure(phototag: Run, home: Path, tmp_path: Path) -> None:
    (home / "index.sqlite").write_bytes(b"this is no database" * 100)
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('no TensorFlow here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = phototag("doctor", tmp_path / "nowhere", env=os.environ | {"PYTHONPATH": path})
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    assert any(line.startswith("! index: ") and "is damaged" in line for line in lines)
    assert "- TensorFlow: does not load: ImportError: no TensorFlow here" in lines
    assert any(line.startswith(f"! library {tmp_path / 'nowhere'}: there is no such folder") for line in lines)
    assert "Traceback" not in run.stdout + run.stderr


def test_a_gpu_that_does_not_work_is_told_of_as_a_scan_does(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise ImportError('no CUDA here')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(phototag.backbone, "shown_gpus", lambda: ["0000:01:00.0"])
    told = {device: _gpu(load_settings(device=device)) for device in ("auto", "gpu", "cpu")}
    said = LEFT_ASIDE % "TensorFlow does not load (no CUDA here): install phototag again, or use --device cpu"
    assert (told["auto"].state, told["auto"].found) == ("note", said)
    assert (told["gpu"].state, told["gpu"].found) == ("wrong", said)
    assert (told["cpu"].state, told["cpu"].mend) == ("ok", "")
