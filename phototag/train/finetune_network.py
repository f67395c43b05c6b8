"""Features in, a network's upper part and head trained together out: steps, schedule, checkpoints, history."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from phototag.backbone.lower import Features
from phototag.backbone.trial import Batches, is_out_of_memory
from phototag.errors import ModelError
from phototag.records import Dense, Vectors
from phototag.train.finetune_views import Views
from phototag.train.history import Epoch
from phototag.train.request import TuneSettings

_log = logging.getLogger(__name__)

_SMOOTHING = 0.1
_WARM_UP = 0.1
_BATCH_LEAST, _BATCH_MOST = 8, 32
_STEPS_LEAST, _EPOCHS_MOST = 120, 24
_PREDICTED_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be learned from which photos.

    Attributes:
        views: of all photos.
        targets: `(photos, classes) float32`, 0 or 1.
        learn: numbers of the photos to learn from.
        check: numbers of the photos to check with; may be none.
        activation: of the last layer.
    """

    views: Views
    targets: Vectors
    learn: npt.NDArray[np.intp]
    check: npt.NDArray[np.intp]
    activation: Literal["softmax", "sigmoid"]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of it.

    Attributes:
        layers: the head, for embeddings as the upper part gives them; the last layer gives logits.
        epochs: how many were kept.
        history: every epoch that was run.
    """

    layers: tuple[Dense, ...]
    epochs: int
    history: tuple[Epoch, ...]


class Pupil:
    """An upper part with a head on it, in training.

    Args:
        upper: from features to embeddings; is changed.
        classes: width of the last layer.
        activation: of the last layer; two classes that exclude each other are one sigmoid output.
        settings: how.
    """

    def __init__(
        self, upper: keras.Model, classes: int, activation: Literal["softmax", "sigmoid"], settings: TuneSettings
    ) -> None:
        keras.utils.set_random_seed(settings.seed)
        tf.config.experimental.enable_op_determinism()
        self._settings, self._activation = settings, activation
        self._single = activation == "softmax" and classes == 2
        self._upper = upper
        self._head = [keras.layers.Dense(1 if self._single else classes, kernel_initializer="zeros", dtype="float32")]
        if settings.hidden:
            self._head.insert(0, keras.layers.Dense(settings.hidden, activation="relu", dtype="float32"))
        features = keras.Input(upper.input.shape[1:])
        x = upper(features, training=False)
        for layer in self._head:
            x = layer(keras.layers.Dropout(settings.dropout)(x))
        self.model = keras.Model(features, x)
        optimizer: Any = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
        self._mixed = keras.config.dtype_policy().name == "mixed_float16"
        self._optimizer = keras.optimizers.LossScaleOptimizer(optimizer) if self._mixed else optimizer
        self._optimizer.build(self.model.trainable_variables)
        self._step = tf.function(self._learn)
        self._embeddings, self._answers = _applied(upper), _applied(self.model)

    @property
    def variables(self) -> list[Any]:
        """All that a checkpoint holds."""
        return [*self.model.variables, *self._optimizer.variables]

    @property
    def layers(self) -> tuple[Dense, ...]:
        """The head as it is now."""
        layers = [Dense(*(np.array(array, np.float32) for array in layer.get_weights())) for layer in self._head]
        if self._single:  # sigmoid(z) is the second part of softmax(0, z)
            kernel, bias = layers[-1].kernel, layers[-1].bias
            layers[-1] = Dense(np.concatenate([0 * kernel, kernel], 1), np.concatenate([0 * bias, bias]))
        return tuple(layers)

    def learn(self, features: Features, targets: Vectors, rate: float) -> Vectors:
        """One step; `(2,)`: the mean loss and the part of right answers."""
        inner = self._optimizer.inner_optimizer if self._mixed else self._optimizer
        inner.learning_rate.assign(rate)
        return np.asarray(self._step(features, self._asked(targets)))

    def check(self, features: Features, targets: Vectors) -> npt.NDArray[np.float64]:
        """`(2,)`: the mean loss, without smoothing, and the part of right answers."""
        logits, asked = self._answers(features), self._asked(targets)
        return np.array([self._loss(asked, logits, 0.0), self._right(asked, logits)], np.float64)

    def embed(self, features: Features) -> Vectors:
        """`(N, D) float32`, as the upper part gives them now."""
        if not len(features):
            return np.empty((0, self._upper.output.shape[-1]), np.float32)
        return self._embeddings(features)

    def _asked(self, targets: Vectors) -> Vectors:
        return targets[:, 1:] if self._single else targets

    def _learn(self, features: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.model(tf.cast(features, tf.float32), training=True)
            loss = self._loss(targets, logits, _SMOOTHING)
            scaled = self._optimizer.scale_loss(loss) if self._mixed else loss
        variables = self.model.trainable_variables
        self._optimizer.apply(tape.gradient(scaled, variables), variables)
        return tf.stack([loss, self._right(targets, logits)])

    def _loss(self, targets: Any, logits: Any, smoothing: float) -> Any:
        if self._activation == "softmax" and not self._single:
            losses = keras.losses.categorical_crossentropy(targets, logits, from_logits=True, label_smoothing=smoothing)
        else:
            losses = keras.losses.binary_crossentropy(targets, logits, from_logits=True, label_smoothing=smoothing)
        return tf.reduce_mean(losses)

    def _right(self, targets: Any, logits: Any) -> Any:
        if self._activation == "softmax" and not self._single:
            same = tf.equal(tf.argmax(targets, axis=1), tf.argmax(logits, axis=1))
        else:
            same = tf.equal(targets > 0.5, logits > 0)
        return tf.reduce_mean(tf.cast(same, tf.float32))


def _applied(model: keras.Model) -> Batches:
    """A model for any number of rows, some at once, and fewer where memory is short."""
    run = tf.function(lambda rows: model(tf.cast(rows, tf.float32), training=False))
    return Batches(lambda rows: np.asarray(run(rows), np.float32), _PREDICTED_AT_ONCE)


def epochs_for(photos: int, settings: TuneSettings) -> int:
    """How many epochs so many photos are to be shown, by default: few photos oftener, for enough steps."""
    if settings.epochs:
        return settings.epochs
    steps = max(photos // batch_for(photos), 1)
    return max(settings.usual_epochs, min(-(-_STEPS_LEAST // steps), _EPOCHS_MOST))


def batch_for(photos: int) -> int:
    """How many photos a step learns from."""
    return min(photos, int(np.clip(photos // 10, _BATCH_LEAST, _BATCH_MOST)))


def train_network(
    pupil: Pupil,
    task: Task,
    settings: TuneSettings,
    checkpoint: Path,
    deadline: float,
    tell: Callable[[str], None],
) -> Trained:
    """Train until the epochs are over, the photos to check with stop improving, or the time is up.

    After each epoch the state is written down; called again with the same checkpoint, training goes on there. Where
    the first epoch shows that the time will not suffice for all, there are fewer, and the rate falls accordingly.

    Args:
        pupil: is changed; holds the best epoch's weights afterwards.
        task: what to learn.
        settings: how.
        checkpoint: a file of its own.
        deadline: on `time.monotonic`'s clock.
        tell: is told which epoch is next.

    Raises:
        ModelError: memory does not suffice for a single photo.
    """
    state = _State(epochs_for(len(task.learn), settings), batch_for(len(task.learn)))
    state = _restored(pupil, checkpoint) or state
    best = [_value(variable) for variable in pupil.model.variables] if state.best is None else state.best
    while state.done < state.planned and state.done - state.kept < settings.patience:
        began = time.monotonic()
        tell(f"epoch {state.done + 1} of {state.planned}")
        state = _epoch(pupil, task, settings, state)
        if state.kept == state.done:
            best = [_value(variable) for variable in pupil.model.variables]
        left, took = deadline - time.monotonic(), time.monotonic() - began
        affordable = state.done + max(int(left / took), 0)
        stop = settings.stop_at_accuracy is not None and state.history[-1].accuracy >= settings.stop_at_accuracy
        planned = state.done if stop else min(state.planned, affordable)
        if planned < state.planned and not stop:
            _log.warning("the time suffices for %d of %d epochs", planned, state.planned)
        state = replace(state, planned=planned)
        _remember(pupil, state, best, checkpoint)
    for variable, value in zip(pupil.model.variables, best, strict=True):
        variable.assign(value)
    return Trained(pupil.layers, state.kept, state.history)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Where training stands; all of it but `best` is in a checkpoint's head."""

    planned: int
    batch: int
    done: int = 0
    kept: int = 0
    history: tuple[Epoch, ...] = ()
    best: Any = None


def _epoch(pupil: Pupil, task: Task, settings: TuneSettings, state: _State) -> _State:
    features = task.views.of_epoch(state.done)
    order = np.random.default_rng([settings.seed, state.done]).permutation(task.learn)
    batch, figures, seen = state.batch, [], 0
    while seen + batch <= len(order):
        chosen = order[seen : seen + batch]
        rate = settings.learning_rate * _rate((state.done + seen / len(order)) / state.planned)
        try:
            figures.append(pupil.learn(features[chosen], task.targets[chosen], rate))
        except tf.errors.OpError as exc:
            if not is_out_of_memory(exc):
                raise
            if batch == 1:
                raise ModelError("the memory does not suffice to train the network: use --fine-tune off") from exc
            batch //= 2
            _log.warning("the memory is short: %d photos at once from here on", batch)
            continue
        seen += batch
    loss, accuracy = map(float, np.mean(figures, axis=0))
    epoch = Epoch("network", state.done + 1, loss, accuracy)
    if len(task.check):
        checked = pupil.check(task.views.plain[task.check], task.targets[task.check])
        epoch = replace(epoch, check_loss=float(checked[0]), check_accuracy=float(checked[1]))
    history = (*state.history, epoch)
    best = max(history, key=_merit(task.activation)) if len(task.check) else epoch
    return replace(state, batch=batch, done=state.done + 1, kept=best.number, history=history)


def _merit(activation: str) -> Callable[[Epoch], tuple[float, ...]]:
    """Of two epochs, the one with more right is better, and at the same number the less surprised; later ones lose
    ties. Where a photo may have several words, nearly all answers are "no", and the surprise decides.
    """
    if activation == "sigmoid":
        return lambda epoch: (-(epoch.check_loss or 0.0),)
    return lambda epoch: (epoch.check_accuracy or 0.0, -(epoch.check_loss or 0.0))


def _rate(part: float) -> float:
    """The part of the full learning rate at a part of the way: a short rise, then half a cosine wave down."""
    if part < _WARM_UP:
        return (part + 0.01) / (_WARM_UP + 0.01)
    return float(0.5 * (1 + np.cos(np.pi * (part - _WARM_UP) / (1 - _WARM_UP))))


def _remember(pupil: Pupil, state: _State, best: list[Any], checkpoint: Path) -> None:
    head = {
        "planned": state.planned,
        "batch": state.batch,
        "done": state.done,
        "kept": state.kept,
        "history": [epoch.as_dict() for epoch in state.history],
    }
    fresh = checkpoint.with_suffix(".new")
    with fresh.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            head=np.array(json.dumps(head)),
            **{f"now{n}": _value(variable) for n, variable in enumerate(pupil.variables)},
            **{f"best{n}": array for n, array in enumerate(best)},
        )
    fresh.replace(checkpoint)


def _restored(pupil: Pupil, checkpoint: Path) -> _State | None:
    """Bring the pupil to where a checkpoint stands; None where there is none or it cannot be read."""
    try:
        with np.load(checkpoint, allow_pickle=False) as arrays:
            head = json.loads(str(arrays["head"]))
            now = [arrays[f"now{n}"] for n in range(len(pupil.variables))]
            best = [arrays[f"best{n}"] for n in range(len(pupil.model.variables))]
        history = tuple(Epoch(**epoch) for epoch in head.pop("history"))
        state = _State(**head, history=history, best=best)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        _log.warning("%s cannot be used (%s): training begins anew", checkpoint, exc)
        return None
    for variable, value in zip(pupil.variables, now, strict=True):
        variable.assign(value)
    return state


def _value(variable: Any) -> npt.NDArray[Any]:
    """A copy, which does not change with the variable."""
    return np.array(keras.ops.convert_to_numpy(variable))
