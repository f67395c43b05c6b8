"""Embedded photos in; the settings of a head that do best on photos held out, and what else was tried, out: `--tune`.

One setting after the other is varied, the inner layer first, and the best value is kept for the next. Each head is
judged as the model it would make, with votes and calibrated. Others than the usual settings are taken only if they are
better on both counts: as many photos right or more, and less surprise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phototag.errors import TrainingDataError
from phototag.train.calibrate import calibrate
from phototag.train.embed import Example
from phototag.train.evaluate import Merit, merit
from phototag.train.examples import Vocabulary
from phototag.train.request import HeadSettings, Sweep
from phototag.train.teach import Taught, teach


@dataclass(frozen=True, slots=True)
class Tried:
    """Settings that were tried, and how good they were on photos held out in turn."""

    settings: HeadSettings
    merit: Merit

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a bundle's manifest, figures to six digits."""
        return {
            "hidden": self.settings.hidden,
            "learning_rate": self.settings.learning_rate,
            "dropout": self.settings.dropout,
            "right": float(f"{self.merit.right:.6g}"),
            "surprise": float(f"{-self.merit.calm:.6g}"),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What a sweep came to.

    Attributes:
        taught: a head with the settings chosen.
        tried: all settings in order, the usual ones first.
        chosen: the number of those chosen.
    """

    taught: Taught
    tried: tuple[Tried, ...]
    chosen: int

    @property
    def settings(self) -> HeadSettings:
        """Those chosen."""
        return self.tried[self.chosen].settings

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a bundle's manifest."""
        return {"chosen": self.chosen, "tried": [one.as_dict() for one in self.tried]}


def sweep(
    learned: Sequence[Example],
    checked: Sequence[Example],
    words: Vocabulary,
    usual: HeadSettings,
    wish: Sweep,
    tell: Callable[[str], None],
) -> Swept:
    """Try settings of a head.

    All are judged on photos to learn from, held out in turn. Photos to check with have a veto in the end: if the choice
    does worse on them than the usual settings do, those stay.

    Args:
        learned: photos to learn from, ordered by content.
        checked: photos to check with, ordered by content; may be none.
        words: what is on them.
        usual: the settings to begin with.
        wish: what is varied.
        tell: is told what is being done.

    Raises:
        TrainingDataError: no category has a second photo.
    """
    steps: tuple[Callable[[HeadSettings], list[HeadSettings]], ...] = (
        lambda best: [replace(best, hidden=value) for value in wish.hidden],
        lambda best: [replace(best, learning_rate=value) for value in wish.learning_rates],
        lambda best: [replace(best, dropout=value) for value in wish.dropouts],
    )
    taught = teach(learned, (), words, usual)
    if not taught.tried:
        raise TrainingDataError("no photo can be held out to try settings on: leave out --tune, or add photos")
    tried, chosen = [Tried(usual, _merit(taught, learned, words))], 0
    for step in steps:
        for settings in step(tried[chosen].settings):
            tell(f"trying settings {len(tried) + 1}")
            other = teach(learned, (), words, settings)
            tried.append(Tried(settings, _merit(other, learned, words)))
            best, found = tried[chosen].merit, tried[-1].merit
            if found.right >= best.right and found.calm > best.calm:
                taught, chosen = other, len(tried) - 1
    if checked:
        taught = teach(learned, checked, words, tried[chosen].settings)
        if chosen:
            other = teach(learned, checked, words, usual)
            if _merit(other, learned, words) > _merit(taught, learned, words):
                taught, chosen = other, 0
    return Swept(taught, tuple(tried), chosen)


def _merit(taught: Taught, learned: Sequence[Example], words: Vocabulary) -> Merit:
    """Of the model that a head makes, on the photos it was tried on."""
    _, trial = calibrate(taught, learned, words, seed=0)
    return merit(trial.logits, words.targets(trial.examples), words.activation)
