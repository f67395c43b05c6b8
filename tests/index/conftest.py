"""Every kind of index, for the tests that all of them must pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phototag.index import Index, open_index


@pytest.fixture(params=["sqlite"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    """An empty index; a further kind is a further parameter here."""
    assert request.param == "sqlite"
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()
