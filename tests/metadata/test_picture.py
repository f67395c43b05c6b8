"""The mark of a photo's picture: the same whatever is done to its keywords, another for another picture."""

from pathlib import Path

import pytest

from phototag.metadata import open_writer
from phototag.metadata.formats import parse
from phototag.metadata.picture import mark_of
from tests.metadata.files import tag
from tests.photos import exif, make_animation, make_dng, make_jpeg, make_noise, make_photo

_KINDS = pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])


@_KINDS
def test_keywords_change_nothing_and_another_picture_does(tmp_path: Path, kind: str) -> None:
    photo = tmp_path / f"a.{kind.lower()}"
    photo.write_bytes(make_photo(kind))
    before = open_writer().read(str(photo)).picture
    assert tag(photo, ["dog"]).picture == before
    assert open_writer().read(str(photo)).picture == before
    assert len(before) == 8
    marks = {mark_of(parse(make_photo(kind, make_noise((96, 64), seed)))) for seed in range(3)}
    assert len(marks | {before}) == 4


def test_neither_exif_nor_what_trails_a_jpeg_is_part_of_its_picture() -> None:
    plain = mark_of(parse(make_jpeg()))
    assert mark_of(parse(make_jpeg(exif=exif(orientation=6, taken="2020:02:29 12:34:56")) + b"a film")) == plain
    assert mark_of(parse(make_jpeg(quality=94))) != plain


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_all_frames_of_an_animation_count(kind: str) -> None:
    assert mark_of(parse(make_animation(kind))) != mark_of(parse(make_photo(kind)))


def test_the_tiles_of_a_tiff_count_too() -> None:
    noise = make_noise((64, 64))
    tiled = [make_photo("TIFF", image, tiffinfo={322: 32, 323: 32}) for image in (noise, noise.rotate(90))]
    assert len({mark_of(parse(data)) for data in tiled}) == 2


def test_a_photo_that_is_not_taken_apart_has_no_mark(tmp_path: Path) -> None:
    photo = tmp_path / "a.dng"
    photo.write_bytes(make_dng())
    assert open_writer().read(str(photo)).picture == b""
