"""Which photo of a batch has which word, and how its postings are packed: in columns, as a plain loop would have it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.index.blocks import BLOCK_BITS, LAST, LISTED_MOST, Kind, Row
from phototag.index.gathering import pack
from phototag.index.saying import apart, are_among, pairs, scored_pairs
from phototag.records import Tag

WORDS = ["animal", "dog", "cat", "pet", "tree"]
IDS = {word: 7 * n + 3 for n, word in enumerate(WORDS)}

scores = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.00005, 0.5]))
tags = st.builds(Tag, st.sampled_from(WORDS), scores, st.lists(st.sampled_from(WORDS), max_size=2).map(tuple))
photos = st.lists(st.lists(tags, max_size=4, unique_by=lambda tag: tag.word), max_size=5)


@given(photos)
def test_every_photo_says_its_own_words_and_the_broader_ones_by_their_surest_word(said: list[list[Tag]]) -> None:
    expected: dict[tuple[int, int], int] = {}
    for place, given_ in enumerate(said):
        for tag in given_:
            for word in tag.broader:
                key = place, IDS[word]
                expected[key] = max(expected.get(key, 0), round(tag.score * 10_000))
        expected |= {(place, IDS[tag.word]): round(tag.score * 10_000) for tag in given_}
    found, scored = scored_pairs(said, IDS)
    photo, word = apart(found)
    listed = list(zip(zip(photo.tolist(), word.tolist(), strict=True), scored.tolist(), strict=True))
    assert listed == sorted(expected.items())


@pytest.mark.parametrize(("score", "kept"), [(math.nan, 0), (math.inf, 10_000), (-0.1, 0), (1.00001, 10_000)])
def test_a_score_that_is_none_is_the_nearest_that_is(score: float, kept: int) -> None:
    assert scored_pairs([[Tag("dog", score)]], IDS)[1].tolist() == [kept]


def test_words_are_found_among_others_of_the_same_photo_alone() -> None:
    every = pairs([["dog", "cat"], [], ["dog", "dog"]], IDS)
    assert len(every) == 3
    assert are_among(every, pairs([["dog"], ["cat"], ["tree"]], IDS)).tolist() == [True, False, False]
    assert not are_among(every, pairs([], IDS)).any()


@pytest.mark.parametrize("kind", [Kind.TAG, Kind.FOLDER])
@pytest.mark.parametrize("count", [1, LISTED_MOST, LISTED_MOST + 1, LAST + 1])
def test_a_new_row_is_packed_as_one_that_grew(kind: Kind, count: int) -> None:

    places = [place * 7 & LAST for place in range(count)]
    entries = sorted((place % 3 << BLOCK_BITS | LAST - place) if kind == Kind.TAG else place for place in places)
    row = Row(kind, None, None)
    row.put(entries[: count // 2])
    row.put(entries[count // 2 :])
    assert pack(kind, np.array(entries)) == row.packed()
