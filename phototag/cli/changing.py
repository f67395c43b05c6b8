"""The index's path in; the index and the writer, held alone while photos are changed, out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from phototag.errors import IndexFileError
from phototag.index import Index, open_index
from phototag.index.lock import scan_lock
from phototag.metadata import MetadataWriter, WriteOptions, open_writer


@contextmanager
def opened(path: Path, *, dry_run: bool, how: WriteOptions | None = None) -> Iterator[tuple[Index, MetadataWriter]]:
    """Open what changing photos needs; a dry run takes no lock and opens the index to read.

    Args:
        path: of the index.
        dry_run: whether nothing is to be changed.
        how: how tags are written, unless as by default.

    Raises:
        LockedError: a scan is at work on the index.
        IndexFileError: there is no index, or it cannot be opened.
    """
    if not path.exists():
        raise IndexFileError(f"there is no index yet ({path}): run `phototag scan DIR` first")
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(scan_lock(path))
        index = open_index(path, readonly=dry_run)
        stack.callback(index.close)
        yield index, open_writer(how)
