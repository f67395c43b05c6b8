"""Examples in; out come a head, and what heads that had not seen them say of the photos to check with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phototag.decide import layer_logits
from phototag.records import Dense, Vectors
from phototag.train.embed import Example, seen
from phototag.train.examples import Vocabulary, fold
from phototag.train.history import Epoch, mean_history
from phototag.train.request import HeadSettings

_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A head and its trial.

    Attributes:
        layers: for embeddings as the network gives them; the last one gives logits.
        tried: photos to check with.
        logits: `(tried, classes) float32`, each row from a head that has not learned from that photo.
        apart: whether the photos tried are others than those learned from, rather than parts of them in turn.
        history: how it learned; where photos were held out in turn, the mean of those heads.
        by_heart: whether the network itself has learned from the photos learned from: to it, they lie closer together
            than other photos of their categories do.
    """

    layers: tuple[Dense, ...]
    tried: tuple[Example, ...]
    logits: Vectors
    apart: bool
    history: tuple[Epoch, ...] = ()
    by_heart: bool = False


def teach(learned: Sequence[Example], checked: Sequence[Example], words: Vocabulary, settings: HeadSettings) -> Taught:
    """Train a head and try it on photos it has not seen.

    With photos to check with, they decide when to stop. Without, five heads are trained on four fifths each and tried
    on the rest; the head that is kept then learns from all photos, for as many epochs as the five took.

    Args:
        learned: photos to learn from, ordered by content.
        checked: photos to check with, ordered by content; may be none.
        words: what is on them.
        settings: how.
    """
    # TensorFlow takes seconds to load: after all that can fail sooner.
    from phototag.train.head import HeadTrainer, Lesson

    def plain(examples: Sequence[Example]) -> Lesson:
        return Lesson(np.stack([example.embedding for example in examples]), words.targets(examples))

    def lesson(examples: Sequence[Example]) -> Lesson:
        """A photo and its views together count for as much as a photo without any."""
        rows = [seen(example) for example in examples]
        views = np.array([len(own) for own in rows])
        targets = np.repeat(words.targets(examples), views, axis=0)
        return Lesson(np.concatenate(rows), targets, np.repeat(1 / views, views).astype(np.float32))

    trainer = HeadTrainer(len(learned[0].embedding), len(words.categories), words.activation, settings)
    if checked:
        known = plain(checked)
        fitted = trainer.fit(lesson(learned), known)
        said_of_all = layer_logits(known.embeddings, fitted.layers)
        return Taught(fitted.layers, tuple(checked), said_of_all, apart=True, history=fitted.history)

    dealt = fold(learned, _FOLDS)
    tried: list[Example] = []
    said: list[Vectors] = [np.empty((0, len(words.categories)), np.float32)]
    epochs = [settings.epochs]
    histories: list[tuple[Epoch, ...]] = []
    for turn in range(_FOLDS):
        held_out = [example for example, where in zip(learned, dealt, strict=True) if where == turn]
        rest = [example for example, where in zip(learned, dealt, strict=True) if where != turn]
        if held_out:
            known = plain(held_out)
            fitted = trainer.fit(lesson(rest), known)
            tried += held_out
            said.append(layer_logits(known.embeddings, fitted.layers))
            epochs.append(fitted.epochs)
            histories.append(fitted.history)
    enough = int(np.median(epochs[1:] or epochs))
    fitted = trainer.fit(lesson(learned), None, epochs=max(enough, 1))
    history = mean_history(histories) if histories else fitted.history
    return Taught(fitted.layers, tuple(tried), np.concatenate(said), apart=False, history=history)
