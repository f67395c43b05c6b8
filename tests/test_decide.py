from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.decide import Rules, as_neighbours, decide, distances, label_scores, layer_logits, outputs, scores, votes
from phototag.records import Classifier, Dense, Embedded, Facts, Label, Neighbours, PhotoRef, Span, Vectors, Votes

_ANIMALS = (
    Label("animal", (0, 1, 2), (), 0.5),
    Label("beagle", (0,), ("animal", "dog"), 0.6),
    Label("cat", (2,), ("animal",), 0.6),
    Label("dog", (0, 1), ("animal",), 0.6),
    Label("rose", (3,), (), 0.6),
)


def _identity(activation: str, labels: tuple[Label, ...], neighbours: Neighbours | None = None) -> Classifier:
    """A head whose logits are the embedding itself."""
    size = 1 + max(number for label in labels for number in label.classes)
    head = Dense(np.eye(size, dtype=np.float32), np.zeros(size, np.float32))
    return Classifier((head,), activation, labels, neighbours)  # type: ignore[arg-type]


def _photo(*embedding: float) -> Embedded:
    return Embedded(PhotoRef("/a.jpg", 1, 1), b"h" * 32, Facts("JPEG", 1, 1), np.array(embedding, np.float32))


def _chances(*chances: float) -> Embedded:
    """A photo to which an identity softmax head gives these probabilities."""
    return _photo(*np.log(chances))


def _words(photo: Embedded, classifier: Classifier, rules: Rules | None = None) -> list[str]:
    return [tag.word for tag in decide([photo], classifier, rules or Rules())[0].tags]


def test_a_label_is_said_with_all_its_broader_words_and_their_own_scores() -> None:
    (decided,) = decide([_chances(0.7, 0.2, 0.05, 0.05)], _identity("softmax", _ANIMALS), Rules())
    assert [(tag.word, round(tag.score, 3), tag.broader) for tag in decided.tags] == [
        ("animal", 0.95, ()),
        ("dog", 0.9, ("animal",)),
        ("beagle", 0.7, ("animal", "dog")),
    ]


def test_a_broader_word_is_said_alone_where_no_narrower_one_is_sure() -> None:
    assert _words(_chances(0.3, 0.2, 0.45, 0.05), _identity("softmax", _ANIMALS)) == ["animal"]


def test_a_broader_word_below_its_own_threshold_comes_with_the_label_that_implies_it() -> None:
    labels = (Label("animal", (0, 1), (), 0.99), Label("dog", (0,), ("animal",), 0.6), Label("rose", (2,)))
    assert _words(_chances(0.7, 0.1, 0.2), _identity("softmax", labels)) == ["animal", "dog"]


def test_a_broader_word_that_is_no_label_is_as_sure_as_the_surest_word_below_it() -> None:
    labels = (Label("cat", (0,), ("being", "animal")), Label("dog", (1,), ("being", "animal")))
    (decided,) = decide([_photo(1.0, 2.0)], _identity("sigmoid", labels), Rules())
    dog = 1 / (1 + np.exp(-2.0))
    assert [(tag.word, tag.broader) for tag in decided.tags] == [
        ("animal", ("being",)),
        ("being", ()),
        ("dog", ("being", "animal")),
        ("cat", ("being", "animal")),
    ]
    assert [tag.score for tag in decided.tags[:3]] == pytest.approx([dog] * 3, abs=1e-6)


def test_scores_are_sums_of_exclusive_classes_and_maxima_of_independent_ones() -> None:
    labels = (Label("both", (0, 1)), Label("third", (2,)))
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32))
    assert label_scores(logits, _identity("softmax", labels))[0] == pytest.approx([0.8, 0.2])
    assert label_scores(logits, _identity("sigmoid", labels))[0] == pytest.approx([1 / 3, 1 / 6])


def test_a_score_just_at_the_threshold_is_enough() -> None:
    labels = (Label("half", (0,), (), 0.5),)
    assert _words(_photo(0.0), _identity("sigmoid", labels)) == ["half"]
    assert _words(_photo(-1e-3), _identity("sigmoid", labels)) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(Rules(min_confidence=0.04), ["animal", "dog", "beagle", "cat", "rose"], id="low: every word"),
        pytest.param(Rules(min_confidence=0.95), ["animal"], id="high: only the surest"),
        pytest.param(Rules(min_confidence=1.0), [], id="certainty: none"),
        pytest.param(Rules(min_confidence=0.04, max_tags=1), ["animal", "dog", "beagle"], id="one, broader come along"),
        pytest.param(Rules(min_confidence=0.04, max_tags=2), ["animal", "dog", "beagle", "cat"], id="two"),
    ],
)
def test_the_owners_rules_replace_thresholds_and_bound_the_most_specific_tags(
    rules: Rules, expected: list[str]
) -> None:
    assert _words(_chances(0.7, 0.16, 0.1, 0.04), _identity("softmax", _ANIMALS), rules) == expected


def test_equal_scores_are_ordered_by_word() -> None:
    labels = tuple(Label(word, (0,)) for word in ("pear", "apple", "fig"))
    (decided,) = decide([_photo(3.0)], _identity("sigmoid", labels), Rules(max_tags=2))
    assert [tag.word for tag in decided.tags] == ["apple", "fig"]
    assert [tag.word for tag in decided.guesses] == ["apple", "fig", "pear"]


def test_a_photo_far_from_the_training_photos_is_none_of_these_but_has_guesses() -> None:
    near = Neighbours(np.array([[1, 0]], np.float32), k=1, threshold=0.1)
    labels = (Label("x", (0,)), Label("y", (1,)))
    close, far = decide([_photo(5, 0.1), _photo(5, 5)], _identity("sigmoid", labels, near), Rules(min_confidence=0))
    assert [tag.word for tag in close.tags] == ["x", "y"]
    assert close.distance == pytest.approx(1 - 5 / np.hypot(5, 0.1), abs=1e-6)
    assert far.tags == ()
    assert [guess.word for guess in far.guesses] == ["x", "y"]
    assert far.distance == pytest.approx(1 - np.sqrt(0.5), abs=1e-6)


def test_without_neighbours_there_is_no_distance() -> None:
    (decided,) = decide([_photo(5.0)], _identity("sigmoid", (Label("x", (0,)),)), Rules())
    assert decided.distance is None
    assert decided.tags


def test_only_five_guesses_are_given_best_first() -> None:
    labels = tuple(Label(f"w{n}", (n,)) for n in range(8))
    (decided,) = decide([_photo(*range(8))], _identity("softmax", labels), Rules())
    assert [guess.word for guess in decided.guesses] == ["w7", "w6", "w5", "w4", "w3"]


def test_no_photos_are_no_decisions() -> None:
    assert decide([], _identity("softmax", _ANIMALS), Rules()) == []


def test_inner_layers_are_rectified() -> None:
    layers = (
        Dense(np.array([[1, -1]], np.float32), np.zeros(2, np.float32)),
        Dense(np.array([[1], [10]], np.float32), np.array([0.5], np.float32)),
    )
    assert layer_logits(np.array([[2], [-3]], np.float32), layers).ravel().tolist() == [2.5, 30.5]


def test_scores_of_huge_logits_stay_numbers_between_0_and_1() -> None:
    huge = np.array([[1e4, -1e4, 0, 0]], np.float32)
    for activation in ("softmax", "sigmoid"):
        found = scores(huge, _identity(activation, _ANIMALS))
        assert np.isfinite(found).all()
        assert found.min() >= 0
        assert found.max() <= 1


def _random(rows: int, size: int = 7, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).normal(size=(rows, size)).astype(np.float32)


def _slow_distances(unit: Vectors, photos: Vectors, k: int) -> list[float]:
    found = []
    for photo in photos:
        cosines = sorted((float(photo @ one / np.linalg.norm(photo)) for one in unit), reverse=True)
        found.append(1 - float(np.mean(cosines[:k])))
    return found


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 6))
def test_distances_are_the_mean_cosine_distance_to_the_nearest(neighbours: int, k: int, photos: int) -> None:
    unit = _random(neighbours)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    found = distances(_random(photos, seed=1), Neighbours(unit, k, 1.0))
    assert found.dtype == np.float32
    assert found == pytest.approx(_slow_distances(unit, _random(photos, seed=1), k), abs=1e-5)


def test_distances_in_small_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = _random(20) / np.linalg.norm(_random(20), axis=1, keepdims=True)
    whole = distances(_random(50, seed=2), Neighbours(unit, 5, 1.0))
    monkeypatch.setattr("phototag.decide._BLOCK_BYTES", 4 * 20 * 3)
    blocks = distances(_random(50, seed=2), Neighbours(unit, 5, 1.0))
    assert blocks == pytest.approx(whole, abs=1e-6)


def test_a_training_photo_is_not_measured_against_itself() -> None:
    unit = _random(6) / np.linalg.norm(_random(6), axis=1, keepdims=True)
    own = np.array([0, 1, -1, 3, 4, 5])
    found = distances(unit, Neighbours(unit, 2, 1.0), own)
    expected = [
        _slow_distances(np.delete(unit, n, axis=0) if number >= 0 else unit, unit[n : n + 1], 2)[0]
        for n, number in enumerate(own)
    ]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found[2] < found[[0, 1, 3, 4, 5]].min()


def _voting(**how: object) -> Neighbours:
    """Two labelled neighbours, one for each class, and a third that shows neither."""
    unit = as_neighbours(np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.float32))
    shares = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    given = {"shares": shares, "reach": 0.5, "weight": 4.0, "known": 2, "counted": (0, 1), **how}
    return Neighbours(unit, k=1, threshold=0.5, votes=Votes(**given))  # type: ignore[arg-type]


def test_a_vote_falls_with_the_distance_and_is_whole_at_none() -> None:
    cast = votes(np.array([[4, 0, 0], [0, 0, 1]], np.float32), _voting(), _voting().votes)  # type: ignore[arg-type]
    assert cast[0] == pytest.approx([1, np.exp(-2)])
    assert cast[1] == pytest.approx([np.exp(-2), np.exp(-2)])


def test_votes_are_added_to_the_heads_logits() -> None:
    head = Dense(np.zeros((3, 2), np.float32), np.array([1, 2], np.float32))
    logits, _ = outputs(np.array([[4, 0, 0]], np.float32), Classifier((head,), "softmax", (), _voting()))
    assert logits[0] == pytest.approx([1 + 4 * 0.5, 2 + 4 * (np.exp(-2) - 0.5)], abs=1e-5)


def test_strangeness_is_distance_and_what_the_strongest_counted_vote_lacks() -> None:
    head = Dense(np.zeros((3, 2), np.float32), np.zeros(2, np.float32))
    photos = np.array([[4, 0, 0], [0, 4, 0], [0, 0, 1]], np.float32)
    _, strange = outputs(photos, Classifier((head,), "softmax", (), _voting(counted=(0,))))
    assert strange == pytest.approx([0, 1 - np.exp(-2), 1 + 1 - np.exp(-2)], abs=1e-5)


def test_with_a_span_strangeness_is_what_lies_in_no_direction_of_the_training_photos() -> None:
    head = Dense(np.zeros((3, 2), np.float32), np.zeros(2, np.float32))
    span = Span(np.array([0.5, 0.5, 0], np.float32), np.array([[1, -1, 0]], np.float32) / np.float32(np.sqrt(2)))
    photos = np.array([[4, 0, 0], [0, 4, 0], [0, 0, 1]], np.float32)
    _, strange = outputs(photos, Classifier((head,), "softmax", (), replace(_voting(), span=span)))
    assert strange == pytest.approx([0, 0, np.sqrt(1.5)], abs=1e-5)


def test_a_strange_photo_is_none_of_these_though_it_is_like_one_without_a_label() -> None:
    head = Dense(np.zeros((3, 2), np.float32), np.array([5, 0], np.float32))
    model = Classifier((head,), "sigmoid", (Label("x", (0,)), Label("y", (1,))), _voting())
    known, none = decide([_photo(4, 0, 0), _photo(0, 0, 4)], model, Rules())
    assert [tag.word for tag in known.tags] == ["x"]
    assert none.tags == ()
