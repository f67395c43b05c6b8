"""Photos edited, exported over or replaced by others under the same name: what was rejected, and what was not."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from phototag.errors import DiskError
from phototag.index import Index
from phototag.records import PhotoRef
from tests.journal.library import edit, found, held, paint, run_scan, run_undo, run_untag
from tests.photos import exif

_PAINT = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}
_KINDS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF"}
_INSIDE = pytest.mark.parametrize("ending", _KINDS)


def put(
    path: Path, colour: str, *, words: bytes | None = None, size: tuple[int, int] = (64, 48), **how: object
) -> Path:
    """Write a photo as a program does that knows nothing of phototag's words, with a time of its own."""
    buffer = BytesIO()
    if words is not None:
        how["xmp"] = words
    Image.new("RGB", size, _PAINT[colour]).save(buffer, _KINDS[path.suffix], **how)
    after_ns = (path.stat().st_mtime_ns if path.exists() else 10**18) + 10**9
    path.write_bytes(buffer.getvalue())
    os.utime(path, ns=(after_ns, after_ns))
    return path


def said(index: Index, path: Path) -> tuple[set[str], set[str], set[str]]:
    """What the index says of a photo: words of any model, the owner's keywords, rejected words."""
    entry = index.entry(str(path))
    assert entry is not None
    given = {word for verdict in entry.verdicts for tag in verdict.tags for word in (tag.word, *tag.broader)}
    return given, set(entry.keywords), set(entry.rejected)


def is_new(index: Index, path: Path, colour: str) -> bool:
    """Whether a photo is tagged as if nothing had ever been at its place."""
    return held(path) == {colour, "colour"} and said(index, path) == ({colour, "colour"}, set(), set())


@_INSIDE
def test_words_taken_out_of_an_unchanged_picture_are_rejected_for_ever(
    library: Path, index: Index, ending: str
) -> None:
    photo = put(library / f"p{ending}", "red")
    run_scan(library, index)
    edit(photo, [], without=["red", "colour"])
    for decision in ("1", "2"):
        run_scan(library, index, decision=decision, rescan=True)
        assert held(photo) == set()
        assert said(index, photo)[2] == {"red", "colour"}


@_INSIDE
def test_another_photo_under_the_same_name_is_a_new_one(library: Path, index: Index, ending: str) -> None:
    photo = put(library / f"p{ending}", "red")
    run_scan(library, index)
    edit(photo, ["colour"], without=["red"])
    run_scan(library, index)
    assert said(index, photo)[2] == {"red"}
    for colour in ("blue", "red"):
        put(photo, colour)
        run_scan(library, index)
        assert is_new(index, photo, colour)
    assert found(index, "blue") == {"c.gif"}


def test_a_photo_exported_over_itself_without_its_words_gets_them_again(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red", quality=95)
    run_scan(library, index)
    put(photo, "red", quality=30)
    run_scan(library, index)
    assert is_new(index, photo, "red")


@pytest.mark.parametrize(("later", "stays"), [("2020:02:29 12:34:56", True), ("2020:02:29 12:34:57", False)])
def test_what_was_rejected_before_an_export_stays_so_for_the_same_shot(
    library: Path, index: Index, later: str, stays: bool
) -> None:
    photo = put(library / "p.jpg", "red", exif=exif(taken="2020:02:29 12:34:56", model="One"))
    run_scan(library, index)
    edit(photo, ["colour"], without=["red"])
    run_scan(library, index)
    put(photo, "red", quality=30, exif=exif(taken=later, model="One"))
    run_scan(library, index)
    assert held(photo) == ({"colour"} if stays else {"red", "colour"})
    assert said(index, photo)[2] == ({"red"} if stays else set())


def test_a_word_missing_from_an_edited_photo_that_kept_others_is_rejected(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    edit(photo, ["colour"], without=["red"])
    with Image.open(photo) as image:
        kept = image.info["xmp"]
    put(photo, "red", words=kept, size=(32, 24))
    run_scan(library, index)
    assert held(photo) == {"colour"}
    assert said(index, photo)[2] == {"red"}


def test_a_broken_copy_in_between_changes_nothing(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    whole = put(library / "q.jpg", "blue").read_bytes()
    photo.write_bytes(whole[: len(whole) // 2])
    run_scan(library, index)
    photo.write_bytes(whole)
    (library / "q.jpg").unlink()
    run_scan(library, index)
    assert is_new(index, photo, "blue")


def test_a_photo_replaced_between_a_write_and_its_record_is_a_new_one(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    status = photo.stat()
    index.intend(PhotoRef(str(photo), status.st_size, status.st_mtime_ns), "colours", frozenset({"red", "colour"}))
    put(photo, "blue")
    run_scan(library, index)
    assert is_new(index, photo, "blue")


def test_a_photo_moved_between_a_write_and_its_record_keeps_its_words_as_phototags(
    library: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = put(library / "p.jpg", "red", size=(32, 24))

    def killed(*_: object) -> None:
        raise DiskError("as if killed")

    with monkeypatch.context() as broken:
        broken.setattr(type(index), "remember", killed)
        with pytest.raises(DiskError):
            run_scan(library, index)
    assert held(photo) == {"red", "colour"}
    number = index.known_in(str(library), "colours")["p.jpg"].number
    moved = photo.rename(library / "trip" / "q.jpg")
    run_scan(library, index)
    assert is_new(index, moved, "red")
    assert index.known_in(str(moved.parent), "colours")["q.jpg"].number == number
    assert run_undo(index, 1)["q.jpg"] == "restored"


def test_every_model_looks_at_a_newcomer(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    run_scan(library, index, model="other")
    put(photo, "blue")
    run_scan(library, index)
    assert is_new(index, photo, "blue")
    run_scan(library, index, model="other")
    entry = index.entry(str(photo))
    assert entry is not None
    assert {(verdict.model, tag.word) for verdict in entry.verdicts for tag in verdict.tags} == {
        (model, word) for model in ("colours", "other") for word in ("blue", "colour")
    }
    assert said(index, photo)[1:] == (set(), set())


def test_photos_that_take_each_others_names_keep_their_words_and_what_was_rejected(library: Path, index: Index) -> None:
    edited = put(library / "p.jpg", "red")
    run_scan(library, index)
    edit(edited, ["colour"], without=["red"])
    run_scan(library, index)
    edited.rename(library / "aside")
    (library / "b.jpg").rename(library / "p.jpg")
    (library / "aside").rename(library / "b.jpg")
    run_scan(library, index)
    assert is_new(index, library / "p.jpg", "green")
    assert held(library / "b.jpg") == {"colour"}
    assert said(index, library / "b.jpg") == ({"red", "colour"}, set(), {"red"})


def test_a_photo_moved_onto_anothers_name_is_known_there(library: Path, index: Index) -> None:
    edited = put(library / "p.jpg", "red")
    run_scan(library, index)
    edit(edited, ["colour"], without=["red"])
    run_scan(library, index)
    number = index.known_in(str(library), "colours")["p.jpg"].number
    edited.replace(library / "b.jpg")
    run_scan(library, index)
    assert index.known_in(str(library), "colours")["b.jpg"].number == number
    assert (held(library / "b.jpg"), said(index, library / "b.jpg")[2]) == ({"colour"}, {"red"})
    assert index.entry(str(edited)) is None


@pytest.mark.parametrize("is_scanned", [False, True], ids=["not scanned yet", "scanned"])
def test_an_undo_leaves_a_newcomer_alone(library: Path, index: Index, is_scanned: bool) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    run_untag(index, "colour")
    put(photo, "blue")
    newcomer = photo.read_bytes()
    if is_scanned:
        run_scan(library, index)
        assert run_undo(index, 3)["p.jpg"] == "restored"
    assert run_undo(index, 2)["p.jpg"] == "nothing", "the word that was taken out of the old photo is not for this one"
    assert run_undo(index, 1)["p.jpg"] == "nothing"
    assert photo.read_bytes() == newcomer
    run_scan(library, index, rescan=True)
    assert is_new(index, photo, "blue")


def test_an_undo_still_restores_the_old_photo_when_its_owner_puts_it_back(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    before = photo.read_bytes()
    run_scan(library, index)
    written = photo.read_bytes()
    put(photo, "blue")
    run_scan(library, index)
    photo.write_bytes(written)
    assert run_undo(index, 1)["p.jpg"] == "restored"
    assert photo.read_bytes() == before


def test_untagging_does_not_reject_a_newcomers_words(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    put(photo, "red", size=(32, 24))
    run_untag(index, None)
    assert said(index, photo)[2] == set()
    run_scan(library, index)
    assert is_new(index, photo, "red")


def test_a_dry_run_forgets_nothing_of_a_replaced_photo(library: Path, index: Index) -> None:
    photo = put(library / "p.jpg", "red")
    run_scan(library, index)
    put(photo, "blue")
    before = index.entry(str(photo))
    run_scan(library, index, dry_run=True)
    assert index.entry(str(photo)) == before


def test_a_photo_with_a_sidecar_is_told_by_what_it_says_of_itself(library: Path, index: Index) -> None:
    photo = paint(library / "n.gif", "red")
    run_scan(library, index)
    edit(photo, ["Anna"], without=["red", "colour"])
    Image.new("RGB", (32, 24), _PAINT["blue"]).save(photo)
    run_scan(library, index)
    assert held(photo) == {"Anna", "blue", "colour"}
    assert said(index, photo) == ({"blue", "colour"}, {"Anna"}, set())
