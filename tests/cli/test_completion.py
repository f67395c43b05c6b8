"""What a shell is told that a word may become."""

import os
from pathlib import Path

import pytest

from phototag.index import open_index
from phototag.records import Tag
from tests.conftest import Run
from tests.index.records import tagged


@pytest.fixture
def library(home: Path) -> Path:
    """An index with a few words, one of them only guessed."""
    index = open_index(home / "index.sqlite")
    result = tagged("/p/a.jpg", "beach", "Bären", keywords=("beer garden", "be;ware"), guesses=(Tag("beaver", 0.1),))
    index.remember([result], "mine", "1")
    index.close()
    return home


def completed(phototag: Run, *typed: str) -> list[str]:
    """As bash asks: the words so far, the last one unfinished."""
    asking = {
        "_PHOTOTAG_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("phototag", *typed)),
        "COMP_CWORD": str(len(typed)),
    }
    lines = phototag(env={**os.environ, **asking}).stdout.splitlines()
    return [line.removeprefix("plain,") for line in lines if line]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["sea"], ["search"]),
        (["search", "bea"], ["beach"]),
        (["search", "baR"], ["Bären"]),
        (["search", "dog", "tag:be"], ["tag:beach", 'tag:"beer garden"']),
        (["search", "is:un"], ["is:untagged", "is:unsure"]),
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
