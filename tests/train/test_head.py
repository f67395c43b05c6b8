from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from phototag.decide import layer_logits
from phototag.records import Vectors
from phototag.train.examples import vocabulary
from phototag.train.head import Fitted, HeadTrainer, Lesson, _weights
from phototag.train.history import mean_history
from phototag.train.request import HeadSettings
from tests.train.labelled import clusters

_SETTINGS = HeadSettings(epochs=30)


def _fit(
    learn: Lesson, check: Lesson | None, activation: Literal["softmax", "sigmoid"], settings: HeadSettings
) -> Fitted:
    size, classes = learn.embeddings.shape[1], learn.targets.shape[1]
    return HeadTrainer(size, classes, activation, settings).fit(learn, check)


def _lesson(counts: dict[str, int], *, size: int = 16, one_category: bool = True) -> Lesson:
    examples = clusters(counts, size=size)
    words = vocabulary(examples, one_category=one_category)
    return Lesson(np.stack([one.embedding for one in examples]), words.targets(examples))


def _halves(lesson: Lesson) -> tuple[Lesson, Lesson]:
    return (
        Lesson(lesson.embeddings[::2], lesson.targets[::2]),
        Lesson(lesson.embeddings[1::2], lesson.targets[1::2]),
    )


def _accuracy(fitted: Fitted, lesson: Lesson) -> float:
    said = layer_logits(lesson.embeddings, fitted.layers).argmax(axis=1)
    return float((said == lesson.targets.argmax(axis=1)).mean())


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        pytest.param({"a": 20, "b": 20}, 0, id="two categories"),
        pytest.param({"a": 20, "b": 20, "c": 20, "d": 20}, 0, id="four categories"),
        pytest.param({"a": 60, "b": 6}, 0, id="one much larger than the other"),
        pytest.param({"a": 20, "b": 20, "c": 20}, 12, id="an inner layer"),
    ],
)
def test_a_head_learns_what_can_be_told_apart(counts: dict[str, int], hidden: int) -> None:
    learn, check = _halves(_lesson(counts, size=256))
    fitted = _fit(learn, check, "softmax", replace(_SETTINGS, hidden=hidden))
    assert _accuracy(fitted, check) == 1
    assert [layer.kernel.shape[1] for layer in fitted.layers] == ([hidden] if hidden else []) + [len(counts)]


def test_a_head_learns_several_labels_a_photo() -> None:
    learn, check = _halves(_lesson({"a": 20, "b": 20, "a+b": 20, "-": 20}, one_category=False))
    fitted = _fit(learn, check, "sigmoid", _SETTINGS)
    said = layer_logits(check.embeddings, fitted.layers) > 0
    assert (said == (check.targets > 0)).mean() > 0.97


def _bytes(fitted: Fitted) -> bytes:
    return b"".join(layer.kernel.tobytes() + layer.bias.tobytes() for layer in fitted.layers)


def test_the_same_seed_gives_the_same_head_and_another_one_another() -> None:
    learn, check = _halves(_lesson({"a": 20, "b": 20, "c": 20}))
    first, again, other = (_fit(learn, check, "softmax", replace(_SETTINGS, seed=seed)) for seed in (1, 1, 2))
    assert _bytes(first) == _bytes(again)
    assert _bytes(first) != _bytes(other)


@pytest.mark.parametrize("hidden", [0, 4], ids=["a linear head", "an inner layer"])
def test_a_head_does_not_depend_on_those_its_trainer_trained_before(hidden: int) -> None:
    learn, check = _halves(_lesson({"a": 20, "b": 20, "c": 20}))
    trainer = HeadTrainer(16, 3, "softmax", replace(_SETTINGS, hidden=hidden))
    first = trainer.fit(learn, check)
    other = trainer.fit(check, None, epochs=3)
    assert len(other.history) == 3
    assert _bytes(trainer.fit(learn, check)) == _bytes(first) != _bytes(other)


def test_a_photo_and_its_views_together_count_for_as_much_as_a_photo_without_any() -> None:
    lesson = _lesson({"a": 20, "b": 20})
    assert _weights(lesson, balanced=True) == pytest.approx(np.ones(40))
    views = np.concatenate([np.repeat([[1, 0]], 20, axis=0), np.repeat([[0, 1]], 80, axis=0)]).astype(np.float32)
    shared = np.repeat(np.array([1, 1 / 4], np.float32), [20, 80])
    weights = _weights(Lesson(np.zeros((100, 16), np.float32), views, shared), balanced=True)
    assert weights[20:].sum() == pytest.approx(weights[:20].sum())


def test_training_stops_when_the_photos_to_check_with_stop_improving_and_keeps_the_best() -> None:
    learn, check = _halves(_lesson({"a": 10, "b": 10}))
    wrong = Lesson(check.embeddings, check.targets[:, ::-1].copy())
    fitted = _fit(learn, wrong, "softmax", replace(_SETTINGS, epochs=1000))
    assert fitted.epochs <= 1
    assert _accuracy(_fit(learn, None, "softmax", replace(_SETTINGS, epochs=30)), check) == 1


def test_layers_take_embeddings_as_the_network_gives_them() -> None:
    lesson = _lesson({"a": 20, "b": 20})
    shifted = Lesson(lesson.embeddings * 50 + 1000, lesson.targets)
    fitted = _fit(shifted, None, "softmax", _SETTINGS)
    assert _accuracy(fitted, shifted) == 1
    assert layer_logits(shifted.embeddings, fitted.layers) == pytest.approx(
        layer_logits(lesson.embeddings, _fit(lesson, None, "softmax", _SETTINGS).layers), abs=0.05
    )


def test_embeddings_that_are_all_the_same_do_no_harm() -> None:
    targets: Vectors = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    fitted = _fit(Lesson(np.ones((4, 3), np.float32), targets), None, "softmax", _SETTINGS)
    assert all(np.isfinite(layer.kernel).all() for layer in fitted.layers)


def test_each_epoch_is_recorded() -> None:
    learn, check = _halves(_lesson({"a": 20, "b": 20}))
    history = _fit(learn, check, "softmax", _SETTINGS).history
    assert [epoch.number for epoch in history] == list(range(1, len(history) + 1))
    assert history[-1].loss < history[0].loss
    assert history[-1].check_accuracy == 1
    assert _fit(learn, None, "softmax", _SETTINGS).history[-1].as_dict()["check_loss"] is None
    shorter = mean_history([history, history[:2]])
    assert [epoch.loss for epoch in shorter] == [epoch.loss for epoch in history[:2]]


@pytest.mark.parametrize("checked", [True, False], ids=["with photos to check with", "without"])
def test_a_head_stops_at_the_accuracy_asked_for(checked: bool) -> None:
    lesson = _lesson({"a": 30, "b": 30, "c": 30})
    whole = _fit(lesson, lesson if checked else None, "softmax", HeadSettings(epochs=40, dropout=0))
    found = _fit(
        lesson, lesson if checked else None, "softmax", HeadSettings(epochs=40, dropout=0, stop_at_accuracy=0.9)
    )
    assert found.history[-1].accuracy >= 0.9
    assert all(epoch.accuracy < 0.9 for epoch in found.history[:-1])
    assert len(found.history) < len(whole.history)
