"""A small library that was scanned with the model that knows colours."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from phototag.index import Index, open_index
from phototag.records import Place
from tests.index.conftest import KINDS, place_of
from tests.journal.library import paint


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two JPEGs, a GIF that gets a sidecar, and a photo that is none of these."""
    folder = tmp_path / "library"
    for name, colour in (("a.jpg", "red"), ("b.jpg", "green"), ("trip/c.gif", "blue"), ("trip/d.jpg", "grey")):
        paint(folder / name, colour)
    return folder


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where an index of each kind may be made."""
    with place_of(request, tmp_path) as found:
        yield found


@pytest.fixture
def index(place: Place) -> Iterator[Index]:
    """An empty index of each kind."""
    with closing(open_index(place)) as opened:
        yield opened
