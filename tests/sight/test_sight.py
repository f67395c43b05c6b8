"""Photos of a scanned library compared: similar ones, near duplicates with the best named."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from phototag.backbone import Backbone
from phototag.errors import PhotoError
from phototag.index import Index, open_index
from phototag.sight.duplicates import duplicates, sharpness
from phototag.sight.photos import vector_of
from phototag.sight.similar import similar
from phototag.vectors import VectorFile
from phototag.vectors.nearest import Shelf
from tests.models import ColourBackbone
from tests.scanned import run_scan

_PAINT = {"red": (220, 20, 20), "rose": (230, 60, 70), "green": (20, 220, 20), "moss": (60, 190, 30)}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for name, colour in _PAINT.items():
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorFile]:
    opened = VectorFile(tmp_path / "v", ColourBackbone.network)
    yield opened
    opened.close()


def never() -> Backbone:
    raise AssertionError("the embedding was stored")


def names_like(path: Path, index: Index, vectors: VectorFile, limit: int = 9) -> list[str]:
    vector = vector_of(str(path), index, vectors, never)
    with Shelf(vectors) as shelf:
        found = similar(vector, index, vectors, shelf, limit, {str(path)})
    assert all(0 <= one.likeness <= 1 for one in found)
    return [Path(one.path).name for one in found]


@pytest.mark.parametrize("write", [True, False], ids=["written", "not written"])
def test_similar_photos_come_most_alike_first(library: Path, index: Index, vectors: VectorFile, write: bool) -> None:
    run_scan(library, index, vectors, write=write)
    assert names_like(library / "red.png", index, vectors) == ["rose.png", "moss.png", "green.png"]
    assert names_like(library / "green.png", index, vectors, limit=1) == ["moss.png"]


def test_photos_that_are_gone_are_not_found_and_do_not_count(library: Path, index: Index, vectors: VectorFile) -> None:
    for number in range(1, 60):
        Image.new("RGB", (64, 48), (220, 20 + number % 8, 20 + number // 8)).save(library / f"{number}.png")
    run_scan(library, index, vectors)
    for number in range(1, 60):
        (library / f"{number}.png").unlink()
    run_scan(library, index, vectors)
    assert len(vectors) == 63
    assert names_like(library / "red.png", index, vectors, limit=3) == ["rose.png", "moss.png", "green.png"]


def test_a_photo_outside_the_library_is_looked_at(
    library: Path, index: Index, vectors: VectorFile, tmp_path: Path
) -> None:
    run_scan(library, index, vectors, write=False)
    other = tmp_path / "other.jpg"
    Image.new("RGB", (40, 40), (30, 200, 30)).save(other)
    vector = vector_of(str(other), index, vectors, ColourBackbone)
    with Shelf(vectors) as shelf:
        found = similar(vector, index, vectors, shelf, 2)
    assert [Path(one.path).name for one in found] == ["green.png", "moss.png"]
    copy = shutil.copy(library / "moss.png", tmp_path / "copy.png")
    assert np.allclose(vector_of(str(copy), index, vectors, never), [60 / 255, 190 / 255, 30 / 255], atol=0.01)
    with pytest.raises(PhotoError):
        vector_of(str(tmp_path / "absent.jpg"), index, vectors, never)


def test_a_stored_vector_of_earlier_bytes_is_not_used(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    Image.new("RGB", (65, 48), (20, 20, 220)).save(library / "red.png")
    assert np.argmax(vector_of(str(library / "red.png"), index, vectors, ColourBackbone)) == 2


def _scene(seed: int) -> Image.Image:
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(rough).resize((320, 240), Image.Resampling.NEAREST)


def test_duplicates_are_grouped_and_the_best_is_the_largest_then_the_sharpest(
    tmp_path: Path, index: Index, vectors: VectorFile
) -> None:
    library = tmp_path / "library"
    (library / "trip").mkdir(parents=True)
    _scene(1).resize((640, 480), Image.Resampling.NEAREST).save(library / "large.png")
    _scene(1).save(library / "small.jpg", quality=80)
    shutil.copy(library / "small.jpg", library / "copy of small.jpg")
    dark = Image.eval(_scene(2), lambda value: value // 4)
    dark.filter(ImageFilter.GaussianBlur(4)).save(library / "blurred.png")
    dark.save(library / "trip" / "sharp.png")
    Image.new("RGB", (64, 64), (250, 0, 0)).save(library / "alone.png")
    run_scan(library, index, vectors)
    done: list[int] = []
    with Shelf(vectors) as shelf:
        groups = list(duplicates(index, vectors, shelf, None, 0.9999, done.append))
        below = list(duplicates(index, vectors, shelf, str(library / "trip"), 0.9999, done.append))
    assert [[Path(one.ref.path).name for one in group] for group in groups] == [
        ["large.png", "copy of small.jpg", "small.jpg"],
        ["sharp.png", "blurred.png"],
    ]
    assert groups[0][0].sharpness is None, "its size alone says that it is the best"
    assert below == []
    assert len(list(library.rglob("*.*"))) == 6


def test_sharpness_falls_with_every_blur() -> None:
    scene = _scene(3)
    found = [sharpness(np.asarray(scene.filter(ImageFilter.GaussianBlur(radius)))) for radius in (0, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    assert sharpness(np.full((9, 9, 3), 77, np.uint8)) == 0
