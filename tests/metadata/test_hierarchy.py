"""Paths of hierarchical keywords: whose they are, how they are begun, and what goes."""

from pathlib import Path

import pytest

from phototag.metadata import WriteOptions, open_writer
from phototag.metadata.hierarchy import converted, leaves, new_paths, own
from phototag.metadata.merge import Merge
from phototag.metadata.xmp import HIERARCHICAL, TAGS_LIST, read_list
from phototag.records import Memory
from tests.metadata.files import camera_jpeg, packet, ref_of, remembered, subject, with_xmp

_BROADER = {"beagle": ("animal", "dog"), "dog": ("animal",)}
_LR = ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'


def _change(*added: str, removed: frozenset[str] = frozenset(), ours: frozenset[str] = frozenset()) -> Merge:
    return Merge(added, removed, frozenset(), ours | set(added), ())


def test_leaves_are_the_last_words_without_darktables_notes() -> None:
    assert leaves(["animal|dog", "Rome", "darktable|exported", "a| "], "|") == ("dog", "Rome")


def test_a_path_is_phototags_if_every_word_of_it_is() -> None:
    assert own(["animal|dog", "Pets|dog", "dog"], "|", frozenset({"animal", "dog"})) == ("animal|dog", "dog")


def test_a_field_is_begun_for_a_word_with_broader_ones_and_then_with_every_word() -> None:
    change = _change("animal", "dog", "beagle", ours=frozenset({"red"}))

    begun = new_paths((), "/", ("Places/Rome", "Rome", "Anna"), change, _BROADER, frozenset({"red"}))

    assert begun == ("Places/Rome", "Anna", "red", "animal", "animal/dog", "animal/dog/beagle")
    assert new_paths((), "/", ("Anna",), _change("animal"), _BROADER, frozenset()) == ()


def test_the_owners_paths_stay_and_phototags_go_with_any_word_of_theirs() -> None:
    held = ("Pets|dog", "animal|dog", "animal|dog|beagle")
    ours = frozenset({"animal", "dog", "beagle"})

    without_dog = new_paths(held, "|", (), _change(removed=frozenset({"dog"}), ours=ours - {"dog"}), _BROADER, ours)

    assert without_dog == ("Pets|dog", "animal|beagle")


@pytest.mark.parametrize(("separator", "path"), [("|", ()), ("/", ("a|b/c",))])
def test_a_word_with_the_separator_in_it_has_no_path(separator: str, path: tuple[str, ...]) -> None:
    assert new_paths((), separator, (), _change("c"), {"c": ("a|b",)}, frozenset()) == path


def test_paths_are_converted_where_they_can_be() -> None:
    assert converted(["a|b", "a/b|c"], "|", "/") == ("a/b",)


def _write(path: Path, words: list[str], memory: Memory, *fields: str) -> Memory:
    writer = open_writer(WriteOptions(frozenset(fields or ("dc", "lr", "digikam", "xp", "iptc"))))
    plan = writer.plan(ref_of(path), words, memory, _BROADER)
    if plan.data is not None:
        writer.apply(plan)
    again = writer.plan(ref_of(path), words, remembered(plan), _BROADER)
    assert again.data is None
    return remembered(plan)


def _paths(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    data = path.read_bytes()
    text = data[data.index(b"<x:xmpmeta") : data.index(b"</x:xmpmeta>") + 12]
    return read_list(text, HIERARCHICAL), read_list(text, TAGS_LIST)


@pytest.mark.parametrize("name", ["IMG.jpg", "IMG.gif"])
def test_paths_are_written_into_photos_and_sidecars_and_taken_out_again(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(camera_jpeg() if name.endswith("jpg") else b"GIF89a")
    target = path if name.endswith("jpg") else tmp_path / "IMG.xmp"

    memory = _write(path, ["beagle", "animal", "dog"], Memory())
    assert _paths(target) == (
        ("animal|dog|beagle", "animal", "animal|dog"),
        ("animal/dog/beagle", "animal", "animal/dog"),
    )

    memory = _write(path, ["animal", "dog"], memory)
    assert _paths(target) == (("animal", "animal|dog"), ("animal", "animal/dog"))

    _write(path, [], memory)
    assert _paths(target) == ((), ())


def test_the_owners_paths_are_read_as_keywords_and_stay(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    lr = "<lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Rome</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
    path.write_bytes(with_xmp(packet(lr + subject("Anna"), attributes=_LR)))

    plan = open_writer().plan(ref_of(path), ["dog", "rome"], Memory(), _BROADER)
    open_writer().apply(plan)

    assert plan.keywords == ("Anna", "Rome")
    assert _paths(path) == (("Places|Rome", "animal|dog"), ("Places/Rome", "Anna", "animal/dog"))
    assert open_writer().read(str(path)).photo == ("Anna", "dog", "Rome")


def test_a_word_the_owner_took_out_leaves_the_paths_too(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(camera_jpeg())
    memory = _write(path, ["animal", "dog"], Memory())
    path.write_bytes(path.read_bytes().replace(b"<rdf:li>dog</rdf:li>", b" " * 20, 1))

    memory = _write(path, ["animal", "dog"], memory)

    assert memory.rejected == {"dog"}
    assert _paths(path) == (("animal",), ("animal",))


def test_only_chosen_fields_are_written(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(camera_jpeg())

    _write(path, ["animal", "dog"], Memory(), "dc", "digikam")

    assert _paths(path) == ((), ("animal", "animal/dog"))
    assert b"d\0o\0g" not in path.read_bytes()


def test_a_damaged_field_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    odd = "<lr:hierarchicalSubject><lr:odd/></lr:hierarchicalSubject>"
    path.write_bytes(with_xmp(packet(odd, attributes=_LR)))

    _write(path, ["animal", "dog"], Memory())

    assert odd.encode() in path.read_bytes()
    assert open_writer().read(str(path)).photo == ("animal", "dog")
