"""A patch turns the new bytes back into the old ones, whatever they are, and is small where phototag wrote."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phototag.metadata.patch import apply_patch, make_patch
from tests.metadata.files import tag
from tests.photos import make_jpeg

_PIECES = st.lists(st.sampled_from([b"a", b"abc" * 20, b"\x00" * 100, bytes(range(256)), b"xy" * 40]), max_size=12)


@given(old=st.binary(max_size=400), new=st.binary(max_size=400))
def test_any_bytes_come_back(old: bytes, new: bytes) -> None:
    assert apply_patch(new, make_patch(new, old)) == old


@given(old=_PIECES, new=_PIECES)
def test_bytes_that_share_pieces_in_any_order_come_back(old: list[bytes], new: list[bytes]) -> None:
    before, after = b"".join(old), b"".join(new)
    assert apply_patch(after, make_patch(after, before)) == before


@given(data=st.binary(min_size=200, max_size=2000), more=st.binary(max_size=300), at=st.integers(0, 200))
def test_what_was_only_inserted_costs_a_few_bytes(data: bytes, more: bytes, at: int) -> None:
    new = data[:at] + more + data[at:]
    patch = make_patch(new, data)
    assert apply_patch(new, patch) == data
    assert len(patch) < 40


@given(patch=st.binary(max_size=60), new=st.binary(max_size=60))
def test_a_damaged_patch_is_refused_or_gives_other_bytes_and_never_more(patch: bytes, new: bytes) -> None:
    for damaged in (patch, zlib.compress(patch)):
        try:
            apply_patch(new, damaged)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (b"not deflated", "damaged"),
        (zlib.compress(b"\x00\x05\x01"), "not one for this file"),
        (zlib.compress(b"\x00\x80"), "ends too soon"),
    ],
    ids=["no patch", "for a longer file", "cut"],
)
def test_a_patch_that_cannot_be_applied_says_so(patch: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        apply_patch(b"abc", patch)


def test_a_photos_patch_is_small_and_of_the_size_of_the_change(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(make_jpeg(size=(640, 480)))
    old = photo.read_bytes()
    tag(photo, ["animal", "dog"])
    new = photo.read_bytes()
    patch = make_patch(new, old)
    assert apply_patch(new, patch) == old
    assert len(patch) < 100
