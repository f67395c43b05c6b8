from dataclasses import replace

import numpy as np
import pytest

from phototag.decide import as_neighbours, distances, off_span, votes
from phototag.train.examples import vocabulary
from phototag.train.neighbours import choose_neighbours, span_of
from tests.train.labelled import clusters


def test_neighbours_are_bounded_for_each_category_and_those_without_a_label_come_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("phototag.train.neighbours._A_CATEGORY", 6)
    examples = clusters({"a": 20, "b": 4, "-": 10})
    chosen = choose_neighbours(examples, vocabulary(examples, one_category=False), seed=0)
    assert (len(chosen.neighbours.embeddings), chosen.votes.known) == (16, 10)
    assert np.linalg.norm(chosen.neighbours.embeddings, axis=1) == pytest.approx(1, abs=1e-3)
    assert (chosen.own[:20] >= 0).sum() == 6
    assert (chosen.own[20:24] >= 0).all()
    assert (chosen.own[24:] >= 10).sum() == 6
    for n, number in enumerate(chosen.own):
        if number >= 0:
            vector = as_neighbours(examples[n].embedding[np.newaxis])[0]
            assert chosen.neighbours.embeddings[number] == pytest.approx(vector, abs=1e-3)


def test_being_near_a_photo_without_a_label_makes_no_photo_less_strange() -> None:
    examples = clusters({"a": 20, "b": 20, "-": 20})
    chosen = choose_neighbours(examples, vocabulary(examples, one_category=False), seed=0)
    apart, cast = chosen.look(examples[40:], np.full(20, -1))
    assert apart.min() > 0.1
    assert cast.max() < 0.2


@pytest.mark.parametrize(("smallest", "k"), [(1, 1), (2, 1), (4, 3), (6, 5), (30, 5)])
def test_no_more_distances_are_averaged_than_the_smallest_category_has(smallest: int, k: int) -> None:
    examples = clusters({"a": 30, "b": smallest})
    assert choose_neighbours(examples, vocabulary(examples, one_category=True), seed=0).neighbours.k == k


def test_a_neighbour_is_measured_by_the_others() -> None:
    examples = clusters({"a": 8, "b": 8})
    words = vocabulary(examples, one_category=True)
    apart, cast = (chosen := choose_neighbours(examples, words, seed=0)).look(examples, chosen.own)
    for n in (0, 9):
        rest = examples[:n] + examples[n + 1 :]
        without = choose_neighbours(rest, words, seed=0)
        embedding = examples[n].embedding[np.newaxis]
        assert apart[n] == pytest.approx(distances(embedding, without.neighbours)[0], abs=1e-3)
        # the reach follows the median distance, which moves a little with a photo less
        assert cast[n] == pytest.approx(votes(embedding, without.neighbours, without.votes)[0], abs=0.02)


def test_photos_vote_for_what_is_on_them_and_for_nothing_far_from_all() -> None:
    examples = clusters({"a": 20, "b": 20}, size=64)
    chosen = choose_neighbours(examples, vocabulary(examples, one_category=True), seed=0)
    _, own = chosen.look(examples, chosen.own)
    _, far = chosen.look(clusters({"c": 20}, size=64, seed=5), np.full(20, -1))
    assert (own[:20, 0] > 0.6).all()
    assert (own[:20, 1] < 0.3).all()
    assert far.max() < 0.4


def test_views_vote_with_their_photo_are_left_out_with_it_and_nothing_is_measured_by_them() -> None:
    random = np.random.default_rng(0)
    examples = clusters({"a": 8, "b": 8}, spread=2.0)
    viewed = [
        replace(one, views=(one.embedding + random.normal(scale=0.1, size=(3, 16))).astype(np.float32))
        if ("b",) in one.categories
        else one
        for one in examples
    ]
    words = vocabulary(examples, one_category=True)
    plain, chosen = (choose_neighbours(some, words, seed=0) for some in (examples, viewed))
    assert (len(plain.neighbours.embeddings), len(chosen.neighbours.embeddings)) == (16, 16 + 3 * 8)
    assert chosen.votes.known == plain.votes.known == 16
    assert chosen.look(viewed, chosen.own)[0] == pytest.approx(plain.look(examples, plain.own)[0])
    without = choose_neighbours(viewed[:-1], words, seed=0)
    cast = chosen.look(viewed[-1:], chosen.own[-1:])[1][0]
    embedding = viewed[-1].embedding[np.newaxis]
    assert cast == pytest.approx(votes(embedding, without.neighbours, without.votes)[0], abs=0.05)
    assert votes(embedding, chosen.neighbours, chosen.votes)[0, 1] > cast[1] + 0.1


def test_photos_of_the_categories_lie_nearer_to_the_span_of_others_of_them_than_foreign_ones_do() -> None:
    examples = clusters({"a": 40, "b": 40}, size=64)
    span = span_of(examples[::2])
    assert span.axes @ span.axes.T == pytest.approx(np.eye(16), abs=1e-5)
    known, foreign = (
        off_span(np.stack([one.embedding for one in some]), span)
        for some in (examples[1::2], clusters({"c": 40}, size=64, seed=9))
    )
    assert known.max() < foreign.min()


def test_a_single_photo_has_a_span() -> None:
    one = clusters({"a": 1})
    assert off_span(one[0].embedding[np.newaxis], span_of(one)) == pytest.approx([0], abs=1e-5)
