"""Views of photos of small categories: made once, kept, and never checked with."""

from pathlib import Path

import numpy as np
import pytest

from phototag.bundle import find_network
from phototag.records import Network, Pixels, Vectors
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import read_dataset
from phototag.train.embed import Example, embed
from phototag.train.examples import settle
from phototag.train.few import FEW, VIEWS, with_views
from tests.train.labelled import save_patterns


class _Eye:
    """A backbone that sees a photo's pixels, coarsely, and counts how many it was shown."""

    device, batch_size = "cpu", 8

    def __init__(self) -> None:
        self.network: Network = find_network("efficientnet-lite0")
        self.shown = 0

    def embed(self, pixels: Pixels) -> Vectors:
        self.shown += len(pixels)
        coarse = pixels[:, ::32, ::16].reshape(len(pixels), -1).astype(np.float32)
        return np.resize(coarse, (len(pixels), self.network.embedding_size))


def _seen(root: Path, eye: _Eye, cache: EmbeddingCache) -> list[Example]:
    found = settle(
        item
        for item in embed(read_dataset(root).photos, eye, cache, workers=2, progress=lambda done: None)
        if isinstance(item, Example)
    )
    return with_views(found, eye, cache, workers=2, tell=lambda what: None)


@pytest.fixture
def cache(tmp_path: Path) -> EmbeddingCache:
    return EmbeddingCache(tmp_path / "cache", find_network("efficientnet-lite0"), "cpu")


def test_photos_of_small_categories_are_seen_in_changed_views_too_and_others_are_not(
    tmp_path: Path, cache: EmbeddingCache
) -> None:
    root = save_patterns(tmp_path / "photos", FEW + 1, ("noise",))
    save_patterns(root, 3, ("stripes",))
    found = _seen(root, _Eye(), cache)
    assert len(found) == FEW + 4
    for example in found:
        if ("noise",) in example.categories:
            assert example.views is None
        else:
            assert example.views is not None
            assert example.views.shape == (VIEWS, len(example.embedding))
            every = [example.embedding, *example.views]
            assert len({vector.tobytes() for vector in every}) == 1 + VIEWS


def test_views_are_computed_once_and_the_same_whatever_the_photos_are_called(
    tmp_path: Path, cache: EmbeddingCache
) -> None:
    root = save_patterns(tmp_path / "photos", 4, ("stripes", "checks"))
    first = _seen(root, _Eye(), cache)
    for path in (root / "stripes").iterdir():
        path.rename(path.with_name(f"other-{path.name}"))
    eye = _Eye()
    again = _seen(root, eye, cache)
    assert eye.shown == 0
    fresh = _seen(root, _Eye(), EmbeddingCache(tmp_path / "another", eye.network, "cpu"))
    for one, two, three in zip(first, again, fresh, strict=True):
        assert one.views is not None
        assert np.array_equal(one.views, two.views)
        assert np.array_equal(one.views, three.views)


def test_a_photo_that_cannot_be_read_any_more_is_learned_from_without_views(
    tmp_path: Path, cache: EmbeddingCache
) -> None:
    root = save_patterns(tmp_path / "photos", 2, ("stripes", "checks"))
    eye = _Eye()
    found = [
        item
        for item in embed(read_dataset(root).photos, eye, cache, workers=1, progress=lambda done: None)
        if isinstance(item, Example)
    ]
    Path(found[0].ref.path).unlink()
    told: list[str] = []
    seen = with_views(found, eye, cache, workers=1, tell=told.append)
    assert [example.views is None for example in seen] == [True, False, False, False]
    assert len(told) == 1
