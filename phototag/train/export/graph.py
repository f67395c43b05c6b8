"""A bundle in, one TensorFlow function from pixels to scores out: what `decide.scores` does, as a graph."""

from typing import Any

import numpy as np
import tensorflow as tf

from phototag.backbone.pretrained import load_pretrained
from phototag.bundle import Bundle
from phototag.records import Classifier, Neighbours, Votes


class Scorer(tf.Module):  # type: ignore[misc]
    """Network, head, the training photos' votes, and calibration.

    Args:
        bundle: the model.
        scale: what pixels are multiplied by to be 0 to 255.
    """

    def __init__(self, bundle: Bundle, scale: float = 1.0) -> None:
        super().__init__()
        self.network = load_pretrained(bundle.network)
        self.scale = scale
        self.classifier = bundle.classifier
        size = bundle.network.image_size
        self.signature = tf.TensorSpec((None, size, size, 3), tf.float32, name="pixels")
        self.score = tf.function(self._score, input_signature=[self.signature])

    def _score(self, pixels: Any) -> dict[str, Any]:
        x = self.network(pixels * self.scale, training=False)
        *inner, last = self.classifier.layers
        hidden = x
        for layer in inner:
            hidden = tf.nn.relu(hidden @ tf.constant(layer.kernel) + tf.constant(layer.bias))
        logits = hidden @ tf.constant(last.kernel) + tf.constant(last.bias)
        if self.classifier.neighbours is not None and self.classifier.neighbours.votes is not None:
            logits += _voted(x, self.classifier.neighbours, self.classifier.neighbours.votes)
        return {"scores": tf.identity(_pooled(logits, self.classifier), name="scores")}


def _voted(embeddings: Any, neighbours: Neighbours, votes: Votes) -> Any:
    """What the training photos' votes add to each class's logit, as `decide.with_votes`."""
    spread = tf.sign(embeddings) * tf.sqrt(tf.abs(embeddings))
    unit = spread / tf.maximum(tf.norm(spread, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    apart = 1.0 - unit @ tf.constant(neighbours.embeddings.T)
    cast = tf.exp(apart / -votes.reach) @ tf.constant(votes.shares)
    return votes.weight * (cast - 0.5)


def _pooled(logits: Any, classifier: Classifier) -> Any:
    """A score for each label: the sum of its classes' probabilities, or the largest of them where they are sigmoids."""
    labels, classes = classifier.labels, classifier.layers[-1].bias.shape[0]
    single = all(len(label.classes) == 1 for label in labels)
    if classifier.activation == "softmax" or single:
        belongs = np.zeros((classes, len(labels)), np.float32)
        for column, label in enumerate(labels):
            belongs[list(label.classes), column] = 1
        chances = tf.nn.softmax(logits) if classifier.activation == "softmax" else tf.sigmoid(logits)
        return tf.minimum(chances @ tf.constant(belongs), 1.0)
    chances = tf.sigmoid(logits)
    columns = [tf.reduce_max(tf.gather(chances, list(label.classes), axis=1), axis=1) for label in labels]
    return tf.stack(columns, axis=1)
