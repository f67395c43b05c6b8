"""Runs that are killed at random moments harm no photo; by hand with more of them: see `faults.py`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.name == "nt", reason="fork and kill -9 are POSIX")
def test_scans_and_undos_killed_at_random_moments_leave_each_photo_old_or_new_and_the_index_right() -> None:
    command = [sys.executable, "-m", "tests.journal.faults", "--points", "25", "--photos", "40"]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "kills: 25" in run.stdout
