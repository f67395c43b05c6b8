"""An index in, what is wrong with it out; and what a search reads made anew."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from phototag.errors import IndexFileError
from phototag.index import is_there, postings
from phototag.index.blocks import BLOCK, BLOCK_BITS, Kind, Places, State, places_in
from phototag.index.contents import find_stale, mend
from phototag.index.database import Database, speaking
from phototag.index.opening import open_database
from phototag.index.rows import fetch, run_many
from phototag.index.words import normal_form
from phototag.records import Place

_SCORED = (Kind.KEYWORD, Kind.TAG)
_Sets: TypeAlias = dict[tuple[int, int], tuple[int, bytes]]
"""What a block's postings say: by kind and value the photos, and for words the scores too."""


def check(place: Place, *, repair: bool = False) -> Iterator[str]:
    """Look for damage: in the file's structure, and where two parts of the index do not say the same.

    Waits for its turn beside a scan, and gives it back after each block of photos. What a server keeps on its disk it
    looks after itself.

    Args:
        place: the index.
        repair: make what a search reads anew, where that is what is wrong; what the tables themselves hold is not
            changed.

    Yields:
        What is wrong, a line each, as it is found.

    Raises:
        IndexFileError: as `care.describe`, and where a file is too damaged to go on.
    """
    if not is_there(place):
        raise IndexFileError(f"there is no index yet ({place}): run `phototag scan DIR` first")
    with closing(open_database(place, readonly=False)) as database:
        with database.reading() as connection:
            damage = speaking(connection)[0].damage(speaking(connection)[1])
        yield from damage
        if damage:
            return
        yield from _stale_words(database, repair)
        yield from _stale_contents(database, repair)
        for block in _blocks(database):
            if wrong := _stale_block(database, block, repair):
                first = max(1, block << BLOCK_BITS)
                last = ((block + 1) << BLOCK_BITS) - 1
                yield f"what a search reads of photos {first:,} to {last:,} is not what is known of them: {wrong}"


def _stale_words(database: Database, repair: bool) -> list[str]:
    """How the words' normal forms and their full-text index differ from the words; empty: not at all."""
    told: list[str] = []
    with _turn(database) as turn:
        wrong = [(number, word) for number, word, normal in _words(turn.connection) if normal_form(word) != normal]
        if wrong:
            told.append(f"words are not in the form in which they are compared ({len(wrong):,}): {wrong[0][1]!r}, ...")
        dialect, driver = speaking(turn.connection)
        if differs := dialect.words_differ(driver):
            told.append(f"the index of the words is not in step with them ({differs})")
        if told and repair:
            renewed = [(normal_form(word), number) for number, word in wrong]
            run_many(turn.connection, "UPDATE tags SET normal = ? WHERE id = ?", renewed)
            dialect.renew_words(driver)
            turn.kept = True
    return told


def _stale_contents(database: Database, repair: bool) -> list[str]:
    """How the hashes by which duplicates are found differ from the photos'; empty: not at all."""
    with database.reading() as connection:
        if not any(find_stale(connection)):
            return []
    with _turn(database) as turn:  # a scan may have been at work between: now nobody is
        missing, wrong = find_stale(turn.connection)
        mend(turn.connection, missing, wrong)
        turn.kept = repair
    return [
        f"the hashes by which duplicates are found are not those of the photos ({len(missing) + len(wrong):,} differ)"
    ]


def _words(connection: Connection) -> Iterator[tuple[int, str, str]]:
    yield from fetch(connection, "SELECT id, word, normal FROM tags ORDER BY id")


def _blocks(database: Database) -> list[int]:
    with database.reading() as connection:
        query = f"SELECT block FROM postings UNION SELECT id >> {BLOCK_BITS} FROM photos ORDER BY 1"
        return [block for (block,) in fetch(connection, query)]


def _stale_block(database: Database, block: int, repair: bool) -> str:
    """How a block's postings differ from those that its photos' rows give; empty: not at all."""
    first = block << BLOCK_BITS
    with _turn(database) as turn:
        connection = turn.connection
        there = _sets(connection, block)
        recorded = "SELECT id FROM photos WHERE id BETWEEN ? AND ? AND (format IS NOT NULL OR failure IS NOT NULL)"
        numbers = {number for (number,) in fetch(connection, recorded, (first, first + BLOCK - 1))}
        known, _ = there.get((Kind.IS, State.KNOWN), (0, b""))
        numbers.update(first + place for place in places_in(known))  # of one that is gone nothing will be made
        before = _names(connection, block)
        for table in ("postings", "names"):
            run_many(connection, f"DELETE FROM {table} WHERE block = ?", [(block,)])
        postings.renew(connection, numbers)
        wanted = _sets(connection, block)
        names_differ = _names(connection, block) != before
        differ = [key for key in there.keys() | wanted.keys() if there.get(key) != wanted.get(key)]
        turn.kept = (bool(differ) or names_differ) and repair
    kinds = sorted({_kind_name(kind) for kind, _ in differ})
    told = [f"{len(differ):,} values ({', '.join(kinds)})"] if differ else []
    return " and ".join([*told, "file names"] if names_differ else told)


def _names(connection: Connection, block: int) -> bytes:
    """The text of a block's file names, without what may stand empty at its end."""
    rows = fetch(connection, "SELECT names FROM names WHERE block = ?", (block,))
    return bytes(rows[0][0]).rstrip(b"/") if rows else b""


def _sets(connection: Connection, block: int) -> _Sets:
    """A block's postings without regard to how they are packed."""
    found: _Sets = {}
    query = "SELECT kind, value, entries, bits FROM postings WHERE block = ?"
    for kind, value, entries, bits in fetch(connection, query, (block,)):
        places = Places()
        places.add(kind, entries, bits)
        found[kind, value] = (places.bits, entries or b"" if kind in _SCORED else b"")
    return found


def _kind_name(kind: int) -> str:
    try:
        return Kind(kind).name.lower()
    except ValueError:
        return str(kind)


@dataclass(slots=True)
class _Turn:
    """A transaction that may write; `kept`: what it wrote stays."""

    connection: Connection
    kept: bool = False


@contextmanager
def _turn(database: Database) -> Iterator[_Turn]:
    """Wait for a turn at writing; unless it is to be kept, all is taken back at its end."""
    with database.writing() as connection:
        turn = _Turn(connection)
        yield turn
        transaction = connection.get_transaction()
        if transaction is not None and not turn.kept:
            transaction.rollback()
