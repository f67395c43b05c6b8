"""A photo's pixels in, what a terminal draws them for out: Kitty's, iTerm2's and DEC's (Sixel) ways to send pictures.

Written here, for they are a few lines each: term-image, the one library for all three, has had no release since
2024 and keeps Pillow below 11.

https://sw.kovidgoyal.net/kitty/graphics-protocol, https://iterm2.com/documentation-images.html, and chapter 14 of DEC's
VT330/VT340 Programmer Reference Manual.
"""

import os
import select
import struct
import sys
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from itertools import groupby
from typing import Literal

import numpy as np

from phototag.records import Pixels

Protocol = Literal["kitty", "iterm", "sixel"]

ROWS = 6
"""Lines of text that a picture takes."""

_KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")
_KITTY_PROGRAMS = ("ghostty", "WezTerm")
_ITERM_PROGRAMS = ("iTerm.app", "mintty", "vscode")
_CHUNK = 4_096
_ANSWER_WITHIN_S = 0.5
_LEVELS = (6, 7, 6)
"""Steps of red, green and blue that Sixel's 252 colours have: 256 is what terminals keep."""

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16


def find_protocol(environment: Mapping[str, str]) -> Protocol | None:
    """How the terminal takes pictures; None: not at all.

    Kitty's and iTerm2's ways are known by the environment, Sixel by the answer to DEC's question for attributes.
    """
    if not environment.get("TMUX"):  # within it, the variables of the terminal outside are still to be seen
        program = environment.get("TERM_PROGRAM", "")
        if environment.get("TERM") in _KITTY_TERMS or environment.get("KITTY_WINDOW_ID") or program in _KITTY_PROGRAMS:
            return "kitty"
        if program in _ITERM_PROGRAMS or environment.get("LC_TERMINAL") == "iTerm2":
            return "iterm"
    return "sixel" if _takes_sixel() else None


def draw(pixels: Pixels, protocol: Protocol) -> str:
    """The characters that make a terminal draw a picture, and go to the line below it.

    Args:
        pixels: `(H, W, 3) uint8`, RGB.
        protocol: as `find_protocol` says.
    """
    return {"kitty": _kitty, "iterm": _iterm, "sixel": _sixel}[protocol](pixels)


def _kitty(pixels: Pixels) -> str:
    data = b64encode(_png(pixels)).decode("ascii")
    pieces = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    lead = [f"a=T,f=100,r={ROWS},q=2,", *[""] * (len(pieces) - 1)]
    more = [*["m=1"] * (len(pieces) - 1), "m=0"]
    return "".join(f"\x1b_G{a}{m};{piece}\x1b\\" for a, m, piece in zip(lead, more, pieces, strict=True)) + "\n"


def _iterm(pixels: Pixels) -> str:
    data = _png(pixels)
    how = f"inline=1;size={len(data)};height={ROWS};preserveAspectRatio=1"
    return f"\x1b]1337;File={how}:{b64encode(data).decode('ascii')}\x07\n"


def _sixel(pixels: Pixels) -> str:
    """Bands of six rows; of each band, for each colour in it, which of the six are set in every column."""
    height, width, _ = pixels.shape
    colours = _reduced(pixels)
    used = np.unique(colours)
    registers = "".join(f"#{colour};2;{';'.join(map(str, _percent(int(colour))))}" for colour in used)
    bits = (1 << np.arange(6))[:, None]
    bands = []
    for top in range(0, height, 6):
        band = colours[top : top + 6]
        rows = []
        for colour in np.unique(band):
            marks = ((band == colour) * bits[: len(band)]).sum(axis=0) + 63
            rows.append(f"#{colour}" + "".join(_run(chr(mark), len(list(same))) for mark, same in groupby(marks)))
        bands.append("$".join(rows))
    return f'\x1bPq"1;1;{width};{height}{registers}{"-".join(bands)}\x1b\\\n'


def _run(character: str, times: int) -> str:
    return f"!{times}{character}" if times > 3 else character * times


def _reduced(pixels: Pixels) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """The number of each pixel's colour among the few, dithered in order (Bayer 1973): `(H, W)`."""
    height, width, _ = pixels.shape
    threshold = np.tile(_BAYER, (-(-height // 4), -(-width // 4)))[:height, :width, None]
    steps = np.array(_LEVELS) - 1
    red, green, blue = np.floor(pixels / 255 * steps + threshold * 0.999).astype(np.int64).transpose(2, 0, 1)
    colours: np.ndarray[tuple[int, int], np.dtype[np.int64]] = (red * _LEVELS[1] + green) * _LEVELS[2] + blue
    return colours


def _percent(colour: int) -> tuple[int, ...]:
    """Red, green and blue of one of the few colours, in percent."""
    rest, blue = divmod(colour, _LEVELS[2])
    levels = (*divmod(rest, _LEVELS[1]), blue)
    return tuple(round(100 * level / (steps - 1)) for level, steps in zip(levels, _LEVELS, strict=True))


def _png(pixels: Pixels) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pieces = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in pieces
    )


def _takes_sixel() -> bool:
    """Ask the terminal for its attributes: `ESC [ ? 62 ; 4 c` counts 4, Sixel, among them."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return False
    try:
        into, out = sys.stdin.fileno(), sys.stdout.fileno()
        before = termios.tcgetattr(into)
    except (OSError, ValueError, termios.error):
        return False
    try:
        tty.setcbreak(into)
        os.write(out, b"\x1b[c")
        answer = _answer(into)
    finally:
        termios.tcsetattr(into, termios.TCSADRAIN, before)
    return b"4" in answer.removesuffix(b"c").partition(b"?")[2].split(b";")


def _answer(terminal: int) -> bytes:
    """What it says, up to the `c` that ends it."""
    said, until = b"", time.monotonic() + _ANSWER_WITHIN_S
    while not said.endswith(b"c") and select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
        said += os.read(terminal, 1)
    return said
