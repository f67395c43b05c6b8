"""What a terminal is sent, it draws as the photo."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from phototag.cli.pictures import draw
from phototag.records import Pixels


@pytest.fixture
def pixels() -> Pixels:
    """A gradient with sides that are no multiples of anything."""
    across, down = np.meshgrid(np.linspace(0, 255, 61), np.linspace(0, 255, 43))
    return np.stack([across, down, 255 - across], axis=2).astype(np.uint8)


def opened(png: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_kitty_is_sent_a_png_in_pieces(pixels: Pixels) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for image in (pixels, noise):
        commands = re.findall(r"\x1b_G(.*?)(m=\d);(.*?)\x1b\\", draw(image, "kitty"))
        assert all(len(data) <= 4_096 for _, _, data in commands)
        assert [more for _, more, _ in commands] == ["m=1"] * (len(commands) - 1) + ["m=0"]
        assert (opened(b64decode("".join(data for _, _, data in commands))) == image).all()
    assert len(commands) > 1


def test_iterm_is_sent_a_png(pixels: Pixels) -> None:
    match = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);.*:(.*)\x07\n", draw(pixels, "iterm"))
    assert match is not None
    png = b64decode(match[2])
    assert len(png) == int(match[1])
    assert (opened(png) == pixels).all()


def test_sixel_is_near_the_picture(pixels: Pixels) -> None:
    drawn = from_sixel(draw(pixels, "sixel"))
    assert drawn.shape == pixels.shape
    assert (drawn >= 0).all(), "every pixel is set"
    assert np.abs(drawn.mean(axis=(0, 1)) - pixels.mean(axis=(0, 1))).max() < 8
    assert np.abs(drawn - pixels.astype(int)).max() <= 256 / 5 + 1


def test_sixel_draws_plain_colours_exactly() -> None:
    for colour in ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)):
        plain = np.full((7, 5, 3), colour, np.uint8)
        assert (from_sixel(draw(plain, "sixel")) == plain).all()


def from_sixel(text: str) -> "np.ndarray[tuple[int, int, int], np.dtype[np.int64]]":
    """Draw it as a terminal does; -1 where nothing was drawn."""
    match = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\\n', text)
    assert match is not None
    image = np.full((int(match[2]), int(match[1]), 3), -1)
    colours: dict[int, list[float]] = {}
    x = y = colour = 0
    for define, choose, times, mark, move in re.findall(
        r"#(\d+;2;\d+;\d+;\d+)|#(\d+)|(?:!(\d+))?([?-~])|([$-])", match[3]
    ):
        if define:
            number, _, *percent = map(int, define.split(";"))
            colours[number] = [round(value * 2.55) for value in percent]
        elif choose:
            colour = int(choose)
        elif move:
            x, y = 0, y + (6 if move == "-" else 0)
        else:
            after = x + int(times or 1)
            for bit in range(6):
                if (ord(mark) - 63) >> bit & 1:
                    image[y + bit, x:after] = colours[colour]
            x = after
    return image
