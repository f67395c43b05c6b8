"""How much an index takes: the record that every database fills in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """How much an index takes.

    Attributes:
        version: of the schema.
        size_bytes: all of it.
        free_bytes: of these, what could be given back; None: not known.
    """

    version: int
    size_bytes: int
    free_bytes: int | None
