"""Where a photo was taken in, the cell of a grid out, and which cells a circle covers. Pure.

A cell is a hundredth of a degree each way, 1.1 km from south to north and less from west to east. Those that lie within
a circle need no further look; the few that its edge cuts do.
"""

import math
from dataclasses import dataclass

_CELLS_A_DEGREE = 100
_ROWS = 180 * _CELLS_A_DEGREE
_COLUMNS = 360 * _CELLS_A_DEGREE
EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of the Earth (IUGG 1980); distances are right to 0.5 %, for the Earth is a little flat."""

_HALF_CELL_M = math.radians(1 / _CELLS_A_DEGREE) * EARTH_RADIUS_M / math.sqrt(2) * 1.001
"""Half the diagonal of a cell at the equator, and a little for rounding."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Where a photo may have been taken.

    Attributes:
        latitude: of the middle, degrees north.
        longitude: of the middle, degrees east.
        radius_m: metres along the ground.
    """

    latitude: float
    longitude: float
    radius_m: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a point lies within the circle."""
        return distance_m(self.latitude, self.longitude, latitude, longitude) <= self.radius_m


def cell_value(latitude: float, longitude: float) -> int:
    """The number of the cell that a point lies in: cells are counted eastwards, row by row from the South Pole."""
    row = min(_ROWS - 1, math.floor((latitude + 90) * _CELLS_A_DEGREE))
    return row * _COLUMNS + math.floor((longitude + 180) * _CELLS_A_DEGREE) % _COLUMNS


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Metres between two points along a sphere (the haversine formula; Sinnott 1984)."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((other_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def rows_near(circle: Circle) -> tuple[int, int]:
    """The least and the largest number a cell near a circle can have: all cells of the rows that it reaches."""
    reach = math.degrees(circle.radius_m / EARTH_RADIUS_M)
    south, north = max(-90.0, circle.latitude - reach), min(90.0, circle.latitude + reach)
    return cell_value(south, -180), cell_value(north, -180) + _COLUMNS - 1


def cell_lies(cell: int, circle: Circle) -> bool | None:
    """Whether a cell lies within a circle; None: in part, perhaps.

    The distance from a point to a cell's middle tells: no point of the cell is farther from its middle than half the
    diagonal of a cell at the equator.
    """
    row, column = divmod(cell, _COLUMNS)
    latitude, longitude = (row + 0.5) / _CELLS_A_DEGREE - 90, (column + 0.5) / _CELLS_A_DEGREE - 180
    away = distance_m(circle.latitude, circle.longitude, latitude, longitude)
    if away + _HALF_CELL_M <= circle.radius_m:
        return True
    return False if away - _HALF_CELL_M > circle.radius_m else None
