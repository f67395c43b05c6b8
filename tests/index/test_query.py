"""What people type in becomes a tree, or an error that points at the spot."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.errors import QueryError
from phototag.index.fields import Fact
from phototag.index.query import All, Any, Not, Word, parse, rank, score_of, tag_rank, words_of

DOG, CAT, BEACH = (Word(word, word) for word in ("dog", "cat", "beach"))
NO_DOG, NO_CAT = (Not(replace(word, left_out=True)) for word in (DOG, CAT))


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("dog", DOG),
        ("  dog\t", DOG),
        ("Dogs", Word("Dogs", "dog")),
        ("dog cat", All((DOG, CAT))),
        ("dog AND cat", All((DOG, CAT))),
        ("dog OR cat", Any((DOG, CAT))),
        ("dog or cat", All((DOG, Word("or", "or"), CAT))),
        ("dog cat OR beach", Any((All((DOG, CAT)), BEACH))),
        ("dog (cat OR beach)", All((DOG, Any((CAT, BEACH))))),
        ("dog(cat)", All((DOG, CAT))),
        ("-dog", NO_DOG),
        ("--dog", DOG),
        ("-(dog cat)", Not(All((NO_DOG.part, NO_CAT.part)))),
        ("-(dog -cat)", Not(All((NO_DOG.part, Not(CAT))))),
        ("-(-dog)", Not(Not(DOG))),
        ('"Hot  Dogs"', Word("Hot  Dogs", "hot dog")),
        ('-"hot dog"', Not(Word("hot dog", "hot dog", left_out=True))),
        ('dog"cat"', All((DOG, CAT))),
        ("t-shirt", Word("t-shirt", "t shirt")),
        ("ORANGE", Word("ORANGE", "orange")),
        ("beaches*", Word("beaches*", "beach", prefix="beaches")),
        ('"OR"', Word("OR", "or")),
        ("tag:Dogs", Word("Dogs", "dog", field="tag")),
        ('KEYWORD:"hot dog"', Word("hot dog", "hot dog", field="keyword")),
        ("-tag:beac*", Not(Word("beac*", "beac", prefix="beac", field="tag", left_out=True))),
        ("dog score:>0.8", Word("dog", "dog", least=8_001)),
        ("score:0.5..0.8 (dog OR -cat)", Any((Word("dog", "dog", least=5_000, most=8_000), NO_CAT))),
        ("dog score:>=0.2 score:<0.5 is:failed", All((Word("dog", "dog", "", "", 2_000, 4_999), Fact("is", "failed")))),
        ("date:2023-07..2023-08", Fact("date", low=20230700, high=20230899)),
        ("date:>2023", Fact("date", low=20240000)),
        ("date:..2023-07-14", Fact("date", high=20230714)),
        ("size:>1.5mb", Fact("size", low=16)),
        ("width:..1080", Fact("width", high=1080)),
        ('folder:"my trip"', Fact("folder", "my trip")),
        ("ext:.JPG", Fact("ext", "jpg")),
    ],
)
def test_a_query_is_read(query: str, tree: object) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "says", "column"),
    [
        ('dog "hot', "never closed", 4),
        ("(dog", "never closed", 0),
        ("(dog (cat)", "never closed", 0),
        ("dog)", "never opened", 3),
        ("()", "missing", 1),
        ("dog OR", "missing", 6),
        ("OR dog", "missing", 0),
        ("dog OR OR cat", "missing", 7),
        ("dog -", "missing", 4),
        ("dog - ", "missing", 4),
        ("dog !!!", "no letter", 4),
        ('""', "no letter", 0),
        ("*", "no letter", 0),
        ("dog stars:5", "no field stars:", 4),
        ("near:paris", "near: wants", 5),
        ("near:91,0,1km", "degrees north go", 5),
        ("dog near:48,2,10", "near: wants", 9),
        ("=beac*", "cannot end", 0),
        ("dog =", "missing", 4),
        ("dog tag:", "missing", 4),
        ('dog "a" date:', "missing behind date:", 8),
        ("dog date:2023-13", "no such month", 9),
        ("date:soon", "a date is", 5),
        ("date:..", "beginning or an end", 5),
        ("dog date:2023..2022-12", "turn it round", 9),
        ("score:0.9..0.1 dog", "turn it round", 6),
        ("date:2023-02-29", "no such day", 5),
        ('ext:"jpg dog"', "ending", 4),
        ("is:lost", "is one of untagged", 3),
        ("path:lib", "whole path", 5),
        ("width:wide", "whole number", 6),
        ("dog score:1.5", "0 to 1", 10),
        ("score:>0.8 date:2023", "none", 0),
        ("dog -score:>0.8", "turn it round", 4),
        ("dog (score:>0.8)", "none", 5),
        ('ext:"a.b"', "ending", 4),
    ],
)
def test_an_error_points_at_the_spot(query: str, says: str, column: int) -> None:
    with pytest.raises(QueryError, match=says) as error:
        parse(query)
    _, shown, mark = str(error.value).splitlines()
    assert shown == f"  {query}"
    assert mark == "  " + " " * column + "^"


def test_the_mark_stands_under_the_spot_behind_wide_characters_and_accents_too() -> None:
    with pytest.raises(QueryError) as error:
        parse("\u6d77\u6ee9 \U0001f436 u\u0308ber )")
    assert str(error.value).splitlines()[2] == "  " + " " * len("xxxx xx uber ") + "^"


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_query_is_an_error(query: str) -> None:
    with pytest.raises(QueryError, match="nothing to search for"):
        parse(query)


@pytest.mark.parametrize("query", ["(" * 5_000 + "dog", "dog " * 5_000, "-" * 5_000, '"' * 4_999], ids=len)
def test_a_query_without_bounds_is_an_error(query: str) -> None:
    with pytest.raises(QueryError):
        parse(query)


@given(st.text(st.one_of(st.sampled_from('ab()"-* OR'), st.characters())))
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        tree = parse(text)
    except QueryError:
        return
    assert all(word.normal for word in words_of(tree))


def test_the_word_itself_ranks_above_a_tag_that_holds_it() -> None:
    assert tag_rank(1, exact=True) > tag_rank(10_000, exact=False) > tag_rank(0, exact=False) > 0


@pytest.mark.parametrize("exact", [True, False])
def test_the_score_comes_back_from_the_rank(exact: bool) -> None:
    assert [score_of(tag_rank(score, exact)) for score in (0, 1, 9_999, 10_000)] == [0, 0.0001, 0.9999, 1]


def test_words_together_are_as_sure_as_the_least_sure() -> None:
    ranks = {DOG: tag_rank(9_000, True), CAT: tag_rank(5_000, True)}
    assert score_of(rank(parse("dog cat"), ranks)) == 0.5
    assert score_of(rank(parse("dog OR cat"), ranks)) == 0.9
    assert score_of(rank(parse("cat -beach"), ranks)) == 0.5
    assert rank(parse("dog -cat"), ranks | {NO_CAT.part: ranks[CAT]}) == 0
