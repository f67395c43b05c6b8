"""Pairs that are nearly the same are found among few and among many; groups have one photo in the middle."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from phototag.vectors import VectorFile, pairs
from phototag.vectors.nearest import Shelf
from phototag.vectors.pairs import close_pairs, stars
from tests.vectors.test_file import NETWORK, digest


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """3,000 vectors of which every tenth is nearly the one before it."""
    rng = np.random.default_rng(0)
    every = rng.gamma(0.5, 1, (3000, 70)).astype(np.float32)
    every[1::10] = every[0::10] * np.exp(0.05 * rng.normal(size=(300, 70)))
    file = VectorFile(tmp_path / "v", NETWORK)
    file.put([(digest(number), vector) for number, vector in enumerate(every)])
    file.close()
    with closing(VectorFile(tmp_path / "v", NETWORK, readonly=True)) as reader:
        return Shelf(reader)


@pytest.mark.parametrize(
    ("all_by_all", "least"), [pytest.param(8192, 300, id="all by all"), pytest.param(100, 290, id="by cells")]
)
def test_nearly_equal_vectors_are_found(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, all_by_all: int, least: int
) -> None:
    monkeypatch.setattr(pairs, "_ALL_BY_ALL", all_by_all)
    monkeypatch.setattr(pairs, "_IN_A_CELL", 200)
    done: list[int] = []
    found = set(close_pairs(shelf, shelf.rows, 0.97, done.append))
    truth = {(number, number + 1) for number in range(0, 3000, 10)}
    assert found <= truth
    assert len(found) >= least
    assert sum(done) == 3000


def test_a_chain_of_likeness_is_not_one_group() -> None:
    assert stars([(1, 2), (2, 3), (3, 4), (4, 5)]) == [[2, 1, 3], [4, 5]]


def test_the_middle_is_the_one_that_most_are_like() -> None:
    assert stars([(1, 9), (2, 9), (3, 9), (1, 2), (7, 8), (8, 7)]) == [[9, 1, 2, 3], [7, 8]]
    assert stars([]) == []
