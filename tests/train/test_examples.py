from collections import Counter

import numpy as np
import pytest

from phototag.errors import TrainingDataError
from phototag.train.dataset import NONE
from phototag.train.examples import check_known, fold, leave_out, settle, vocabulary
from tests.train.labelled import example


def test_examples_are_ordered_by_content_and_copies_taken_once(caplog: pytest.LogCaptureFixture) -> None:
    settled = settle([example(3, "a"), example(1, "b"), example(9, "b", content=1)])
    assert [one.content_hash[-1] for one in settled] == [1, 3]
    assert caplog.messages == ["1 photo(s) are copies of others: each is learned from once"]


def test_a_photo_in_two_categories_is_named_and_left_out_of_both(caplog: pytest.LogCaptureFixture) -> None:
    settled = settle([example(1, "cat"), example(2, "dog", content=1), example(3, "dog")])
    assert [one.content_hash[-1] for one in settled] == [3]
    assert caplog.messages == ["the same photo is in different categories: /1.jpg (cat) and /2.jpg (dog): left out"]


def test_many_photos_in_two_categories_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    settle([example(n, word, content=n // 2) for n, word in enumerate(["cat", "dog"] * 15)])
    assert len(caplog.messages) == 11
    assert caplog.messages[-1] == "5 more photo(s) are in different categories: left out"


def test_labels_of_nested_categories_gather_the_classes_below_them() -> None:
    words = vocabulary([example(1, "animal/dog"), example(2, "animal"), example(3, "rose")], one_category=True)
    assert words.categories == (("animal",), ("animal", "dog"), ("rose",))
    assert [(label.word, label.classes, label.broader) for label in words.labels] == [
        ("animal", (0, 1), ()),
        ("dog", (1,), ("animal",)),
        ("rose", (2,), ()),
    ]


def test_a_broader_word_needs_no_photos_of_its_own() -> None:
    words = vocabulary([example(1, "animal/dog"), example(2, "animal/cat")], one_category=True)
    assert [(label.word, label.classes) for label in words.labels] == [("animal", (0, 1)), ("cat", (0,)), ("dog", (1,))]


def test_targets_are_one_class_for_one_category_and_include_broader_ones_for_several() -> None:
    examples = [example(1, "animal/dog"), example(2, "animal"), example(3, "rose")]
    one = vocabulary(examples, one_category=True)
    assert one.targets(examples).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert one.truths(examples).tolist() == [[True, True, False], [True, False, False], [False, False, True]]
    several = vocabulary(examples, one_category=False)
    assert several.activation == "sigmoid"
    assert several.targets(examples).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert several.truths(examples).tolist() == one.truths(examples).tolist()


@pytest.mark.parametrize(
    ("said", "one_category"),
    [
        pytest.param([["rose"], ["rose"]], True, id="one folder"),
        pytest.param([["rose"], ["rose"]], False, id="one label on every photo"),
        pytest.param([["rose", "red"], ["rose", "red"]], False, id="the same labels on every photo"),
        pytest.param([[], []], False, id="no label on any photo"),
        pytest.param([[""], [""]], True, id="nothing but a folder of none of these"),
    ],
)
def test_what_leaves_nothing_to_tell_apart_is_refused(said: list[list[str]], one_category: bool) -> None:
    with pytest.raises(TrainingDataError, match="two categories are needed"):
        vocabulary([example(n, *words) for n, words in enumerate(said)], one_category=one_category)


def test_one_label_and_photos_without_it_can_be_told_apart() -> None:
    assert vocabulary([example(1, "rose"), example(2)], one_category=False).categories == (("rose",),)


def test_photos_of_none_of_the_categories_are_a_class_without_a_word() -> None:
    nothing = example(4, "")
    words = vocabulary([example(1, "cat"), example(2, "dog"), example(3, "dog"), nothing], one_category=True)
    assert words.categories == (NONE, ("cat",), ("dog",))
    assert [(label.word, label.classes) for label in words.labels] == [("cat", (1,)), ("dog", (2,))]
    assert words.targets([nothing]).tolist() == [[1, 0, 0]]
    assert not words.truths([nothing]).any()


def test_where_a_photo_may_have_several_labels_having_none_is_no_class() -> None:
    nothing = example(3, "")
    words = vocabulary([example(1, "cat", "dog"), example(2, "dog"), nothing], one_category=False)
    assert words.categories == (("cat",), ("dog",))
    assert not words.targets([nothing]).any()


def test_a_category_with_one_photo_is_learned_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    vocabulary([example(1, "cat"), example(2, "dog"), example(3, "dog")], one_category=True)
    assert caplog.messages == ["learned from one photo, which leaves none to check with: cat; ten make a start"]


def test_folds_share_out_every_category_evenly() -> None:
    examples = [example(n, "cat" if n % 3 else "dog") for n in range(60)]
    dealt = fold(examples, 5)
    for word in ("cat", "dog"):
        counts = Counter(where for one, where in zip(examples, dealt, strict=True) if (word,) in one.categories)
        assert set(counts) == set(range(5))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_folds_follow_content_and_not_order() -> None:
    examples = [example(n, "cat" if n % 3 else "dog") for n in range(30)]
    by_content = dict(zip((one.content_hash for one in examples), fold(examples, 5), strict=True))
    backwards = examples[::-1]
    assert [by_content[one.content_hash] for one in backwards] == fold(backwards, 5).tolist()


def test_the_only_photo_of_a_category_is_never_held_out() -> None:
    dealt = fold([example(1, "cat"), example(2, "dog"), example(3, "dog")], 5)
    assert dealt[0] == -1
    assert np.all(dealt[1:] >= 0)
    assert dealt[1] != dealt[2]


def test_photos_to_check_with_are_not_learned_from(caplog: pytest.LogCaptureFixture) -> None:
    kept = leave_out([example(1, "cat"), example(2, "dog")], [example(7, "cat", content=1)])
    assert [one.content_hash[-1] for one in kept] == [2]
    assert caplog.messages == ["1 photo(s) are also among those to check with: not learned from"]


def test_unknown_categories_to_check_with_are_refused_by_name() -> None:
    check_known([frozenset({("cat",)}), frozenset()], [("cat",), ("dog",)])
    with pytest.raises(TrainingDataError, match=r"no photos to learn from: animal/horse, cow$"):
        check_known([frozenset({("cat",), ("cow",), ("animal", "horse")})], [("cat",)])
