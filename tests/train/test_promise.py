import numpy as np
import numpy.typing as npt
import pytest

from phototag.records import Classifier, Label, Vectors
from phototag.train.promise import promise

_LABELS = (Label("a", (0,), (), 0.5), Label("b", (1,), ("animal",), 0.5))
_MODEL = Classifier((), "softmax", _LABELS)


def _honest(photos: int, seed: int, *, skill: float = 1.5) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """Two words' calibrated scores of photos, and what is true: as often as the scores say."""
    random = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-skill * random.normal(size=(photos, 2)) * 2))
    return scores.astype(np.float32), random.random(scores.shape) < scores


def _everywhere(photos: int) -> npt.NDArray[np.bool_]:
    return np.ones(photos, bool)


@pytest.mark.parametrize("wanted", [0.8, 0.95])
def test_the_precision_holds_on_new_photos(wanted: float) -> None:
    new_scores, new_truths = _honest(50_000, 99)
    found = []
    for seed in range(20):
        scores, truths = _honest(500, seed)
        for n, one in enumerate(promise(wanted, _MODEL, scores, truths, _everywhere(500))):
            if one.kept:
                found.append(new_truths[:, n][new_scores[:, n] >= one.threshold].mean())
    assert len(found) > 30
    assert np.mean(np.array(found) >= wanted) >= 0.95


def test_more_photos_make_the_promise_cheaper() -> None:
    recalls = []
    for photos in (100, 6000):
        said = promise(0.9, _MODEL, *_honest(photos, 1), _everywhere(photos))
        recalls.append(np.mean([one.recall for one in said]))
    assert recalls[1] > recalls[0]


def test_a_handful_of_photos_promises_nothing_and_the_threshold_is_no_lower_for_it() -> None:
    scores, truths = np.array([[0.9, 0.2], [0.8, 0.1], [0.2, 0.9]], np.float32), np.eye(2, dtype=bool)[[0, 0, 1]]
    for one, label in zip(promise(0.95, _MODEL, scores, truths, _everywhere(3)), _LABELS, strict=True):
        assert not one.kept
        assert label.threshold < one.threshold < 1


def test_a_word_that_cannot_be_promised_is_said_above_its_every_mistake() -> None:
    scores, truths = _honest(400, 3)
    truths[:, 1] = np.random.default_rng(0).random(400) < 0.5  # its scores say nothing
    said = promise(0.9, _MODEL, scores, truths, _everywhere(400))[1]
    assert not said.kept
    wrong = scores[~truths[:, 1], 1]
    assert said.threshold > wrong.max()


def test_a_word_with_few_photos_follows_what_the_others_show_of_scores_like_its_own() -> None:
    scores, truths = _honest(400, 3)
    few = np.arange(400) >= 25
    scores[few, 1], truths[few, 1] = 0.01, False
    scores[:25, 1], truths[:25, 1] = 0.999, True
    kept = promise(0.9, _MODEL, scores, truths, _everywhere(400))[1]
    assert kept.kept
    assert (kept.name, kept.recall) == ("animal/b", 1)


def test_photos_that_are_none_of_these_are_neither_right_nor_wrong_but_missed() -> None:
    scores, truths = _honest(1000, 5)
    near = np.arange(1000) % 2 == 0
    half = promise(0.9, _MODEL, scores, truths, near)[0]
    alone = promise(0.9, _MODEL, scores[near], truths[near], _everywhere(500))[0]
    assert half.threshold == alone.threshold
    assert half.recall is not None
    assert alone.recall is not None
    assert half.recall == pytest.approx(alone.recall / 2, abs=0.05)


def test_a_word_that_nobody_held_out_has_no_recall() -> None:
    scores, truths = _honest(100, 6)
    truths[:, 1] = False
    assert promise(0.9, _MODEL, scores, truths, _everywhere(100))[1].recall is None
