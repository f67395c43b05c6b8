"""Embeddings come back as they were, or within half a level; sketches tell near from far."""

import numpy as np
import pytest

from phototag.backbone import open_backbone
from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.vectors.quantise import pack, sketch, unpack


def _back(vectors: np.ndarray) -> np.ndarray:
    packed = pack(vectors)
    return unpack(packed.codes, packed.scale, packed.offset)


def test_what_the_int8_network_gives_comes_back_as_it_was() -> None:
    network = find_network(DEFAULT_NETWORK)
    noise = np.random.default_rng(1).integers(0, 256, (3, network.image_size, network.image_size, 3), np.uint8)
    vectors = open_backbone(network, "cpu").embed(noise)
    assert np.allclose(_back(vectors), vectors, rtol=3e-7, atol=0)


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param([0, 1, 2, 255], id="all of them"),
        pytest.param([3, 5, 8, 200], id="no two next to one another"),
        pytest.param([-40, -3, 0, 90], id="below zero"),
        pytest.param([7, 7, 7, 7], id="one value alone"),
        pytest.param([0, 0, 0, 0], id="nothing"),
    ],
)
def test_vectors_made_of_levels_are_kept_exactly(levels: list[int]) -> None:
    vectors = np.array([levels], np.float32) * np.float32(0.0223)
    assert np.allclose(_back(vectors), vectors, rtol=3e-7, atol=1e-7)


def test_other_vectors_are_rounded_by_half_a_level_at_most() -> None:
    vectors = np.random.default_rng(0).gamma(0.5, 1, (50, 1280)).astype(np.float32)
    off = np.abs(_back(vectors) - vectors).max(axis=1)
    assert (off <= 0.501 * np.ptp(vectors, axis=1) / 255).all()


def test_lengths_are_those_of_the_vectors_that_come_back() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    assert np.allclose(pack(vectors).length, np.linalg.norm(_back(vectors), axis=1))


def test_a_sketch_is_the_same_of_a_vector_and_of_its_codes_and_differs_little_between_like_vectors() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 100)).astype(np.float32)
    near = vectors[:1] + 0.05 * rng.normal(size=(1, 100)).astype(np.float32)
    one, other, like = (
        int(np.bitwise_count(sketch(vectors[:1]) ^ sketch(v)).sum()) for v in (vectors[:1], vectors[1:], near)
    )
    assert (one, like < 15, other > 30) == (0, True, True)
    assert np.bitwise_count(sketch(vectors) ^ sketch(pack(vectors).codes)).sum() <= 2, "but for rounding at the mean"
