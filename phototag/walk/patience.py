"""A look at the disk in, what it saw out, or an error where the disk does not answer."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class Patiently(Protocol):
    """Calls a function that looks at the disk, and does not wait for ever where the disk does not answer."""

    def __call__(self, look: Callable[..., _T], /, *args: Any) -> _T:
        """Return what `look(*args)` returns, or raise what it raises.

        Raises:
            UnreadableError: it has not come back in time. It is left to itself, and may come back later.
        """
        ...


def at_once(look: Callable[..., _T], /, *args: Any) -> _T:
    """Call it here, however long it takes."""
    return look(*args)
