"""PNG, WebP and TIFF photos of many kinds, made on the spot, by readable names."""

from io import BytesIO
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.metadata.files import packet, subject
from tests.photos import exif, make_animation, make_noise, make_photo, picture

PACKET = packet("<xmp:Rating>5</xmp:Rating>" + subject("Anna"))
EXIF = exif(orientation=6, make="Acme", model="One").tobytes()


def make_png(image: Image.Image | None = None, *, xmp: bytes | None = None, zipped: bool = False, **more: Any) -> bytes:
    """A PNG, perhaps with an XMP packet, perhaps a compressed one."""
    if xmp is not None:
        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=zipped)
    return make_photo("PNG", image, **more)


def make_big_endian_tiff() -> bytes:
    """A TIFF that begins with MM; Pillow writes one of these for big-endian pixels alone."""
    buffer = BytesIO()
    Image.new("I;16B", (40, 30), 500).save(buffer, "TIFF")
    data = buffer.getvalue()
    assert data.startswith(b"MM")
    return data


def _png_text() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", "kept")
    info.add_text("Long", "kept " * 500, zip=True)
    return info


_ALPHA = picture().convert("RGBA")
_ALPHA.putalpha(100)

PNGS = {
    "png-plain": make_png(),
    "png-palette": make_png(picture().quantize(4)),
    "png-bilevel": make_png(picture().convert("1")),
    "png-16-bit": make_png(Image.new("I;16", (40, 30), 500)),
    "png-alpha": make_png(_ALPHA),
    "png-exif": make_png(exif=EXIF),
    "png-xmp": make_png(xmp=PACKET),
    "png-zipped-xmp": make_png(xmp=PACKET, zipped=True, exif=EXIF),
    "png-text-and-profile": make_png(pnginfo=_png_text(), icc_profile=b"profile"),
    "png-many-pieces": make_png(make_noise((300, 300)), compress_level=0),
    "png-animated": make_animation("PNG"),
    "png-trailer": make_png() + b"trailer",
}
WEBPS = {
    "webp-lossy": make_photo("WEBP"),
    "webp-lossless": make_photo("WEBP", lossless=True),
    "webp-lossless-alpha": make_photo("WEBP", _ALPHA, lossless=True),
    "webp-lossy-alpha": make_photo("WEBP", _ALPHA),
    "webp-one-pixel": make_photo("WEBP", Image.new("RGB", (1, 1))),
    "webp-widest": make_photo("WEBP", Image.new("RGB", (16383, 1)), lossless=True),
    "webp-exif": make_photo("WEBP", exif=EXIF),
    "webp-bare-exif": make_photo("WEBP", exif=EXIF.removeprefix(b"Exif\0\0")),
    "webp-xmp-and-exif": make_photo("WEBP", xmp=PACKET, exif=EXIF),
    "webp-profile": make_photo("WEBP", icc_profile=b"odd size profile"[:15]),
    "webp-animated": make_animation("WEBP"),
    "webp-trailer": make_photo("WEBP") + b"trailer",
}
TIFFS = {
    **{
        f"tiff-{mode}-{compression}": make_photo("TIFF", picture().convert(mode), compression=compression)
        for mode, compression in (
            ("RGB", None),
            ("RGB", "tiff_lzw"),
            ("RGB", "jpeg"),
            ("L", "packbits"),
            ("P", "tiff_adobe_deflate"),
            ("1", "group4"),
            ("CMYK", None),
            ("F", "tiff_lzw"),
        )
    },
    "tiff-alpha": make_photo("TIFF", _ALPHA),
    "tiff-big-endian": make_big_endian_tiff(),
    "tiff-exif": make_photo("TIFF", exif=EXIF),
    "tiff-xmp": make_photo("TIFF", tiffinfo={700: PACKET}),
    "tiff-three-pages": make_photo("TIFF", save_all=True, append_images=[picture().convert("L"), picture((9, 9))]),
    "tiff-odd-length": make_photo("TIFF") + b"x",
}
VARIANTS = PNGS | WEBPS | TIFFS


def ending_of(name: str) -> str:
    """The file name ending for a variant."""
    kind = name.partition("-")[0]
    return "tif" if kind == "tiff" else kind
