"""Embeddings and what is on them in, the layers of a head out. The only module of training that needs Keras.

A head learns on embeddings that are centred and scaled by one number, which is folded into its first layer afterwards,
so that a bundle's layers take embeddings as the network gives them.
"""

from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from phototag.records import Dense, Vectors
from phototag.train.history import Epoch
from phototag.train.request import HeadSettings

_WEIGHT_DECAY = 1.0
_MOMENTUM = 0.9
_LENGTH = 1280.0
"""Mean squared length of what goes into the first layer, so that a learning rate means the same for all networks."""
_PATIENCE = 10
_STEPS_AN_EPOCH = 10
_BATCH_LEAST, _BATCH_MOST = 16, 512
_WEIGHT_MOST = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Embeddings and what is on them.

    Attributes:
        embeddings: `(N, D) float32`, as the network gives them.
        targets: `(N, classes) float32`, 0 or 1.
        weights: `(N,) float32`, what each counts for; None: all the same.
    """

    embeddings: Vectors
    targets: Vectors
    weights: "Vectors | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained head.

    Attributes:
        layers: for embeddings as the network gives them; the last one gives logits.
        epochs: after how many it was best on the photos to check with, or all that were asked for.
        history: every epoch that was run.
    """

    layers: tuple[Dense, ...]
    epochs: int
    history: tuple[Epoch, ...]


class HeadTrainer:
    """Trains one head after another from the same beginning: making it ready for Keras takes longer than training it.

    Args:
        size: of an embedding.
        classes: width of the last layer.
        activation: of the last layer.
        settings: how.
    """

    def __init__(
        self, size: int, classes: int, activation: Literal["softmax", "sigmoid"], settings: HeadSettings
    ) -> None:
        self._activation, self._settings = activation, settings
        # The head is small and its inputs are in main memory; a GPU would be slower, and less repeatable.
        with keras.device("cpu:0"):
            keras.utils.set_random_seed(settings.seed)
            self._model = _model(size, classes, activation, settings)
            self._model.optimizer.build(self._model.trainable_variables)
            self._variables = [*self._model.variables, *self._model.optimizer.variables]  # what dropout draws from too
            self._beginning = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._variables]

    def fit(self, learn: Lesson, check: Lesson | None, *, epochs: int | None = None) -> Fitted:
        """Train a head; the same inputs give the same layers on the same machine, whatever was trained before.

        Small categories weigh more: each photo by one over the square root of its category's size (softmax).

        Args:
            learn: what it learns from, in an order that does not change; at least one photo.
            check: decides when to stop and which epoch is kept; None trains for all epochs.
            epochs: at most; None: as the settings say.
        """
        order = np.random.default_rng(self._settings.seed)
        centre, scale = learn.embeddings.mean(axis=0), _spread(learn.embeddings)
        inputs = (learn.embeddings - centre) / scale
        weights = _weights(learn, balanced=self._activation == "softmax")
        batches = -(-len(inputs) // int(np.clip(len(inputs) // _STEPS_AN_EPOCH, _BATCH_LEAST, _BATCH_MOST)))
        size = len(inputs) // batches
        enough = self._settings.stop_at_accuracy or np.inf
        with keras.device("cpu:0"):
            for variable, value in zip(self._variables, self._beginning, strict=True):
                variable.assign(value)
            model = self._model
            best, best_loss, best_epoch = model.get_weights(), np.inf, 0
            history: list[Epoch] = []
            for epoch in range(1, (self._settings.epochs if epochs is None else epochs) + 1):
                # `fit` costs 0.1 s an epoch before it computes anything; these heads take a few milliseconds.
                # Batches are equally large, so that Keras traces one shape; the few photos over are others each time.
                figures = [
                    model.train_on_batch(inputs[batch], learn.targets[batch], sample_weight=weights[batch])
                    for batch in order.permutation(len(inputs))[: batches * size].reshape(batches, size)
                ]
                loss, accuracy = map(float, np.mean(figures, axis=0))
                if check is None:
                    best_epoch = epoch
                    history.append(Epoch("head", epoch, loss, accuracy))
                else:
                    known = model.test_on_batch((check.embeddings - centre) / scale, check.targets)
                    history.append(Epoch("head", epoch, loss, accuracy, *map(float, known)))
                    if known[0] < best_loss:
                        best, best_loss, best_epoch = model.get_weights(), known[0], epoch
                if epoch - best_epoch >= _PATIENCE or accuracy >= enough:
                    break
            if check is None:
                best = model.get_weights()
        return Fitted(_fold(best, centre, scale), best_epoch, tuple(history))


def _model(size: int, classes: int, activation: str, settings: HeadSettings) -> Any:
    layers: list[Any] = [keras.Input((size,)), keras.layers.Dropout(settings.dropout)]
    if settings.hidden:
        layers += [keras.layers.Dense(settings.hidden, activation="relu"), keras.layers.Dropout(settings.dropout)]
    layers.append(keras.layers.Dense(classes, kernel_initializer="zeros"))
    model = keras.Sequential(layers)
    losses = {"softmax": keras.losses.CategoricalCrossentropy, "sigmoid": keras.losses.BinaryCrossentropy}
    # Keras takes the mean over independent classes, each of which is to learn as quickly as if it were alone.
    rate = settings.learning_rate * (classes if activation == "sigmoid" else 1)
    right = keras.metrics.BinaryAccuracy(threshold=0.0) if activation == "sigmoid" else "categorical_accuracy"
    model.compile(
        # Adam moves every dimension as far, also those that tell nothing: see docs/training.md for what that costs.
        optimizer=keras.optimizers.SGD(rate, momentum=_MOMENTUM, nesterov=True, weight_decay=_WEIGHT_DECAY),
        loss=losses[activation](from_logits=True),
        metrics=[right],
        jit_compile=False,  # compiling takes longer than training
    )
    return model


def _spread(embeddings: Vectors) -> float:
    """One scale for all dimensions: on ten photos a category, a scale for each is mostly noise."""
    return float(np.sqrt(embeddings.var(axis=0).sum() / _LENGTH)) or 1.0


def _weights(lesson: Lesson, *, balanced: bool) -> Vectors:
    """A weight for each embedding, 1 on average: its own and, if they are balanced, by the size of its category."""
    weights = np.ones(len(lesson.embeddings), np.float32) if lesson.weights is None else lesson.weights
    if balanced:
        counts = np.maximum(weights @ lesson.targets, 1)
        weights = weights * np.minimum(lesson.targets @ np.sqrt(counts.max() / counts), _WEIGHT_MOST)
    return np.asarray(weights / weights.mean(), np.float32)


def _fold(weights: list[Vectors], centre: Vectors, scale: float) -> tuple[Dense, ...]:
    """Kernels and biases as Keras lists them, made to take embeddings that are neither centred nor scaled."""
    layers = [Dense(kernel, bias) for kernel, bias in zip(weights[::2], weights[1::2], strict=True)]
    kernel = layers[0].kernel / np.float32(scale)
    layers[0] = Dense(kernel, layers[0].bias - centre @ kernel)
    return tuple(layers)
