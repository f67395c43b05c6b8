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

_WEIGHT_DECAY = 1e-2
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
    """

    embeddings: Vectors
    targets: Vectors


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


def fit_head(
    learn: Lesson, check: Lesson | None, activation: Literal["softmax", "sigmoid"], settings: HeadSettings
) -> Fitted:
    """Train a head; the same inputs give the same layers on the same machine.

    Small categories weigh more: each photo by one over the square root of its category's size (softmax).

    Args:
        learn: what it learns from, in an order that does not change; at least one photo.
        check: decides when to stop and which epoch is kept; None trains for all of `settings.epochs`.
        activation: of the last layer.
        settings: how.
    """
    keras.utils.set_random_seed(settings.seed)
    order = np.random.default_rng(settings.seed)
    centre, scale = learn.embeddings.mean(axis=0), _spread(learn.embeddings)
    inputs = (learn.embeddings - centre) / scale
    weights = _weights(learn.targets) if activation == "softmax" else np.ones(len(inputs), np.float32)
    batches = -(-len(inputs) // int(np.clip(len(inputs) // _STEPS_AN_EPOCH, _BATCH_LEAST, _BATCH_MOST)))
    size = len(inputs) // batches
    # The head is small and its inputs are in main memory; a GPU would be slower, and less repeatable.
    with keras.device("cpu:0"):
        model = _model(inputs.shape[1], learn.targets.shape[1], activation, settings)
        best, best_loss, best_epoch = model.get_weights(), np.inf, 0
        history: list[Epoch] = []
        for epoch in range(1, settings.epochs + 1):
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
            if epoch - best_epoch >= _PATIENCE or accuracy >= (settings.stop_at_accuracy or np.inf):
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
    right = keras.metrics.BinaryAccuracy(threshold=0.0) if activation == "sigmoid" else "categorical_accuracy"
    model.compile(
        optimizer=keras.optimizers.AdamW(settings.learning_rate, weight_decay=_WEIGHT_DECAY),
        loss=losses[activation](from_logits=True),
        metrics=[right],
        jit_compile=False,  # compiling takes longer than training
    )
    return model


def _spread(embeddings: Vectors) -> float:
    """One scale for all dimensions: on ten photos a category, a scale for each is mostly noise."""
    return float(embeddings.std(axis=0).mean()) or 1.0


def _weights(targets: Vectors) -> Vectors:
    """A weight for each photo by the size of its category, 1 on average."""
    counts = np.maximum(targets.sum(axis=0), 1)
    weights = np.minimum(targets @ np.sqrt(counts.max() / counts), _WEIGHT_MOST)
    return np.asarray(weights / weights.mean(), np.float32)


def _fold(weights: list[Vectors], centre: Vectors, scale: float) -> tuple[Dense, ...]:
    """Kernels and biases as Keras lists them, made to take embeddings that are neither centred nor scaled."""
    layers = [Dense(kernel, bias) for kernel, bias in zip(weights[::2], weights[1::2], strict=True)]
    kernel = layers[0].kernel / np.float32(scale)
    layers[0] = Dense(kernel, layers[0].bias - centre @ kernel)
    return tuple(layers)
