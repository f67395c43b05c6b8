"""A small library that was scanned with the model that knows colours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phototag.index import Index, open_index
from tests.journal.library import paint


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two JPEGs, a GIF that gets a sidecar, and a photo that is none of these."""
    folder = tmp_path / "library"
    for name, colour in (("a.jpg", "red"), ("b.jpg", "green"), ("trip/c.gif", "blue"), ("trip/d.jpg", "grey")):
        paint(folder / name, colour)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An empty index."""
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()
