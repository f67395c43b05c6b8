"""A photo's path in, the path of its `.xmp` sidecar out.

The names in use: `IMG.xmp` for `IMG.CR2` (Lightroom, Bridge, Capture One) and `IMG.CR2.xmp` (darktable, digiKam). One
that exists is used, the full name first, for it can mean no other photo. Among photos that share a stem, the stem
name belongs to the one RAW file, else to the one photo that is no JPEG, else to the one JPEG; where two have the same
claim, neither gets it. A photo without a claim gets the full name.
"""

import os
from typing import Literal

SidecarName = Literal["stem", "full"]

# fmt: off
_RAW = (
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos", "mrw", "nef",
    "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
)
_OTHER = (
    "avif", "bmp", "gif", "heic", "heif", "hif", "ico", "j2k", "jp2", "jpx", "jxl", "pbm", "pcx", "pgm", "png", "pnm",
    "ppm", "psd", "tga", "tif", "tiff", "webp",
)
_JPEG = ("jfif", "jpe", "jpeg", "jpg")
# fmt: on
_RANKS = {**dict.fromkeys(_RAW, 0), **dict.fromkeys(_OTHER, 1), **dict.fromkeys(_JPEG, 2)}
_UNKNOWN_RANK = 1
_ENDINGS = (".xmp", ".XMP", ".Xmp")


def sidecar_path(photo: str, name: SidecarName | None = None) -> str:
    """The sidecar of a photo: the one that exists, or where a new one goes.

    Args:
        photo: the real path of the photo.
        name: how a new one is called: "full" for the full name always; else the stem name where it means this photo
            and no other.
    """
    return existing_sidecar(photo) or new_sidecar(photo, name)


def existing_sidecar(photo: str) -> str | None:
    """The sidecar a photo has. Costs six look-ups in a folder where there is none: shares on a network are slow."""
    stem, _ = os.path.splitext(photo)
    for base in (photo, stem):
        for ending in _ENDINGS:
            if os.path.lexists(base + ending):
                return base + ending if base is photo or _owns_stem(photo) else None
    return None


def new_sidecar(photo: str, name: SidecarName | None = None) -> str:
    """Where a new sidecar goes; see `sidecar_path`."""
    stem, _ = os.path.splitext(photo)
    return (stem if name != "full" and _owns_stem(photo) else photo) + _ENDINGS[0]


def _owns_stem(photo: str) -> bool:
    """Whether the stem name means this photo and no other beside it."""
    stem, ending = os.path.splitext(photo)
    if not ending:
        return False
    rank = _RANKS.get(ending[1:].lower(), _UNKNOWN_RANK)
    rivals = [(other, other_rank) for other, other_rank in _RANKS.items() if other_rank <= rank]
    return not any(
        _is_another(photo, f"{stem}.{spelled}")
        for other, _ in rivals
        for spelled in (other, other.upper(), other.capitalize())
    )


def _is_another(photo: str, candidate: str) -> bool:
    """Whether there is such a file and it is not the photo itself, whose name a file system may find in any case."""
    try:
        found = os.stat(candidate)
    except OSError:
        return False
    return candidate != photo and not os.path.samestat(found, os.stat(photo))
