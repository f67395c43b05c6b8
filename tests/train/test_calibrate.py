from dataclasses import replace

import numpy as np
import pytest

from phototag.decide import Rules, decide, outputs
from phototag.records import Dense, Embedded, Facts, Vectors
from phototag.train.calibrate import calibrate, cooled, mix, mix_by_heart, strangeness_threshold
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary, vocabulary
from phototag.train.neighbours import EVERYTHING, span_of
from phototag.train.teach import Taught
from tests.train.labelled import clusters


def _taught(examples: list[Example], words: Vocabulary, *, apart: bool, tried: list[Example] | None = None) -> Taught:
    """A head that measures likeness with each category's mean, and its trial."""
    targets = words.targets(examples)
    means = (targets.T @ np.stack([one.embedding for one in examples])) / targets.sum(axis=0)[:, None]
    layers = (Dense(means.T.astype(np.float32), np.asarray(-(means**2).sum(axis=1) / 2, np.float32)),)
    tried = examples if tried is None else tried
    said = np.stack([one.embedding for one in tried]) @ layers[0].kernel + layers[0].bias
    return Taught(layers, tuple(tried), said, apart)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(activation: str, true: float) -> None:
    random = np.random.default_rng(0)
    honest = random.normal(scale=2, size=(20_000, 3)).astype(np.float32)
    if activation == "softmax":
        chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
        targets = np.eye(3, dtype=np.float32)[[random.choice(3, p=row / row.sum()) for row in chances.astype(float)]]
    else:
        targets = (random.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.float32)
    silent = np.full_like(honest, 0.5)
    heat, _ = mix(honest * np.float32(true), silent, targets, activation)
    assert heat == pytest.approx(true, rel=0.1)


def test_votes_that_know_better_than_the_head_get_weight() -> None:
    random = np.random.default_rng(0)
    targets = np.eye(3, dtype=np.float32)[random.integers(0, 3, 500)]
    noise = random.normal(size=(500, 3)).astype(np.float32)
    heat, weight = mix(noise, targets, targets, "softmax")
    assert heat * weight > 30  # what a vote counts beside a logit


@pytest.mark.parametrize(("photos", "least", "most"), [(20, 1, 6), (2000, 0, 0.5)], ids=["few", "many"])
def test_where_photos_are_few_votes_keep_their_usual_weight(photos: int, least: float, most: float) -> None:
    random = np.random.default_rng(0)
    targets = np.eye(2, dtype=np.float32)[random.integers(0, 2, photos)]
    logits = (2 * targets + random.normal(size=targets.shape)).astype(np.float32)
    noise = random.random(targets.shape).astype(np.float32)
    _, weight = mix(logits, noise, targets, "softmax")
    assert least < weight < most


def test_a_few_photos_that_are_all_right_do_not_make_a_model_certain() -> None:
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    logits = 2 * targets
    heat, weight = mix(logits, targets, targets, "softmax")
    chance = 1 / (1 + np.exp(-(2 / heat + weight)))
    assert 0.8 < chance < 0.95


def test_without_photos_logits_stay_and_votes_do_not_count() -> None:
    none = np.empty((0, 3), np.float32)
    assert mix(none, none, none, "softmax") == (1, 0)


def test_cooling_divides_logits() -> None:
    layers = (
        Dense(np.ones((2, 2), np.float32), np.ones(2, np.float32)),
        Dense(np.full((2, 1), 4, np.float32), np.array([2], np.float32)),
    )
    first, last = cooled(layers, 2.0)
    assert first is layers[0]
    assert (last.kernel.tolist(), last.bias.tolist()) == ([[2.0], [2.0]], [1.0])


@pytest.mark.parametrize(("activation", "kept"), [("softmax", 90), ("sigmoid", 95)])
def test_the_strangeness_threshold_keeps_nearly_all_of_100_known_photos(activation: str, kept: int) -> None:
    known: Vectors = np.random.default_rng(0).permutation(100).astype(np.float32)
    assert (known <= strangeness_threshold(known, activation)).sum() == kept


def test_of_a_network_that_knows_its_photos_by_heart_the_temperature_stays_near_the_usual_one() -> None:
    random = np.random.default_rng(0)
    targets = np.eye(3, dtype=np.float32)[random.integers(0, 3, 100)]
    cast = np.full((100, 3), 0.5, np.float32)
    for sure in (1.0, 20.0):
        heat, weight = mix_by_heart(sure * targets, cast, targets, "softmax")
        assert (0.5 < heat < 1.5, weight) == (True, 1)
    none = np.empty((0, 3), np.float32)
    assert mix_by_heart(none, none, none, "softmax") == (1, 0)


def test_what_a_network_has_learned_from_measures_by_its_span_what_is_none_of_these() -> None:
    examples = clusters({"a": 60, "b": 60}, size=64)
    learned, tried = examples[::2], examples[1::2]
    words = vocabulary(learned, one_category=True)
    taught = replace(_taught(learned, words, apart=True, tried=tried), by_heart=True)
    classifier, trial = calibrate(taught, examples, words, seed=0)
    assert classifier.neighbours is not None
    assert classifier.neighbours.span is not None
    expected = span_of(learned).axes  # those tried are among the neighbours, but the network has not learned from them
    np.testing.assert_array_equal(classifier.neighbours.span.axes, expected)
    assert np.mean(trial.distances <= classifier.neighbours.threshold) == pytest.approx(0.9, abs=0.02)
    foreign = np.stack([one.embedding for one in clusters({"c": 50}, size=64, seed=9)])
    _, strange = outputs(foreign, classifier)
    assert strange is not None
    assert strange.min() > classifier.neighbours.threshold


@pytest.mark.parametrize("apart", [True, False], ids=["photos to check with", "held out in turn"])
def test_known_photos_are_tagged_and_foreign_ones_are_not(apart: bool) -> None:
    examples = clusters({"a": 60, "b": 60}, size=32)
    learned, tried = (examples[::2], examples[1::2]) if apart else (examples, examples)
    words = vocabulary(learned, one_category=True)
    classifier, trial = calibrate(_taught(learned, words, apart=apart, tried=tried), learned, words, seed=0)
    assert trial.examples == tuple(tried)
    assert classifier.neighbours is not None
    kept = (trial.distances <= classifier.neighbours.threshold).mean()
    assert 0.85 < kept < 0.99

    def photo(vector: Vectors) -> Embedded:
        return Embedded(examples[0].ref, b"", Facts("JPEG", 1, 1), vector)

    known = decide([photo(one.embedding) for one in tried], classifier, Rules())
    right = [
        [tag.word for tag in said.tags] == ["/".join(*one.categories)] for said, one in zip(known, tried, strict=True)
    ]
    assert np.mean(right) > 0.85
    foreign = clusters({"c": 50}, size=32, seed=9)
    assert not any(said.tags for said in decide([photo(one.embedding) for one in foreign], classifier, Rules()))


def test_few_photos_to_check_with_are_helped_by_those_learned_from() -> None:
    examples = clusters({"a": 60, "b": 60})
    words = vocabulary(examples, one_category=True)
    lone, _ = calibrate(_taught(examples, words, apart=True, tried=examples[:1]), examples, words, seed=0)
    all_, _ = calibrate(_taught(examples, words, apart=False), examples, words, seed=0)
    assert lone.neighbours is not None
    assert all_.neighbours is not None
    assert lone.neighbours.threshold == pytest.approx(all_.neighbours.threshold, rel=0.05)


def test_photos_that_the_network_knows_by_heart_do_not_help_out() -> None:
    learned, tried = (clusters({"a": 60, "b": 60}, spread=spread) for spread in (0.1, 0.5))
    tried = [replace(one, content_hash=bytes([1]) + one.content_hash[1:]) for one in tried]
    words = vocabulary(learned, one_category=True)
    taught = _taught(learned, words, apart=True, tried=tried[::4])
    kept = []
    for by_heart in (False, True):
        classifier, trial = calibrate(replace(taught, by_heart=by_heart), learned, words, seed=0)
        assert classifier.neighbours is not None
        kept.append(np.mean(trial.distances <= classifier.neighbours.threshold))
    assert kept[0] < 0.8 < kept[1]


def test_thresholds_of_several_labels_follow_f1_and_stay_near_a_half_where_photos_are_few() -> None:
    examples = clusters({"a": 300, "-": 300, "b": 3})
    words = vocabulary(examples, one_category=False)
    rare, common = np.zeros(603, bool), np.zeros(603, bool)
    common[:300], rare[600:] = True, True
    chances = np.full((603, 2), 0.01)
    chances[:300, 0], chances[600:, 1] = 0.2, 0.2  # an unsure head that ranks perfectly
    logits = np.log(chances / (1 - chances)).astype(np.float32)
    taught = Taught((Dense(np.zeros((16, 2), np.float32), np.zeros(2, np.float32)),), tuple(examples), logits, True)
    classifier, trial = calibrate(taught, examples, words, seed=0)
    scores = 1 / (1 + np.exp(-trial.logits))
    a, b = classifier.labels
    assert scores[400, 0] < a.threshold < scores[0, 0]
    assert abs(b.threshold - 0.5) < 0.1


def test_a_single_labelled_photo_has_nothing_to_be_measured_against_and_keeps_everything() -> None:
    examples = clusters({"a": 1, "-": 3})
    words = vocabulary(examples, one_category=False)
    head = (Dense(np.zeros((16, 1), np.float32), np.zeros(1, np.float32)),)
    classifier, _ = calibrate(Taught(head, (), np.empty((0, 1), np.float32), apart=False), examples, words, seed=0)
    assert classifier.neighbours is not None
    assert classifier.neighbours.threshold == EVERYTHING
