"""Every kind of index, for the tests that all of them must pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phototag.index import Index, open_index
from phototag.records import Place, Server
from tests.clusters import empty_schema

KINDS = ("sqlite", "postgresql")
"""A further kind is a further name here, and a case below."""


@contextmanager
def place_of(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    """Where an index of the kind that a test is asked for may be made."""
    if request.param == "sqlite":
        yield folder / "index.sqlite"
        return
    with empty_schema(request.getfixturevalue("postgresql")) as url:
        yield Server(url)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where an index of each kind may be made."""
    with place_of(request, tmp_path) as found:
        yield found


@pytest.fixture
def index(place: Place) -> Iterator[Index]:
    """An empty index of each kind."""
    opened = open_index(place)
    yield opened
    opened.close()
