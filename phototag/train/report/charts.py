"""Series of figures in, drawings as inline SVG out, in the page's colours, with a text that says what they show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from phototag.train.report.page import text

Point = tuple[float, float]
_LEFT, _TOP, _RIGHT, _BOTTOM = 38, 8, 8, 30


@dataclass(frozen=True, slots=True)
class Frame:
    """Axes and the size of a drawing.

    Attributes:
        width: of the whole drawing, in its own units.
        height: likewise.
        across: least and greatest value on the horizontal axis.
        up: least and greatest value on the vertical axis.
        names: what the two axes show.
    """

    width: int
    height: int
    across: tuple[float, float]
    up: tuple[float, float]
    names: tuple[str, str]

    def x(self, value: float) -> float:
        """Where a value lies, from the left."""
        low, high = self.across
        return round(_LEFT + (value - low) / ((high - low) or 1) * (self.width - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        """Where a value lies, from above."""
        low, high = self.up
        return round(self.height - _BOTTOM - (value - low) / ((high - low) or 1) * (self.height - _TOP - _BOTTOM), 1)


def drawing(frame: Frame, about: str, marks: Iterable[str]) -> str:
    """A whole drawing.

    Args:
        frame: its axes.
        about: what it shows, for screen readers.
        marks: from the functions below, the lowest first.
    """
    return (
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{text(about)}">'
        + "".join(_axes(frame))
        + "".join(marks)
        + "</svg>"
    )


def line(frame: Frame, points: Sequence[Point], kind: str = "first") -> str:
    """A line through points; `kind` is one of the style's colours, "first" or "second", or "guide"."""
    if not points:
        return ""
    path = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in points)
    return f'<polyline class="{"" if kind == "guide" else "line "}{kind}" points="{path}"/>'


def dot(frame: Frame, point: Point, about: str, kind: str = "first", radius: float = 3.5) -> str:
    """A dot that says what it is when it is pointed at."""
    return (
        f'<circle class="dot {kind}" cx="{frame.x(point[0])}" cy="{frame.y(point[1])}" r="{radius:.1f}">'
        f"<title>{text(about)}</title></circle>"
    )


def _axes(frame: Frame) -> Iterable[str]:
    (left, right), (low, high) = frame.across, frame.up
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{frame.height - _BOTTOM}H{frame.width - _RIGHT}"/>'
    base = frame.height - _BOTTOM + 13
    yield f'<text x="{_LEFT}" y="{base}">{left:g}</text>'
    yield f'<text x="{frame.width - _RIGHT}" y="{base}" text-anchor="end">{right:g}</text>'
    below = frame.x((left + right) / 2)
    yield f'<text x="{below}" y="{frame.height - 4}" text-anchor="middle">{text(frame.names[0])}</text>'
    yield f'<text x="{_LEFT - 4}" y="{frame.y(low)}" text-anchor="end">{low:.2g}</text>'
    yield f'<text x="{_LEFT - 4}" y="{frame.y(high) + 8}" text-anchor="end">{high:.2g}</text>'
    middle = (_TOP + frame.height - _BOTTOM) / 2
    yield f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{text(frame.names[1])}</text>'
