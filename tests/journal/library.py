"""What the tests of undo and untag share: scans with small models, and other programs that work on the photos."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from phototag.decide import Rules
from phototag.index import Index
from phototag.metadata import open_writer
from phototag.records import Event, Memory, PhotoRef
from phototag.scan import Job, scan
from phototag.undo import Undone, undo
from phototag.untag import Untagged, untag
from tests.models import COLOURS, ColourBackbone

_PAINT = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "grey": (128, 128, 128)}
T = TypeVar("T")
Snapshot = dict[str, tuple[bytes, int]]


def paint(path: Path, colour: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), _PAINT[colour]).save(path)
    return path


def files(library: Path) -> Snapshot:
    """Every file with its bytes and its time."""
    found = (path for path in library.rglob("*") if path.is_file())
    return {str(path.relative_to(library)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def run_scan(library: Path, index: Index, **how: Any) -> list[Event]:
    settings: dict[str, Any] = {"model": "colours", "decision": "1", "classifier": COLOURS, "rules": Rules(None, None)}
    settings |= {"backbone": ColourBackbone(), "writer": open_writer(), "index": index, "workers": 2} | how
    return list(scan([str(library)], Job(**settings)))


def run_undo(index: Index, number: int, root: Path | None = None, **how: Any) -> dict[str, str]:
    """What the undo says of each file: the way it took, or why it failed."""
    events = undo(number, index, open_writer(), **{"root": root and str(root), "dry_run": False, **how})
    return {
        Path(event.path if isinstance(event, Undone) else event.ref.path).name: (
            event.way if isinstance(event, Undone) else event.reason
        )
        for event in events
    }


def run_untag(index: Index, word: str | None, root: Path | None = None, **how: Any) -> dict[str, set[str]]:
    events = untag(word, index, open_writer(), **{"root": root and str(root), "dry_run": False, **how})
    return {Path(event.path).name: set(event.words) for event in events if isinstance(event, Untagged)}


def held(path: Path) -> set[str]:
    found = open_writer().read(str(path))
    return {*found.photo, *found.sidecar}


def edit(path: Path, words: Sequence[str], without: Sequence[str] = ()) -> None:
    """Give a photo keywords, and take some away, as another program would."""
    writer = open_writer()
    facts = path.stat()
    ref = PhotoRef(str(path), facts.st_size, facts.st_mtime_ns)
    others = frozenset(words) & held(path)  # a word is taken out of paths that hold it beside these, too
    writer.apply(writer.plan(ref, list(words), Memory(added=frozenset(without), others=others)))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000_000))


def found(index: Index, word: str) -> set[str]:
    return {Path(hit.path).name for hit in index.search(word)}


class InOneThread(Executor):
    """A pool that does what it is given at once, in the caller's thread."""

    def __init__(self, max_workers: int | None = None, thread_name_prefix: str = "") -> None:
        """Take what `ThreadPoolExecutor` takes."""

    def submit(self, call: Callable[..., T], /, *args: Any, **named: Any) -> "Future[T]":
        done: Future[T] = Future()
        try:
            done.set_result(call(*args, **named))
        except Exception as exc:  # noqa: BLE001 - as a pool does
            done.set_exception(exc)
        return done
