"""What a shell is told that a word may become."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phototag.cli.bash import told_already
from phototag.index import open_index
from phototag.records import Tag
from tests.conftest import Run
from tests.index.records import tagged


@pytest.fixture
def library(home: Path) -> Path:
    """An index with a few words, one of them only guessed."""
    index = open_index(home / "index.sqlite")
    result = tagged(
        "/p/a.jpg", "beach", "Bären", keywords=("beer garden", "be;ware", "odd:one"), guesses=(Tag("beaver", 0.1),)
    )
    index.remember([result], "mine", "1")
    index.close()
    return home


def completed(phototag: Run, *typed: str) -> list[str]:
    """As bash asks: the line so far, the last word unfinished."""
    asking = {
        "_PHOTOTAG_COMPLETE": "bash_complete",
        "COMP_TYPED": " ".join(("phototag", *typed)),
        "COMP_BREAKS": " \t\n\"'><=;|&(:",
    }
    lines = phototag(env={**os.environ, **asking}).stdout.splitlines()
    return [line.removeprefix("plain,") for line in lines if line]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["sea"], ["search"]),
        (["search", "bea"], ["beach"]),
        (["search", "baR"], ["Bären"]),
        (["search", "dog", "tag:be"], ["beach", '"beer garden"']),
        (["search", 'tag:"beer g'], ['"beer garden"']),
        (["search", '"beer g'], ['"beer garden"']),
        (["search", "'tag:beer g"], ['tag:"beer garden"']),
        (["search", "beer\\ g"], ['"beer garden"']),
        (["search", "is:un"], ["untagged", "unsure"]),
        (["search", "-be"], ["-beach", '-"beer garden"']),
        (["search", "-is:un"], ["untagged", "unsure"]),
        (["search", "=be"], ["beach", '"beer garden"']),
        (["search", "--sort=da"], ["date"]),
        (["search", "dog", "--sort", ""], ["score", "date", "path"]),
        (["search", "od"], []),
        (["search", "ca"], ["camera:"]),
        (["search", "dog", "--cop"], ["--copy-to"]),
        (["search", "zzz"], []),
    ],
    ids=" ".join,
)
def test_words_are_completed(phototag: Run, library: Path, typed: list[str], offered: list[str]) -> None:
    assert completed(phototag, *typed) == offered


def test_without_an_index_no_tags_are_offered_and_nothing_is_said(phototag: Run) -> None:
    assert completed(phototag, "search", "be") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(phototag: Run, shell: str) -> None:
    run = phototag("completion", shell)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"_PHOTOTAG_COMPLETE={shell}_complete" in run.stdout


def test_a_bash_that_breaks_at_no_colon_is_told_whole_words() -> None:
    assert told_already("phototag search dog -is:un", " :=") == "-is:"
    assert told_already("phototag search dog -is:un", " =") == ""
    assert told_already("phototag search 'a:b", " :=") == ""
    assert told_already("phototag search a\\:b", " :=") == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.usefixtures("library")
def test_bash_itself_completes_so(phototag: Run, tmp_path: Path) -> None:
    (tmp_path / "phototag").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phototag "$@"\n')
    (tmp_path / "phototag").chmod(0o755)
    asking = """
        eval "$(phototag completion bash)"
        compopt() { :; }  # there is no line to be edited
        for COMP_LINE in 'phototag search is:unt' 'phototag search dog -bea' 'phototag search "beer g'; do
            COMP_POINT=${#COMP_LINE} COMPREPLY=()
            _phototag_completion phototag
            printf '%s\n' "${COMPREPLY[@]}"
        done
    """
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", asking]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout.splitlines(), run.stderr) == (["untagged", "-beach", '"beer garden"'], "")
