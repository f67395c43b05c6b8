"""Settings of a head that are tried: the better ones are taken, worse ones never."""

from dataclasses import replace

import pytest

from phototag.errors import TrainingDataError
from phototag.train.examples import Vocabulary, vocabulary
from phototag.train.request import HeadSettings, Sweep
from phototag.train.sweep import sweep
from tests.train.labelled import clusters

_SLOW = HeadSettings(epochs=3, learning_rate=1e-9)


def _words() -> Vocabulary:
    return vocabulary(clusters({"a": 2, "b": 2}), one_category=True)


def test_an_inner_layer_is_tried_first_and_the_settings_that_did_best_are_chosen() -> None:
    examples = clusters({"a": 16, "b": 16}, spread=3.0)
    told: list[str] = []
    wish = Sweep(learning_rates=(1e-2,), hidden=(3,), dropouts=())
    swept = sweep(examples, (), _words(), _SLOW, wish, told.append)
    assert [(one.settings.hidden, one.settings.learning_rate) for one in swept.tried[:2]] == [(0, 1e-9), (3, 1e-9)]
    assert told == ["trying settings 2", "trying settings 3"]
    assert swept.chosen == 2
    assert swept.settings.learning_rate == 1e-2
    usual, chosen = swept.tried[0].merit, swept.tried[2].merit
    assert chosen.right >= usual.right
    assert chosen.calm > usual.calm
    assert swept.taught.layers[-1].kernel.shape == (swept.settings.hidden or 16, 2)
    said = swept.as_dict()
    assert (said["chosen"], said["tried"][2]["learning_rate"]) == (2, 1e-2)


def test_where_photos_to_check_with_speak_against_the_choice_the_usual_settings_stay() -> None:
    examples = clusters({"a": 16, "b": 16}, spread=3.0)
    # The same photos with their categories swapped: what learns nothing does best on them.
    swapped = [
        replace(
            one,
            categories=frozenset({("b",) if ("a",) in one.categories else ("a",)}),
            content_hash=bytes([1, *one.content_hash[1:]]),
        )
        for one in examples
    ]
    wish = Sweep(learning_rates=(1e-2,), hidden=(), dropouts=())
    slow = replace(_SLOW, epochs=10)
    swept = sweep(examples, swapped, _words(), slow, wish, lambda what: None)
    assert swept.tried[1].merit > swept.tried[0].merit
    assert swept.chosen == 0
    assert swept.settings == slow
    assert swept.taught.apart


def test_where_nothing_can_be_held_out_there_is_nothing_to_try_on() -> None:
    with pytest.raises(TrainingDataError, match="leave out --tune"):
        sweep(clusters({"a": 1, "b": 1}), (), _words(), _SLOW, Sweep(), print)
