"""Decoding: every kind of photo comes out upright, and every broken one says why it does not."""

import hashlib
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

import phototag.decode
from phototag.cli.quiet import quiet_native
from phototag.decode import Limits, content_hash, decode
from phototag.decode.raw import RAW_SUFFIXES
from phototag.errors import PhotoError, UndecodableError, UnreadableError
from phototag.records import Decoded, Fit, PhotoRef, Pixels
from phototag.walk import PHOTO_SUFFIXES
from tests.photos import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    exif,
    make_animation,
    make_dng,
    make_jpeg,
    make_noise,
    make_photo,
    picture,
    turned,
)

QUARTERS = np.array([[RED, GREEN], [BLUE, YELLOW]])


def decode_bytes(folder: Path, data: bytes, name: str = "photo.jpg", fit: Fit = "crop", size: int = 32) -> Decoded:
    path = folder / name
    path.write_bytes(data)
    return decode(PhotoRef(str(path), len(data), 0), size, fit)


def reason_of(folder: Path, data: bytes, name: str = "photo.jpg") -> str:
    with pytest.raises(PhotoError) as caught:
        decode_bytes(folder, data, name)
    return caught.value.reason


def quarters_of(pixels: Pixels) -> np.ndarray:
    """The colours in the middle of the four quarters."""
    near, far = pixels.shape[0] // 4, pixels.shape[0] * 3 // 4
    return pixels[[near, far]][:, [near, far]].astype(int)


def assert_upright(pixels: Pixels, tolerance: int = 12) -> None:
    assert np.abs(quarters_of(pixels) - QUARTERS).max() <= tolerance, quarters_of(pixels).tolist()


# The way of a photo


def test_a_photo_comes_out_as_a_square_with_its_hash_and_facts(tmp_path: Path) -> None:
    data = make_jpeg(exif=exif(taken="2021:05:06 07:08:09", make="Canon", model="Canon EOS 5D"))
    decoded = decode_bytes(tmp_path, data)
    assert_upright(decoded.pixels)
    assert decoded.pixels.shape == (32, 32, 3)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.content_hash == hashlib.sha256(data).digest() == content_hash(decoded.ref)
    assert (decoded.facts.format, decoded.facts.width, decoded.facts.height) == ("JPEG", 96, 64)
    assert (decoded.facts.taken, decoded.facts.camera) == ("2021-05-06T07:08:09", "Canon EOS 5D")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_photo_is_turned_upright(tmp_path: Path, kind: str, fit: Fit, orientation: int) -> None:
    stored = turned(picture(), orientation)
    decoded = decode_bytes(tmp_path, make_photo(kind, stored, exif=exif(orientation)), fit=fit)
    assert (decoded.facts.width, decoded.facts.height) == (96, 64)
    if fit == "pad":
        assert (decoded.pixels[[0, -1]] == 127).all(), "grey above and below"
        decoded = decode_bytes(tmp_path, make_jpeg(Image.fromarray(decoded.pixels[6:26])))
    assert_upright(decoded.pixels, tolerance=20)


@pytest.mark.parametrize("shape", [(96, 64), (64, 96)], ids=["wide", "tall"])
def test_each_fit_takes_the_part_it_promises(tmp_path: Path, shape: tuple[int, int]) -> None:
    photo = Image.new("RGB", shape, GREEN)
    photo.paste(RED, (0, 0, 16, shape[1]))  # a strip along its left edge
    data = make_photo("PNG", photo)
    crop, squash, pad = (decode_bytes(tmp_path, data, fit=fit).pixels for fit in ("crop", "squash", "pad"))
    red = [int((square[16, :, 0] > 150).sum()) for square in (crop, squash, pad)]
    assert red == ([0, 5, 5] if shape == (96, 64) else [8, 8, 5])
    assert ((pad == 127).all(axis=2).sum()) == 32 * 32 - 32 * 21


def test_a_square_is_the_same_whether_a_jpeg_was_scaled_while_it_was_decoded_or_not(tmp_path: Path) -> None:
    smooth = picture((8, 6)).resize((1999, 1501), Image.Resampling.BICUBIC)
    scaled = decode_bytes(tmp_path, make_jpeg(smooth), size=64).pixels.astype(int)
    whole = decode_bytes(tmp_path, make_photo("PNG", smooth), size=64).pixels.astype(int)
    assert np.abs(scaled - whole).max() <= 6


def test_the_odd_pixels_at_the_edge_of_a_scaled_jpeg_do_not_shift_the_rest(tmp_path: Path) -> None:
    ramp = Image.linear_gradient("L").rotate(90).resize((137, 137))  # scaled by 8, that is 17.125 pixels
    scaled = decode_bytes(tmp_path, make_jpeg(ramp), fit="squash", size=8).pixels.astype(int)
    whole = decode_bytes(tmp_path, make_photo("PNG", ramp), fit="squash", size=8).pixels.astype(int)
    assert np.abs(scaled - whole).max() <= 4


def test_a_small_photo_is_enlarged(tmp_path: Path) -> None:
    assert_upright(decode_bytes(tmp_path, make_photo("PNG", picture((12, 8)))).pixels)
    assert (
        decode_bytes(tmp_path, make_photo("PNG", Image.new("RGB", (1, 1), RED))).pixels.tolist() == [[[*RED]] * 32] * 32
    )


# Kinds of photos


def _grey16(scale: int) -> Image.Image:
    grey = np.asarray(picture().convert("L")).astype(np.uint16)
    return Image.fromarray(grey * scale)


KINDS = {
    "gif": make_photo("GIF"),
    "bmp": make_photo("BMP"),
    "webp": make_photo("WEBP", lossless=True),
    "tiff": make_photo("TIFF"),
    "tiff-deflate": make_photo("TIFF", compression="tiff_adobe_deflate"),
    "tiff-jpeg": make_photo("TIFF", compression="jpeg", quality=95),
    "tiff-lab": make_photo(
        "TIFF",
        ImageCms.profileToProfile(
            picture(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
    ),
    "jpeg2000": make_photo("JPEG2000"),
    "avif": make_photo("AVIF", quality=95, subsampling="4:4:4"),
    "ico": make_photo("ICO", picture((64, 64))),
    "pcx": make_photo("PCX"),
    "ppm": make_photo("PPM"),
    "tga": make_photo("TGA"),
    "sgi": make_photo("SGI"),
    "jpeg-progressive": make_jpeg(progressive=True),
    "jpeg-cmyk": make_jpeg(picture().convert("CMYK")),
    "tiff-cmyk": make_photo("TIFF", picture().convert("CMYK")),
    "png-palette": make_photo("PNG", picture().quantize(4)),
    "png-alpha": make_photo("PNG", picture().convert("RGBA")),
    "gif-animated": make_animation("GIF"),
    "webp-animated": make_animation("WEBP"),
    "png-animated": make_animation("PNG"),
    "multi-picture": make_photo(
        "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))], quality=95, subsampling=0
    ),
    "tiff-pages": make_photo("TIFF", save_all=True, append_images=[Image.new("RGB", (96, 64))]),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_every_kind_of_photo_is_decoded_to_its_colours(
    tmp_path: Path, data: bytes, request: pytest.FixtureRequest
) -> None:
    name = "photo.tga" if "[tga]" in request.node.name else "photo"
    assert_upright(decode_bytes(tmp_path, data, name).pixels, tolerance=24)


@pytest.mark.parametrize("name", ["photo.png", "photo.cr2", "photo", "photo.jpg.txt"])
def test_the_bytes_and_not_the_name_say_what_a_photo_is(tmp_path: Path, name: str) -> None:
    assert decode_bytes(tmp_path, make_jpeg(), name).facts.format == "JPEG"


GREYS = {
    "png-8": make_photo("PNG", picture().convert("L")),
    "jpeg-8": make_jpeg(picture().convert("L")),
    "png-16": make_photo("PNG", _grey16(257)),
    "tiff-16": make_photo("TIFF", _grey16(257)),
    "tiff-32": make_photo("TIFF", Image.fromarray(np.asarray(_grey16(257)).astype(np.int32))),
    "tiff-float-0-to-1": make_photo("TIFF", Image.fromarray(np.asarray(_grey16(1)).astype(np.float32) / 255)),
    "tiff-float-0-to-255": make_photo("TIFF", Image.fromarray(np.asarray(_grey16(1)).astype(np.float32))),
    "png-alpha": make_photo("PNG", picture().convert("LA")),
}


@pytest.mark.parametrize("data", GREYS.values(), ids=GREYS)
def test_a_grey_photo_keeps_its_shades_at_any_depth(tmp_path: Path, data: bytes) -> None:
    shades = np.asarray(picture().convert("L")).astype(int)
    quarters = quarters_of(decode_bytes(tmp_path, data).pixels)
    assert np.abs(quarters - shades[[16, 48]][:, [24, 72], None]).max() <= 3


def test_a_floating_point_photo_may_hold_values_that_are_no_number(tmp_path: Path) -> None:
    values = np.full((64, 96), 0.5, np.float32)
    values[0, :4] = [np.nan, np.inf, -np.inf, -3]
    pixels = decode_bytes(tmp_path, make_photo("TIFF", Image.fromarray(values)), fit="squash").pixels
    assert abs(int(pixels[16, 16, 0]) - 127) <= 1


def test_black_and_white_is_black_and_white(tmp_path: Path) -> None:
    half = Image.new("1", (64, 64))
    half.paste(1, (32, 0, 64, 64))
    pixels = decode_bytes(tmp_path, make_photo("PNG", half)).pixels
    assert (pixels[:, :14] == 0).all()
    assert (pixels[:, 18:] == 255).all()


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("PNG", Image.new("RGBA", (8, 8), (255, 0, 0, 0))),
        ("PNG", Image.new("LA", (8, 8), (0, 0))),
        ("WEBP", Image.new("RGBA", (8, 8), (255, 0, 0, 0))),
        ("TIFF", Image.new("RGBA", (8, 8), (255, 0, 0, 0))),
    ],
    ids=["png-colour", "png-grey", "webp", "tiff"],
)
def test_what_is_transparent_shows_white(tmp_path: Path, kind: str, image: Image.Image) -> None:
    assert (decode_bytes(tmp_path, make_photo(kind, image)).pixels == 255).all()


def test_a_transparent_colour_of_a_palette_shows_white(tmp_path: Path) -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert (decode_bytes(tmp_path, make_photo("PNG", palette, transparency=1)).pixels == 255).all()


# RAW


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("preview", ["large", "small", None])
def test_a_raw_photo_is_upright_with_or_without_a_preview(
    tmp_path: Path, orientation: int, preview: str | None
) -> None:
    size = {"large": (48, 32), "small": (12, 8), None: None}[preview]
    data = make_dng(orientation=orientation, preview=make_jpeg(size=size) if size else None)
    decoded = decode_bytes(tmp_path, data, "photo.DNG")
    expected = quarters_of(decode_bytes(tmp_path, make_jpeg(picture(), exif=exif(orientation))).pixels)
    assert (decoded.facts.width, decoded.facts.height) == ((96, 64) if orientation in (1, 3) else (64, 96))
    assert (decoded.facts.format, decoded.facts.camera) == ("RAW", "Acme One")
    assert decoded.facts.taken == "2020-02-29T12:34:56"
    tolerance = 24 if preview == "large" else 120  # developed, the mosaic is more colourful than its picture
    assert np.abs(quarters_of(decoded.pixels) - expected).max() <= tolerance


def test_a_raw_photo_is_developed_where_its_preview_is_too_small(tmp_path: Path) -> None:
    for size, used in (((48, 32), True), ((45, 31), False)):
        black = make_jpeg(Image.new("RGB", size))
        pixels = decode_bytes(tmp_path, make_dng(preview=black), "photo.dng").pixels
        assert (pixels.max() < 10) == used


def test_every_raw_suffix_the_decoder_knows_is_walked() -> None:
    assert {suffix.removeprefix(".") for suffix in RAW_SUFFIXES} <= PHOTO_SUFFIXES


# Facts


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("EASTMAN KODAK COMPANY", "KODAK EASYSHARE M5370", "KODAK EASYSHARE M5370"),
        ("SAMSUNG", "SAMSUNG-SM-N900A", "SAMSUNG-SM-N900A"),
        ("Panasonic", "DMC-LX3", "Panasonic DMC-LX3"),
        ("FUJIFILM  ", "FinePix\tF40fd \0\0junk", "FUJIFILM FinePix F40fd"),
        (None, "Scanner", "Scanner"),
        ("Maker", None, "Maker"),
        ("   ", " ", None),
        ("M" * 500, "x", "M" * 100),
    ],
)
def test_the_camera_is_named_once(tmp_path: Path, make: str | None, model: str | None, camera: str | None) -> None:
    assert decode_bytes(tmp_path, make_jpeg(exif=exif(make=make, model=model))).facts.camera == camera


def test_the_lens_and_the_place_are_given(tmp_path: Path) -> None:
    block = exif()
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = "EF50mm f/1.8 STM\0"
    block.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48, 51, 30.24), 3: "W", 4: (2, 17, 40.2)})
    facts = decode_bytes(tmp_path, make_jpeg(exif=block)).facts
    assert (facts.lens, facts.place) == ("EF50mm f/1.8 STM", (48.8584, -2.2945))


@pytest.mark.parametrize(
    "gps",
    [
        {},
        {1: "N", 2: (48, 51, 30)},
        {1: "N", 2: (0, 0, 0), 3: "E", 4: (0, 0, 0)},
        {1: "N", 2: (91, 0, 0), 3: "E", 4: (2, 0, 0)},
        {1: "N", 2: (48, 51, 30), 3: "E", 4: (2, 17)},
    ],
    ids=["none", "half of it", "a receiver without a fix", "beyond the pole", "too short"],
)
def test_a_place_that_is_not_valid_is_none(tmp_path: Path, gps: dict[int, object]) -> None:
    block = exif()
    block.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    assert decode_bytes(tmp_path, make_jpeg(exif=block)).facts.place is None


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("2004:02:29 23:59:59", "2004-02-29T23:59:59"),
        ("2004-02-29 23:59:59", "2004-02-29T23:59:59"),
        ("2004:02:29 23:59:59\0", "2004-02-29T23:59:59"),
        ("0000:00:00 00:00:00", None),
        ("2003:02:29 12:00:00", None),
        ("    :  :     :  :  ", None),
        ("yesterday", None),
    ],
)
def test_the_time_it_was_taken_is_given_where_it_is_valid(tmp_path: Path, written: str, taken: str | None) -> None:
    assert decode_bytes(tmp_path, make_jpeg(exif=exif(taken=written))).facts.taken == taken


def test_the_time_of_the_file_stands_in_for_the_time_of_exposure(tmp_path: Path) -> None:
    block = exif(taken="0000:00:00 00:00:00")
    block[0x0132] = "2010:01:02 03:04:05"
    assert decode_bytes(tmp_path, make_jpeg(exif=block)).facts.taken == "2010-01-02T03:04:05"


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0" + bytes(range(200)),
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 64,
    ],
    ids=["empty", "pointing-outside", "garbage", "endless"],
)
def test_a_broken_exif_block_never_fails_a_photo(tmp_path: Path, block: bytes) -> None:
    decoded = decode_bytes(tmp_path, make_jpeg(exif=block))
    assert_upright(decoded.pixels)
    assert decoded.facts.taken is None


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(tmp_path: Path, orientation: int) -> None:
    assert_upright(decode_bytes(tmp_path, make_jpeg(exif=exif(orientation))).pixels)


# Files that are no photos


FILM = b"\0\0\0\x18ftypisom\0\0\2\0isomavc1"
BROKEN = {
    "empty": (b"", "empty file"),
    "text": (b"Dear diary, no photo today.", "not a photo"),
    "zeros": (bytes(5000), "not a photo"),
    "one byte": (b"\xff", "not a photo"),
    "jpeg, cut": (make_jpeg(make_noise((64, 64)))[:4000], "truncated"),
    "jpeg, header alone": (make_jpeg()[:300], "truncated"),
    "png, cut": (make_photo("PNG", make_noise((64, 64)))[:4000], "truncated"),
    "png, one bit wrong": (make_photo("PNG").replace(b"IHDR", b"IHDS"), "damaged"),
    "tiff, cut": (make_photo("TIFF", make_noise((64, 64)))[:4000], "truncated"),
    "webp, cut": (make_photo("WEBP", make_noise((64, 64)))[:2000], "damaged"),
    "gif, cut": (make_photo("GIF", make_noise((64, 64)))[:2000], "truncated"),
    "avif, cut": (make_photo("AVIF", make_noise((64, 64)))[:2000], "damaged"),
    "dng, cut": (make_dng()[:9000], "truncated"),
    "film": (FILM, "not a photo"),
    "jpeg xl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "unsupported format"),
    "pdf": (b"%PDF-1.7\n", "unsupported format"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_photo_says_why(
    tmp_path: Path, data: bytes, reason: str, request: pytest.FixtureRequest
) -> None:
    assert reason_of(tmp_path, data, "photo.dng" if "dng" in request.node.name else "photo.jpg") == reason


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    reasons = {}
    for name in ("gone.jpg", "gone/gone.jpg", "folder.jpg", "pipe.jpg"):
        with pytest.raises(UnreadableError) as caught:
            decode(PhotoRef(str(tmp_path / name), 1, 0), 32, "crop")
        reasons[name] = caught.value.reason
    assert reasons == {
        "gone.jpg": "vanished",
        "gone/gone.jpg": "vanished",
        "folder.jpg": "not a regular file",
        "pipe.jpg": "not a regular file",
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_photo_of_somebody_else_says_so(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(make_jpeg())
    path.chmod(0)
    with pytest.raises(UnreadableError, match="no permission"):
        decode(PhotoRef(str(path), 1, 0), 32, "crop")


# Limits


def _blank_png(size: tuple[int, int]) -> bytes:
    """A PNG whose header promises a size that the rest does not keep."""
    header = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + make_photo("PNG", Image.new("RGB", (8, 8)))[33:]


def test_a_photo_beyond_the_limits_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    assert reason_of(tmp_path, _blank_png((50_000, 50_000)), "bomb.png") == "too large"
    data = make_jpeg(size=(640, 480))
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    ref = PhotoRef(str(path), len(data), 0)
    for limits in (
        Limits(max_file_bytes=len(data) - 1),
        Limits(max_pixels=640 * 480 - 1),
        Limits(max_memory_bytes=1000),
    ):
        with pytest.raises(UndecodableError, match="too large"):
            decode(ref, 32, "crop", limits)
    decode(ref, 32, "crop", Limits(len(data), 640 * 480, 160 * 120 * 4))


def test_a_jpeg_of_200_megapixels_is_decoded_in_little_memory(tmp_path: Path) -> None:
    decoded = decode_bytes(tmp_path, make_jpeg(Image.new("L", (16320, 12240), 200), quality=30))
    assert (decoded.facts.width, decoded.facts.height) == (16320, 12240)
    assert np.abs(decoded.pixels.astype(int) - 200).max() <= 1


def test_a_progressive_jpeg_is_measured_by_its_coefficients(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(make_jpeg(size=(1600, 1200), progressive=True))
    with pytest.raises(UndecodableError, match="too large"):
        decode(PhotoRef(str(path), 1, 0), 32, "crop", Limits(max_memory_bytes=1600 * 1200 * 3))


# Behaviour in a process


def test_many_threads_decode_the_same_as_one(tmp_path: Path) -> None:
    kinds = [*KINDS.values(), *GREYS.values()]
    refs = []
    for number, data in enumerate(kinds):
        path = tmp_path / f"{number}.tga"
        path.write_bytes(data)
        refs.append(PhotoRef(str(path), len(data), 0))
    alone = [decode(ref, 32, "crop").pixels for ref in refs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda ref: decode(ref, 32, "crop").pixels, refs * 4))
    for number, pixels in enumerate(together):
        assert (pixels == alone[number % len(refs)]).all()


def test_a_large_photo_does_not_keep_the_others_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(make_jpeg())
    done = threading.Event()

    def decode_small() -> None:
        decode(PhotoRef(str(path), 1, 0), 32, "crop")
        done.set()

    with phototag.decode.LARGE_PHOTO:
        thread = threading.Thread(target=decode_small)
        thread.start()
        assert done.wait(30)
        thread.join()
        done.clear()
        monkeypatch.setattr(phototag.decode, "_LARGE_BYTES", 10)
        thread = threading.Thread(target=decode_small)
        thread.start()
        assert not done.wait(0.3), "a second large photo waits for the first"
    assert done.wait(30)
    thread.join()


def test_pillow_neither_warns_nor_logs_of_a_photo(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    broken_exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x0f\x01\x02\0\xff\0\0\0\xff\0\0\0"
    decode_bytes(tmp_path, make_jpeg(exif=broken_exif))
    assert not recwarn.list
    assert not caplog.records
    with warnings.catch_warnings(record=True) as caught:  # the warning is real: Pillow alone gives it
        warnings.simplefilter("always")
        Image.open(BytesIO(make_jpeg(exif=broken_exif))).getexif()
    assert caught


def test_what_c_libraries_print_is_lost_and_what_python_prints_is_not() -> None:
    program = """
import os, sys
from phototag.cli.quiet import quiet_native
with quiet_native():
    os.write(2, b"noise of a C library\\n")
    print("a message", file=sys.stderr)
os.write(2, b"after it\\n")
print("another", file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stderr.splitlines() == ["a message", "after it", "another"]


def test_silence_leaves_a_stderr_that_is_not_the_process_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with quiet_native():
            assert sys.stderr is stream


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_a_file_with_any_bytes_changed_is_decoded_or_refused(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    content = bytearray(KINDS[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)) | st.just(len(content)))
    try:
        pixels = decode_bytes(tmp_path, bytes(content[:cut]), f"photo.{kind}").pixels
    except UndecodableError as exc:
        assert exc.reason in {"truncated", "damaged", "unsupported format", "not a photo", "too large"}
    else:
        assert pixels.shape == (32, 32, 3)


# Real photos


def test_every_broken_file_of_the_collections_is_refused_with_a_reason(real_photos: Path) -> None:
    paths = sorted((real_photos / "broken").iterdir())
    reasons = []
    for path in paths:
        with pytest.raises(UndecodableError) as caught:
            decode(PhotoRef(str(path), 1, 0), 224, "crop")
        reasons.append(caught.value.reason)
    assert len(reasons) == 90
    assert set(reasons) == {"truncated", "damaged", "unsupported format", "not a photo", "too large"}


@pytest.mark.parametrize("name", ["Landscape", "Portrait"])
def test_the_same_photo_held_four_ways_gives_nearly_the_same_pixels(real_photos: Path, name: str) -> None:
    first, *others = (
        decode(PhotoRef(str(real_photos / "orientation" / f"{name}_{n}.jpg"), 1, 0), 224, "crop") for n in (1, 3, 6, 8)
    )
    for other in others:
        assert (other.facts.width, other.facts.height) == (first.facts.width, first.facts.height)
        assert np.abs(other.pixels.astype(int) - first.pixels).mean() < 3


def test_every_heif_variant_is_decoded(real_photos: Path) -> None:
    blank = []
    for path in sorted((real_photos / "formats").iterdir()):
        decoded = decode(PhotoRef(str(path), 1, 0), 64, "crop")
        assert decoded.facts.format == "HEIF"
        if decoded.pixels.std() < 1:
            blank.append(path.name)
    assert blank == ["L_exif_xmp_iptc.heic", "L_xmp_latin1.heic"]  # these two are


def test_a_heif_photo_with_metadata_of_an_unreadable_type_is_decoded(tmp_path: Path, real_photos: Path) -> None:
    data = (real_photos / "formats" / "L_exif_xmp_iptc.heic").read_bytes()
    broken = data.replace(b"application/rdf", b"\xff" * 15)
    assert broken != data
    decode_bytes(tmp_path, broken, "photo.heic")  # pi-heif left to itself ends the process


def test_a_heif_photo_is_not_turned_again_by_its_exif_orientation(real_photos: Path) -> None:
    (path,) = (real_photos / "metadata").rglob("iphone_13_pro_max.HEIC")  # held upright: irot and EXIF orientation 6
    decoded = decode(PhotoRef(str(path), 1, 0), 64, "crop")
    assert (decoded.facts.width, decoded.facts.height) == (3024, 4032)
    assert decoded.facts.camera == "Apple iPhone 13 Pro Max"
