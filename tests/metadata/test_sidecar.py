"""Which sidecar is whose."""

from pathlib import Path

import pytest

from phototag.metadata.sidecar import sidecar_path


@pytest.mark.parametrize(
    ("photo", "beside", "sidecar"),
    [
        pytest.param("IMG.CR2", [], "IMG.xmp", id="a raw alone"),
        pytest.param("IMG.CR2", ["IMG.JPG"], "IMG.xmp", id="a raw with its JPEG"),
        pytest.param("IMG.JPG", ["IMG.CR2"], "IMG.JPG.xmp", id="the JPEG of a raw"),
        pytest.param("IMG.JPG", ["IMG.CR2", "IMG.xmp"], "IMG.JPG.xmp", id="the JPEG of a raw that has a sidecar"),
        pytest.param("IMG.png", ["IMG.heic"], "IMG.png.xmp", id="two with the same claim"),
        pytest.param("IMG.heic", ["IMG.png", "IMG.xmp"], "IMG.heic.xmp", id="two with the same claim and a sidecar"),
        pytest.param("IMG.heic", ["IMG.dng"], "IMG.heic.xmp", id="a raw goes first"),
        pytest.param("IMG.CR2", ["IMG.CR2.xmp"], "IMG.CR2.xmp", id="darktable's name"),
        pytest.param("IMG.CR2", ["IMG.XMP"], "IMG.XMP", id="another case"),
        pytest.param("IMG.CR2", ["IMG.xmp", "IMG.CR2.xmp"], "IMG.CR2.xmp", id="both names"),
        pytest.param("IMG.jpg", [], "IMG.xmp", id="a JPEG alone"),
        pytest.param("IMG.jpg", ["IMG.jpeg"], "IMG.jpg.xmp", id="two JPEGs"),
        pytest.param("IMG", [], "IMG.xmp", id="no ending"),
        pytest.param("IMG.scan", ["IMG.png"], "IMG.scan.xmp", id="an unknown ending"),
    ],
)
def test_each_photo_has_a_sidecar_that_means_no_other(
    tmp_path: Path, photo: str, beside: list[str], sidecar: str
) -> None:
    for name in (photo, *beside):
        (tmp_path / name).touch()

    assert Path(sidecar_path(str(tmp_path / photo))).name == sidecar
