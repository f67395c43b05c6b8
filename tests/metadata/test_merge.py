"""What happens to each word."""

from collections.abc import Sequence

import pytest

from phototag.errors import MetadataError
from phototag.metadata.merge import Merge, merge, new_words
from phototag.metadata.words import clean
from phototag.records import Memory


def _merge(
    held: Sequence[str],
    wanted: Sequence[str],
    *,
    added: Sequence[str] = (),
    kept: Sequence[str] = (),
    rejected: Sequence[str] = (),
    others: Sequence[str] = (),
    elsewhere: Sequence[str] = (),
    gone_is_rejected: bool = True,
) -> Merge:
    memory = Memory(frozenset(added), frozenset(kept), frozenset(rejected), frozenset(others))
    return merge(held, held, elsewhere, wanted, memory, gone_is_rejected=gone_is_rejected)


def test_new_words_are_added_and_are_phototags() -> None:
    change = _merge(["Anna"], ["dog", "animal"])

    assert change.added == ("dog", "animal")
    assert change.ours == {"dog", "animal"}
    assert change.keywords == ("Anna",)


@pytest.mark.parametrize("held", ["dog", "Dog", "DOG"])
def test_a_word_of_the_owners_is_not_added_and_stays_the_owners(held: str) -> None:
    change = _merge([held], ["dog"])

    assert not change.changes
    assert change.ours == frozenset()
    assert change.keywords == (held,)


def test_letters_that_are_encoded_in_two_ways_are_the_same_word() -> None:
    assert not _merge(["cafe\u0301"], ["caf\u00e9"]).changes


def test_a_second_run_changes_nothing() -> None:
    change = _merge(["Anna", "dog"], ["dog"], added=["dog"])

    assert not change.changes
    assert change.ours == {"dog"}
    assert change.keywords == ("Anna",)


def test_only_phototags_own_words_are_taken_out() -> None:
    change = _merge(["Anna", "dog", "cat"], ["cat"], added=["dog", "cat"])

    assert change.removed == {"dog"}
    assert change.ours == {"cat"}
    assert not _merge(["dog"], [], added=[]).changes


def test_a_word_that_the_owner_spelled_anew_is_the_owners() -> None:
    change = _merge(["Dog"], [], added=["dog"])

    assert not change.changes
    assert change.rejected == frozenset()
    assert change.keywords == ("Dog",)


def test_a_word_that_the_owner_took_out_is_never_added_again() -> None:
    change = _merge(["Anna"], ["dog"], added=["dog"])

    assert not change.changes
    assert change.rejected == {"dog"}
    assert not _merge(["Anna"], ["Dog"], rejected=["dog"]).changes


def test_words_of_a_sidecar_that_vanished_are_written_again() -> None:
    change = _merge([], ["dog"], added=["dog"], gone_is_rejected=False)

    assert change.added == ("dog",)
    assert change.rejected == frozenset()


def test_a_word_that_another_model_stands_by_stays() -> None:
    assert not _merge(["dog"], [], added=["dog"], kept=["dog"]).changes


def test_a_word_that_another_model_added_is_shared_and_not_the_owners() -> None:
    change = _merge(["dog"], ["dog"], kept=["dog"], others=["dog"])

    assert not change.changes
    assert change.ours == {"dog"}
    assert change.keywords == ()


def test_a_word_of_the_owners_that_another_model_says_too_stays_the_owners() -> None:
    change = _merge(["dog"], ["dog"], kept=["dog"])

    assert change.ours == frozenset()
    assert change.keywords == ("dog",)


def test_a_word_taken_out_of_one_field_goes_from_the_other_fields_too() -> None:
    change = merge((), ("dog",), (), ["dog"], Memory(added=frozenset({"dog"})), gone_is_rejected=True)

    assert change.removed == {"dog"}
    assert change.rejected == {"dog"}


def test_a_word_in_a_field_that_is_only_read_counts_as_held() -> None:
    assert not _merge([], ["dog"], elsewhere=["Dog"]).changes


def test_words_are_tidied_before_they_are_written() -> None:
    assert clean(["  a\tb ", "", "cafe\u0301", "Dog", "dog"]) == ("a b", "caf\u00e9", "Dog")


@pytest.mark.parametrize("word", ["a\0", "\x1b[31m", "\ud800", "\uffff"])
def test_a_word_that_xml_cannot_hold_is_refused_by_name(word: str) -> None:
    with pytest.raises(MetadataError, match="rename the category"):
        clean([word])


def test_owners_words_are_copied_to_a_new_field_cleaned_and_without_what_xmp_cannot_hold() -> None:
    change = _merge([], ["dog"], elsewhere=["  light", "a\tb", "bell\x07"])

    assert new_words((), ("  light", "a\tb", "bell\x07"), change) == ("light", "a b", "dog")
