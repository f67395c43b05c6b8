"""Photos found in, the lines out that show them to people: score, day, path and tags in columns, or pictures."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import click

from phototag.cli.terminal import columns, width_of
from phototag.cli.text import shown
from phototag.cores import usable_cores
from phototag.errors import PhotoError, PhotoTagError
from phototag.index import Hit
from phototag.records import PhotoRef

if TYPE_CHECKING:
    from phototag.decode.safe import SafeDecoder
    from phototag.records import Pixels

_TOGETHER = 100
"""Photos whose columns are aligned, so that the first are not held up by the last."""

_TAGS_LEAST = 24
_SIDE = 144
_LOW, _HIGH = 0.5, 0.8


def lines_of(hits: Iterable[Hit]) -> Iterator[str]:
    """Score, day, path and as many tags as there is room for; a path is never cut, so that it can be copied."""
    stream = iter(hits)
    while some := list(islice(stream, _TOGETHER)):
        dated = any(hit.taken for hit in some)
        room = columns() - _TAGS_LEAST - len(_lead(some[0], dated)) - 2
        paths = [(path, width_of(path)) for path in (shown(hit.path) for hit in some)]
        widest = max((width for _, width in paths if width <= room), default=0)
        for hit, (path, width) in zip(some, paths, strict=True):
            yield _line(hit, dated, path, max(0, widest - width))


def with_pictures(hits: Iterable[Hit], timeout_s: float) -> Iterator[str]:
    """The same, each photo below a small picture of it where one can be made.

    Raises:
        PhotoTagError: the terminal draws no pictures.
    """
    from phototag.cli.pictures import draw, find_protocol
    from phototag.decode.safe import SafeDecoder

    protocol = find_protocol(os.environ)
    if protocol is None:
        raise PhotoTagError(
            "this terminal draws no pictures that phototag knows of (Kitty's, iTerm2's, Sixel): "
            "leave --thumbnails out, or look at the photos with --open"
        )
    with SafeDecoder(timeout_s) as decoder, ThreadPoolExecutor(usable_cores()) as pool:
        stream = iter(hits)
        while some := list(islice(stream, 2 * usable_cores())):
            pictures = pool.map(_picture_by(decoder), some)
            for line, picture in zip(lines_of(some), pictures, strict=True):
                yield line if picture is None else draw(picture, protocol) + line


def _lead(hit: Hit, dated: bool) -> str:
    """What stands before the path."""
    return f"{hit.score:4.2f}  " + (f"{(hit.taken or '')[:10]:10}  " if dated else "")


def _line(hit: Hit, dated: bool, path: str, padding: int) -> str:
    lead = _lead(hit, dated)
    taken = len(lead) + width_of(path)
    styled = click.style(lead[:4], fg=_color(hit.score)) + click.style(lead[4:], dim=True) + path
    tags = _fitting([shown(tag) for tag in hit.tags], columns() - taken - padding - 2)
    if tags:
        return styled + " " * (padding + 2) + click.style(tags, fg="cyan")
    tags = _fitting([shown(tag) for tag in hit.tags], columns() - taken - 2)
    return f"{styled}  {click.style(tags, fg='cyan')}" if tags else styled


def _color(score: float) -> str:
    return "green" if score >= _HIGH else "yellow" if score >= _LOW else "red"


def _fitting(tags: Sequence[str], room: int) -> str:
    """As many tags as fit, with a mark where some do not; empty where not even that fits."""
    for count in range(len(tags), -1, -1):
        listed = ", ".join(tags[:count] if count == len(tags) else [*tags[:count], "…"])
        if width_of(listed) <= room:
            return listed
    return ""


def _picture_by(decoder: "SafeDecoder") -> "Callable[[Hit], Pixels | None]":
    def picture(hit: Hit) -> "Pixels | None":
        try:
            status = os.stat(hit.path)
            photo = decoder(PhotoRef(hit.path, status.st_size, status.st_mtime_ns), _SIDE, "pad")
        except (OSError, PhotoError):
            return None
        scale = _SIDE / max(photo.facts.width, photo.facts.height)
        width, height = (max(1, round(side * scale)) for side in (photo.facts.width, photo.facts.height))
        left, top = (_SIDE - width) // 2, (_SIDE - height) // 2
        return photo.pixels[top : top + height, left : left + width]

    return picture
