"""Tags in, photos and sidecars out, and the owner's words untouched."""

import errno
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from phototag.errors import DiskError, MetadataError, PhotoError, UnreadableError
from phototag.metadata import Plan, open_writer
from phototag.metadata.jpeg import parse
from phototag.records import FileRead, Memory, PhotoRef
from tests.metadata.files import (
    camera_jpeg,
    packet,
    ref_of,
    remembered,
    segment,
    subject,
    tag,
    with_segments,
    with_xmp,
)
from tests.photos import make_jpeg, make_photo

_C2PA = segment(0xEB, b"JP\0\1\0\0\0\1....jumb....c2pa")
_RATED = packet("<xmp:Rating>5</xmp:Rating>" + subject("Anna"))
_NEEDS_PERMISSIONS = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anything"
)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(camera_jpeg())
    return path


def _held(path: Path) -> tuple[str, ...]:
    return open_writer().read(str(path)).photo


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(camera_jpeg(), id="with EXIF"),
        pytest.param(make_jpeg(), id="without metadata"),
        pytest.param(make_jpeg(progressive=True), id="progressive"),
        pytest.param(with_xmp(_RATED), id="with XMP"),
        pytest.param(with_segments(segment(0xE2, b"ICC_PROFILE\0\1\1x"), trailer=b"motion"), id="with ICC and trailer"),
    ],
)
def test_a_jpeg_is_written_inside_and_a_second_run_writes_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "IMG.jpg"
    path.write_bytes(data)
    before = _held(path)

    plan = tag(path, ["dog", "animal"])
    after = path.read_bytes()
    again = tag(path, ["dog", "animal"], remembered(plan))

    assert plan.where == "photo"
    assert plan.keywords == before
    assert _held(path) == (*before, "dog", "animal")
    assert parse(after).tail == parse(data).tail
    assert again.data is None
    assert again.added == {"dog", "animal"}
    assert os.listdir(tmp_path) == ["IMG.jpg"]


def test_the_photo_as_it_is_now_is_returned_with_its_hash_and_its_old_time(photo: Path) -> None:
    before = photo.stat()
    writer = open_writer()

    ref, content_hash = writer.apply(writer.plan(ref_of(photo), ["dog"], Memory()))

    assert ref == ref_of(photo)
    assert ref.size_bytes > before.st_size
    assert ref.mtime_ns == before.st_mtime_ns
    assert content_hash == hashlib.sha256(photo.read_bytes()).digest()


@pytest.mark.parametrize(
    "word", ["naïve", "犬", "كلب", "🐶", "\"a\" 'b'", "a;b", "c, d", "x|y", "a/b", "R&B <b>", "]]>"]
)
def test_words_of_every_kind_read_back(photo: Path, word: str) -> None:
    tag(photo, [word, "dog"])

    assert _held(photo) == (word, "dog")


def test_only_phototags_words_go_when_the_model_changes_its_mind(photo: Path) -> None:
    photo.write_bytes(with_xmp(_RATED))
    first = tag(photo, ["dog", "animal"])

    second = tag(photo, ["cat", "animal"], remembered(first))

    assert _held(photo) == ("Anna", "animal", "cat")
    assert second.removed == {"dog"}
    assert second.added == {"cat", "animal"}


def test_a_word_the_owner_removed_is_never_written_again(photo: Path) -> None:
    first = tag(photo, ["dog", "animal"])
    data = photo.read_bytes()
    photo.write_bytes(data.replace(b"<rdf:li>dog</rdf:li>", b" " * len("<rdf:li>dog</rdf:li>")))

    second = tag(photo, ["dog", "animal"], remembered(first))
    third = tag(photo, ["dog", "animal"], remembered(second))

    assert second.rejected == third.rejected == {"dog"}
    assert _held(photo) == ("animal",)
    assert third.data is None


def test_words_in_a_packet_that_another_program_damaged_do_not_count_as_removed(photo: Path) -> None:
    first = tag(photo, ["dog;"])
    photo.write_bytes(photo.read_bytes().replace(b"</x:xmpmeta>", b"<!x:xmpmeta>"))

    second = tag(photo, ["dog;"], remembered(first))

    assert second.where == "sidecar"
    assert "not well-formed" in second.note
    assert second.rejected == frozenset()


def test_a_field_that_is_new_starts_with_the_owners_words_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "IMG.jpg"
    iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x19\0\x04Anna\0")
    path.write_bytes(with_segments(iptc))

    plan = tag(path, ["dog"])

    assert plan.keywords == ("Anna",)
    assert b"<rdf:li>Anna</rdf:li>\n    <rdf:li>dog</rdf:li>" in path.read_bytes()


def test_without_words_nothing_is_written(photo: Path) -> None:
    plan = tag(photo, [])

    assert plan.data is None
    assert plan.added == frozenset()


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PPM", "AVIF"])
def test_every_other_format_gets_a_sidecar_and_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"IMG.{kind.lower()}"
    path.write_bytes(make_photo(kind))

    plan = tag(path, ["dog"])
    again = tag(path, ["dog"], remembered(plan))

    assert plan.where == again.where == "sidecar"
    assert plan.note == ""
    assert again.data is None
    assert path.read_bytes() == make_photo(kind)
    assert open_writer().read(str(path)).sidecar == ("dog",)
    assert (tmp_path / "IMG.xmp").exists()


def test_what_a_file_is_counts_and_not_what_it_is_called(tmp_path: Path) -> None:
    jpeg, gif = tmp_path / "a.gif", tmp_path / "b.jpg"
    jpeg.write_bytes(make_jpeg())
    gif.write_bytes(make_photo("GIF"))

    assert tag(jpeg, ["dog"]).where == "photo"
    assert tag(gif, ["dog"]).where == "sidecar"


def test_a_sidecar_of_another_program_is_merged_into(tmp_path: Path) -> None:
    path, sidecar = tmp_path / "IMG.gif", tmp_path / "IMG.gif.xmp"
    path.write_bytes(make_photo("GIF"))
    sidecar.write_bytes(_RATED)

    plan = tag(path, ["dog", "anna"])

    assert plan.target == str(sidecar)
    assert plan.keywords == ("Anna",)
    assert sidecar.read_bytes() == _RATED.replace(b">Anna</rdf:li>", b">Anna</rdf:li>\n     <rdf:li>dog</rdf:li>")


def test_keywords_inside_a_photo_that_is_not_written_inside_go_along_into_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "IMG.gif"
    path.write_bytes(make_photo("GIF") + _RATED)

    plan = tag(path, ["dog"])

    assert plan.keywords == ("Anna",)
    assert open_writer().read(str(path)).sidecar == ("Anna", "dog")


def test_a_sidecar_that_vanished_is_written_again_and_a_word_missing_in_one_is_rejected(tmp_path: Path) -> None:
    path, sidecar = tmp_path / "IMG.gif", tmp_path / "IMG.xmp"
    path.write_bytes(make_photo("GIF"))
    first = tag(path, ["dog", "animal"])

    sidecar.unlink()
    second = tag(path, ["dog", "animal"], remembered(first))
    sidecar.write_bytes(sidecar.read_bytes().replace(b"<rdf:li>dog</rdf:li>", b""))
    third = tag(path, ["dog", "animal"], remembered(second))

    assert second.data is not None
    assert second.rejected == frozenset()
    assert third.rejected == {"dog"}
    assert open_writer().read(str(path)).sidecar == ("animal",)


def test_a_damaged_sidecar_is_a_failure_and_stays_as_it_is(tmp_path: Path) -> None:
    path, sidecar = tmp_path / "IMG.gif", tmp_path / "IMG.xmp"
    path.write_bytes(make_photo("GIF"))
    sidecar.write_bytes(b"<x:xmpmeta")

    with pytest.raises(MetadataError, match="damaged sidecar"):
        tag(path, ["dog"])
    assert sidecar.read_bytes() == b"<x:xmpmeta"


def _hard_link(path: Path) -> None:
    os.link(path, path.with_name("second name"))


def _sign(path: Path) -> None:
    path.write_bytes(with_segments(_C2PA))


def _cut_short(path: Path) -> None:
    path.write_bytes(camera_jpeg()[:200])


def _make_read_only(path: Path) -> None:
    path.chmod(0o444)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        pytest.param(_hard_link, "hard-linked", id="hard-linked"),
        pytest.param(_sign, "C2PA", id="signed"),
        pytest.param(_cut_short, "malformed JPEG", id="malformed"),
        pytest.param(_make_read_only, "read-only", id="read-only"),
    ],
)
def test_a_jpeg_that_cannot_be_written_inside_gets_a_sidecar_that_says_why(
    photo: Path, change: object, note: str
) -> None:
    change(photo)  # type: ignore[operator]
    before = photo.read_bytes()

    plan = tag(photo, ["dog"])
    again = tag(photo, ["dog"], remembered(plan))

    assert plan.where == again.where == "sidecar"
    assert note in plan.note
    assert again.data is None
    assert photo.read_bytes() == before


def test_tags_that_live_in_a_sidecar_stay_there_when_the_photo_becomes_writable(photo: Path) -> None:
    photo.chmod(0o444)
    first = tag(photo, ["dog", "animal"])
    photo.chmod(0o644)

    second = tag(photo, ["cat"], remembered(first))

    assert second.where == "sidecar"
    assert open_writer().read(str(photo)).sidecar == ("cat",)
    assert _held(photo) == ()


def test_a_symbolic_link_is_followed_and_stays_one(photo: Path, tmp_path: Path) -> None:
    link = tmp_path / "album" / "link.jpg"
    link.parent.mkdir()
    link.symlink_to(photo)

    tag(link, ["dog"])

    assert link.is_symlink()
    assert _held(photo) == ("dog",)
    assert os.listdir(link.parent) == ["link.jpg"]


@_NEEDS_PERMISSIONS
def test_a_folder_that_cannot_be_written_is_a_failure_that_says_so(photo: Path) -> None:
    photo.parent.chmod(0o555)
    try:
        with pytest.raises(MetadataError, match="its folder is read-only"):
            tag(photo, ["dog"])
    finally:
        photo.parent.chmod(0o755)


def _plan(path: Path) -> Plan:
    return open_writer().plan(ref_of(path), ["dog"], Memory())


def test_a_photo_that_changes_between_plan_and_write_is_left_alone(photo: Path) -> None:
    plan = _plan(photo)
    photo.write_bytes(make_jpeg())

    with pytest.raises(MetadataError, match="changed meanwhile"):
        open_writer().apply(plan)
    assert photo.read_bytes() == make_jpeg()


def test_many_plans_are_carried_out_and_one_that_cannot_be_hinders_no_other(tmp_path: Path) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(5)]
    for photo in photos:
        photo.write_bytes(make_jpeg())
    plans = [_plan(photo) for photo in photos]
    photos[2].write_bytes(make_jpeg() + b"trailer")
    photos[3].unlink()

    with ThreadPoolExecutor(3) as pool:
        done = open_writer().apply_all(plans, pool)

    assert [done[n] for n in (0, 1, 4)] == [(ref_of(photos[n]), plans[n].digest) for n in (0, 1, 4)]
    assert [isinstance(one, MetadataError) for one in done] == [False, False, True, True, False]
    assert [_held(photos[n]) for n in (0, 1, 4)] == [("dog",)] * 3
    assert photos[2].read_bytes() == make_jpeg() + b"trailer"
    assert sorted(os.listdir(tmp_path)) == ["0.jpg", "1.jpg", "2.jpg", "4.jpg"]


def test_a_full_disk_is_noticed_before_any_of_many_photos_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(5)]
    for photo in photos:
        photo.write_bytes(make_jpeg())
    plans, real, calls = [_plan(photo) for photo in photos], os.fsync, [0]

    def full(handle: int) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with ThreadPoolExecutor(2) as pool, pytest.raises(DiskError, match="make room"):
        open_writer().apply_all(plans, pool)

    assert {photo.read_bytes() for photo in photos} == {make_jpeg()}
    assert len(os.listdir(tmp_path)) == 5


def _file(path: Path) -> FileRead:
    return FileRead(path.read_bytes(), path.stat(), time.time_ns())


def test_a_photo_that_was_read_is_not_read_again(photo: Path) -> None:
    file = _file(photo)
    known = replace(file, data=with_xmp(_RATED).ljust(len(file.data), b"\0"))  # tells which of the two is looked at
    assert "Anna" in open_writer().read(str(photo), known).photo
    assert "Anna" not in open_writer().read(str(photo)).photo


def test_a_photo_that_changed_after_it_was_read_is_read_again(photo: Path) -> None:
    file = _file(photo)
    photo.write_bytes(with_xmp(_RATED))
    assert "Anna" in open_writer().read(str(photo), file).photo


def test_a_photo_that_changed_since_it_was_listed_is_not_planned(photo: Path) -> None:
    ref = PhotoRef(str(photo), photo.stat().st_size, 1)

    with pytest.raises(MetadataError, match="changed meanwhile"):
        open_writer().plan(ref, ["dog"], Memory())


def test_what_cannot_be_opened_is_a_failure_of_this_photo(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)

    for path in (tmp_path / "absent.jpg", tmp_path, pipe):
        with pytest.raises(UnreadableError):
            open_writer().read(str(path))


def test_a_word_that_cannot_be_written_is_a_failure_of_this_photo(photo: Path) -> None:
    before = photo.read_bytes()

    with pytest.raises(PhotoError, match="unwritable word"):
        tag(photo, ["a\0"])
    assert photo.read_bytes() == before
    assert os.listdir(photo.parent) == ["IMG.jpg"]


def test_leftovers_of_a_killed_process_are_removed(photo: Path) -> None:
    leftover = photo.with_name(".phototag-999999999-0123abcd.tmp")
    leftover.touch()

    open_writer().clean(str(photo.parent))

    assert not leftover.exists()
