"""What people call a thing otherwise."""

from pathlib import Path

import pytest

from phototag.index import synonyms
from phototag.index.synonyms import synonyms_of
from phototag.index.words import normal_form

_LINES = (Path(synonyms.__file__).with_name("synonyms.tsv")).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("automobile", {"auto", "car", "motorcar"}),
        ("couch", {"sofa"}),
        ("bike", {"bicycle", "push bike"}),
        ("puppy", {"dog"}),
        ("kitten", {"cat"}),
        ("airplane", {"plane", "aeroplane"}),
        ("machine", set()),
        ("qqqq", set()),
        (">", set()),
        ("", set()),
    ],
)
def test_synonyms(word: str, others: set[str]) -> None:
    assert set(synonyms_of(normal_form(word))) == {normal_form(other) for other in others}


def test_who_looks_for_the_broader_is_not_shown_the_narrower() -> None:
    assert "puppy" not in synonyms_of("dog")
    assert "cat" not in synonyms_of("dog")


def test_every_line_stands_between_tabs_and_answers() -> None:
    lines = [line for line in _LINES if not line.startswith("#")]
    assert len(lines) > 10_000
    for line in lines[::50]:
        first, *others = [word for word in line.strip("\t").split("\t") if word != ">"]
        assert line.startswith("\t") and line.endswith("\t")
        assert set(others) <= set(synonyms_of(first))


def test_photographers_are_understood_both_ways() -> None:
    for one, other in (("car", "automobile"), ("sea", "ocean"), ("photo", "photograph"), ("mum", "mother")):
        assert normal_form(other) in synonyms_of(normal_form(one))
        assert normal_form(one) in synonyms_of(normal_form(other))
