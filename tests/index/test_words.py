"""The form in which words are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.index.words import fold, normal_form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dog", "Dogs"),
        ("puppy", "puppies"),
        ("movie", "movies"),
        ("house", "houses"),
        ("church", "churches"),
        ("box", "boxes"),
        ("bus", "buses"),
        ("glass", "glasses"),
        ("lens", "lenses"),
        ("shoe", "shoes"),
        ("tomato", "tomatoes"),
        ("photo", "photos"),
        ("leaf", "leaves"),
        ("wave", "waves"),
        ("woman", "women"),
        ("person", "people"),
        ("child", "children"),
        ("iris", "irises"),
        ("kiwi", "kiwis"),
        ("golden retriever", "Golden Retrievers"),
        ("Übergröße", "UBERGROSSE"),
        ("café", "cafe\u0301s"),
        ("t-shirt", "T shirts"),
        ("rock'n'roll", "rock n roll"),
        ("\uff46\uff55ll", "full"),
        ("Тбилиси", "тбилиси"),
        ("ёлка", "елка"),
        ("\u2764\ufe0f", "\u2764"),
    ],
)
def test_case_accents_and_plural_make_no_difference(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("bass", "base"), ("new", "news paper"), ("cactus", "cact"), ("dog", "dogma"), ("हिन्दी", "हिन्दू"), ("ไก่", "ไข่")],
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


def test_scripts_without_spaces_fall_into_characters() -> None:
    assert fold("海滩日落 2023") == "海 滩 日 落 2023"
    assert fold("한국어 사진") == "한국어 사진"


@pytest.mark.parametrize("text", ["", " ", "!!!", "-", "\n\t", "…"])
def test_punctuation_alone_cannot_be_searched(text: str) -> None:
    assert normal_form(text) == ""


@given(st.text())
def test_the_form_holds_nothing_that_a_query_could_trip_over(text: str) -> None:
    form = normal_form(text)
    assert '"' not in form
    assert "*" not in form
    assert form == " ".join(form.split())
    assert fold(form) == form
