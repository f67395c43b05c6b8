"""An index's place in; the index and the writer, held alone while photos are changed, out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from phototag.errors import IndexFileError
from phototag.index import Index, is_there, open_index
from phototag.index.lock import scan_lock
from phototag.metadata import MetadataWriter, WriteOptions, open_writer
from phototag.records import Place


@contextmanager
def opened(place: Place, *, dry_run: bool, how: WriteOptions | None = None) -> Iterator[tuple[Index, MetadataWriter]]:
    """Open what changing photos needs; a dry run takes no lock and opens the index to read.

    Args:
        place: of the index.
        dry_run: whether nothing is to be changed.
        how: how tags are written, unless as by default.

    Raises:
        LockedError: a scan is at work on the index.
        IndexFileError: there is no index, or it cannot be opened.
    """
    if not is_there(place):
        raise IndexFileError(f"there is no index yet ({place}): run `phototag scan DIR` first")
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(scan_lock(place))
        index = open_index(place, readonly=dry_run)
        stack.callback(index.close)
        yield index, open_writer(how)
