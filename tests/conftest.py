"""What every test may use: the real photos where they are, and small real ones made on the spot."""

import os
from pathlib import Path

import pytest

_REAL_PHOTOS = Path(os.environ.get("PHOTOTAG_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def real_photos() -> Path:
    """The folder of real photos; see CONTRIBUTING.md."""
    if not (_REAL_PHOTOS / "pets").is_dir():
        pytest.skip(f"no real photos in {_REAL_PHOTOS}")
    return _REAL_PHOTOS
