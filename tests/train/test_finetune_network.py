"""Steps, schedule, stopping, checkpoints: on a small real network and features made up on the spot."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from phototag.backbone.lower import Features
from phototag.errors import ModelError
from phototag.records import Vectors
from phototag.train.finetune_network import Pupil, Task, Trained, batch_for, epochs_for, train_network
from phototag.train.request import TuneSettings

_SETTINGS = TuneSettings(epochs=5, learning_rate=0.02, dropout=0.1)
_FOREVER = 1e12


@dataclass(frozen=True)
class _Fixed:
    """Views that do not change."""

    plain: Features

    def of_epoch(self, epoch: int) -> Features:
        return self.plain + np.float16(0.01 * epoch)


def _task(classes: int = 3, count: int = 60, activation: str = "softmax") -> Task:
    random = np.random.default_rng(0)
    targets: Vectors = np.eye(classes, dtype=np.float32)[np.arange(count) % classes]
    centres = random.normal(size=(classes, 8))
    features = (targets @ centres + 0.3 * random.normal(size=(count, 8))).astype(np.float16)
    rows = np.arange(count)
    return Task(_Fixed(features), targets, rows[: count * 2 // 3], rows[count * 2 // 3 :], activation)  # type: ignore[arg-type]


def _pupil(classes: int = 3, activation: str = "softmax", settings: TuneSettings = _SETTINGS) -> Pupil:
    keras.utils.set_random_seed(0)
    features = keras.Input((8,))
    upper = keras.Model(features, keras.layers.Dense(6, activation="relu")(features))
    return Pupil(upper, classes, activation, settings)  # type: ignore[arg-type]


def _train(
    task: Task,
    checkpoint: Path,
    *,
    pupil: Pupil | None = None,
    settings: TuneSettings = _SETTINGS,
    deadline: float = _FOREVER,
    tell: Callable[[str], None] = lambda what: None,
) -> Trained:
    own = pupil or _pupil(task.targets.shape[1], task.activation, settings)
    return train_network(own, task, settings, checkpoint, deadline, tell)


def _bytes(trained: Trained) -> bytes:
    return b"".join(layer.kernel.tobytes() + layer.bias.tobytes() for layer in trained.layers)


@pytest.mark.parametrize(("classes", "activation"), [(2, "softmax"), (3, "softmax"), (3, "sigmoid")])
def test_what_can_be_told_apart_is_learned(classes: int, activation: str, tmp_path: Path) -> None:
    task = _task(classes, activation=activation)
    pupil = _pupil(classes, activation)
    trained = _train(task, tmp_path / "c.npz", pupil=pupil)
    assert (trained.history[-1].check_accuracy or 0) > 0.9
    logits = pupil.embed(task.views.plain) @ trained.layers[-1].kernel + trained.layers[-1].bias
    np.testing.assert_array_equal(logits.argmax(axis=1), task.targets.argmax(axis=1))


def test_two_categories_are_one_output_while_they_are_learned() -> None:
    pupil = _pupil(2)
    assert pupil.model.output.shape == (None, 1)
    assert pupil.layers[-1].kernel.shape == (6, 2)


def test_an_inner_layer_is_trained_too(tmp_path: Path) -> None:
    trained = _train(_task(), tmp_path / "c.npz", settings=replace(_SETTINGS, hidden=5))
    assert [layer.kernel.shape for layer in trained.layers] == [(6, 5), (5, 3)]


def test_after_a_kill_training_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    whole = _train(_task(), tmp_path / "whole.npz")

    def kill(what: str) -> None:
        if what == "epoch 3 of 5":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(_task(), tmp_path / "killed.npz", tell=kill)
    told: list[str] = []
    resumed = _train(_task(), tmp_path / "killed.npz", tell=told.append)
    assert told == ["epoch 3 of 5", "epoch 4 of 5", "epoch 5 of 5"]
    assert _bytes(resumed) == _bytes(whole)
    assert [epoch.as_dict() for epoch in resumed.history] == [epoch.as_dict() for epoch in whole.history]


def test_a_damaged_checkpoint_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "c.npz").write_bytes(b"nothing")
    assert len(_train(_task(), tmp_path / "c.npz").history) == 5
    assert "training begins anew" in caplog.text


def test_when_the_time_is_up_it_ends_after_the_epoch(tmp_path: Path) -> None:
    trained = _train(_task(), tmp_path / "c.npz", deadline=0)
    assert len(trained.history) == 1


def test_it_stops_at_the_accuracy_asked_for(tmp_path: Path) -> None:
    trained = _train(_task(), tmp_path / "c.npz", settings=replace(_SETTINGS, epochs=50, stop_at_accuracy=0.9))
    assert trained.history[-1].accuracy >= 0.9
    assert len(trained.history) < 50


def test_it_stops_when_the_photos_to_check_with_get_worse_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    task = _task()
    wrong = task.targets.copy()
    wrong[task.check] = np.roll(wrong[task.check], 1, axis=1)
    pupil = _pupil()
    trained = _train(
        replace(task, targets=wrong), tmp_path / "c.npz", pupil=pupil, settings=replace(_SETTINGS, epochs=50)
    )
    assert len(trained.history) < 50
    found = pupil.check(task.views.plain[task.check], wrong[task.check])
    assert found[0] == pytest.approx(trained.history[trained.epochs - 1].check_loss, abs=1e-5)


class _Small(Pupil):
    """A pupil on a device whose memory takes so many photos at once."""

    def __init__(self, most: int) -> None:
        self._own = _pupil()
        self.__dict__.update(self._own.__dict__)
        self._most, self.sizes = most, list[int]()

    def learn(self, features: Features, targets: Vectors, rate: float) -> Vectors:
        if len(features) > self._most:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        self.sizes.append(len(features))
        return super().learn(features, targets, rate)


def test_where_memory_is_short_the_batch_is_halved_and_every_photo_still_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pupil = _Small(3)
    _train(_task(count=96), tmp_path / "c.npz", pupil=pupil, settings=replace(_SETTINGS, epochs=2))
    assert set(pupil.sizes) == {2}
    assert len(pupil.sizes) == 2 * 32
    assert caplog.text.count("the memory is short") == 2
    with pytest.raises(ModelError, match="--fine-tune off"):
        _train(_task(), tmp_path / "d.npz", pupil=_Small(0))


def test_few_photos_are_shown_oftener() -> None:
    usual = TuneSettings()
    assert epochs_for(600, usual) == usual.usual_epochs
    assert epochs_for(50, usual) > 2 * usual.usual_epochs
    assert epochs_for(50, replace(usual, epochs=3)) == 3
    assert (batch_for(5), batch_for(50), batch_for(5000)) == (5, 8, 32)
