import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phototag.decode import decode
from phototag.records import Failed, Pixels, Vectors
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import Labelled, read_dataset
from phototag.train.embed import Example, embed
from tests.models import ColourBackbone
from tests.train.labelled import save_patterns


class _Counting(ColourBackbone):
    """Counts the photos it embeds."""

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, pixels: Pixels) -> Vectors:
        self.embedded += len(pixels)
        return super().embed(pixels)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    opened = EmbeddingCache(tmp_path / "cache", ColourBackbone.network, "cpu")
    yield opened
    opened.close()


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Labelled, ...]:
    return read_dataset(save_patterns(tmp_path / "photos", 7)).photos


def _embed(photos: tuple[Labelled, ...], backbone: ColourBackbone, cache: EmbeddingCache) -> list[Example | Failed]:
    return list(embed(photos, backbone, cache, workers=3, progress=lambda done: None))


def test_training_sees_the_same_pixels_as_a_scan(photos: tuple[Labelled, ...], cache: EmbeddingCache) -> None:
    backbone = ColourBackbone()
    found = _embed(photos, backbone, cache)
    assert len(found) == len(photos) == 21
    for photo, item in zip(photos, found, strict=True):
        assert isinstance(item, Example)
        decoded = decode(photo.ref, backbone.network.image_size, backbone.network.fit)
        assert (item.ref, item.categories, item.content_hash) == (photo.ref, photo.categories, decoded.content_hash)
        np.testing.assert_array_equal(item.embedding, backbone.embed(decoded.pixels[None])[0])


def test_a_second_run_embeds_nothing_and_finds_the_same(
    photos: tuple[Labelled, ...], cache: EmbeddingCache, tmp_path: Path
) -> None:
    first, backbone = _embed(photos, ColourBackbone(), cache), _Counting()
    (tmp_path / "photos" / "noise" / "0.jpg").rename(tmp_path / "photos" / "noise" / "renamed.jpg")
    second = _embed(read_dataset(tmp_path / "photos").photos, backbone, cache)
    assert backbone.embedded == 0
    assert {one.content_hash: one.embedding.tobytes() for one in first if isinstance(one, Example)} == {
        one.content_hash: one.embedding.tobytes() for one in second if isinstance(one, Example)
    }


def test_photos_that_cannot_be_read_or_decoded_come_as_failed(
    photos: tuple[Labelled, ...], cache: EmbeddingCache
) -> None:
    Path(photos[2].ref.path).write_bytes(Path(photos[2].ref.path).read_bytes()[:300])
    Path(photos[5].ref.path).unlink()
    found = _embed(photos, ColourBackbone(), cache)
    failed = [(n, item.ref) for n, item in enumerate(found) if isinstance(item, Failed)]
    assert failed == [(2, photos[2].ref), (5, photos[5].ref)]


def test_progress_adds_up_and_threads_end_when_the_caller_stops_early(
    photos: tuple[Labelled, ...], cache: EmbeddingCache
) -> None:
    told: list[int] = []
    assert len(list(embed(photos, ColourBackbone(), cache, workers=2, progress=told.append))) == sum(told) == 21
    stopped = embed(photos, ColourBackbone(), cache, workers=2, progress=lambda done: None)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]
