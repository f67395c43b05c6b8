"""A small library that was scanned with the model that knows colours."""

from pathlib import Path

import pytest

from tests.index.conftest import index, place
from tests.journal.library import paint

__all__ = ["index", "library", "place"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two JPEGs, a GIF that gets a sidecar, and a photo that is none of these."""
    folder = tmp_path / "library"
    for name, colour in (("a.jpg", "red"), ("b.jpg", "green"), ("trip/c.gif", "blue"), ("trip/d.jpg", "grey")):
        paint(folder / name, colour)
    return folder
