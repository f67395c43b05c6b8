"""An index on a server that another one follows: nothing is lost, and nobody is held up."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from phototag.errors import IndexFileError
from phototag.index import Index, is_there, open_index, schemas
from phototag.index.lock import scan_lock
from phototag.index.opening import open_server
from phototag.index.successor import successor_of
from phototag.records import Place, Server
from tests.clusters import empty_schema
from tests.index.raw import opened
from tests.index.records import tagged

_LEFT = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'phototag_rebuilding_%'"


@pytest.fixture
def server(postgresql: str) -> Iterator[Server]:
    """An index that knows a dog."""
    with empty_schema(postgresql) as url:
        with closing(open_index(Server(url))) as index:
            index.remember([tagged("/p/dog.jpg", "dog")], "mine", "1")
        yield Server(url)
        with opened(Server(url)) as raw:
            assert raw.execute(_LEFT).fetchone() == (0,)


def fill(place: Place) -> None:
    """Let it know a cat."""
    with closing(open_index(place)) as index:
        index.remember([tagged("/p/cat.jpg", "cat")], "mine", "1")


def counts(index: Index) -> tuple[int, int]:
    return index.count("dog"), index.count("cat")


def test_the_old_one_stays_whole_in_a_schema_of_its_own(server: Server) -> None:
    with successor_of(server) as successor:
        fill(successor.place)
        aside = successor.take_over()
    assert aside is not None
    for place, known in ((server, (0, 1)), (aside, (1, 0))):
        with closing(open_index(place)) as index:
            assert counts(index) == known
            index.remember([tagged("/p/a.jpg", "cat", "dog"), tagged("/p/b.jpg", "cat")], "mine", "1")
            assert counts(index) == (known[0] + 1, known[1] + 2)
            index.forget([1])
    with opened(server) as raw:
        assert raw.execute("SELECT count(*) FROM photos_view").fetchone() == (2,)
        analysed = "SELECT reltuples FROM pg_class WHERE oid = 'photo_tags'::regclass"
        assert raw.execute(analysed).fetchone() == (1,), "how many rows there were is known before the first search"


def test_where_there_was_none_there_is_one_now(postgresql: str) -> None:
    with empty_schema(postgresql) as url:
        with successor_of(Server(url)) as successor:
            fill(successor.place)
            assert not is_there(Server(url))
            assert successor.take_over() is None
        with closing(open_index(Server(url), readonly=True)) as index:
            assert counts(index) == (0, 1)


def test_what_is_stopped_halfway_changes_nothing(server: Server) -> None:
    with pytest.raises(KeyboardInterrupt), successor_of(server) as successor:
        fill(successor.place)
        raise KeyboardInterrupt
    killed = schemas.Schema(server, open_server(server))
    fill(killed.place)
    killed._database.close()
    with closing(open_index(server)) as index:
        assert counts(index) == (1, 0)
        with successor_of(server) as successor:
            fill(successor.place)  # empty again: the photo is a new one
            assert counts(index) == (1, 0)


def test_whoever_reads_meanwhile_sees_the_old_one_or_the_new_one(server: Server) -> None:
    seen: list[tuple[int, int]] = []
    over = threading.Event()

    def read() -> None:
        with closing(open_index(server, readonly=True)) as index:
            while not over.is_set():
                seen.append((index.count("dog OR cat"), index.count("dog")))

    reader = threading.Thread(target=read)
    with successor_of(server) as successor:
        fill(successor.place)
        reader.start()
        while not seen:
            time.sleep(0.01)
        successor.take_over()
    time.sleep(0.1)
    over.set()
    reader.join()
    assert {both for both, _ in seen} == {1}
    assert (seen[0], seen[-1]) == ((1, 1), (1, 0))


def test_who_reads_without_end_is_waited_for_and_then_told_of(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "_PATIENCE_S", 0.3)
    with opened(server) as reader, closing(open_index(server, readonly=True)) as index:
        reader.execute("SELECT count(*) FROM photos")
        with successor_of(server) as successor:
            fill(successor.place)
            with pytest.raises(IndexFileError, match=r"is being read by another program, .*stays as it was"):
                successor.take_over()
        assert counts(index) == (1, 0)


def test_where_the_lock_of_scans_was_lost_on_the_way_nothing_changes_places(server: Server) -> None:
    with scan_lock(server), successor_of(server) as successor:
        fill(successor.place)
        with opened(server) as raw:
            raw.execute(f"SELECT pg_terminate_backend(pid) FROM ({schemas._LOCK_HOLDER}) AS one")
        with pytest.raises(IndexFileError, match=r"let go of the scan's lock.*stays as it was"):
            successor.take_over()
    with scan_lock(server), successor_of(server) as successor:
        fill(successor.place)
        assert successor.take_over() is not None


def test_who_could_read_the_old_one_can_read_the_new_one(server: Server) -> None:
    with opened(server) as raw:
        raw.execute("DROP ROLE IF EXISTS guest")
        raw.execute("CREATE ROLE guest LOGIN")
        (schema,) = raw.execute("SELECT current_schema()").fetchone()
        raw.execute(f"GRANT USAGE ON SCHEMA {schema} TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO guest")
    with successor_of(server) as successor:
        fill(successor.place)
        successor.take_over()
    guest = Server(server.url.replace("//phototag@", "//guest@"))
    with closing(open_index(guest, readonly=True)) as index:
        assert counts(index) == (0, 1)
    with pytest.raises(IndexFileError, match=r"belongs to the user phototag: rebuild it as that one"):
        successor_of(guest).__enter__()
    with opened(server) as raw:
        raw.execute("DROP OWNED BY guest")
        raw.execute("DROP ROLE guest")


def test_what_is_another_programs_stays(postgresql: str) -> None:
    with empty_schema(postgresql) as url:
        with opened(Server(url)) as raw:
            raw.execute("CREATE TABLE photos (id INT)")
        with pytest.raises(IndexFileError, match="another program's database"):
            successor_of(Server(url)).__enter__()
        with opened(Server(url)) as raw:
            assert raw.execute("SELECT count(*) FROM photos").fetchone() == (0,)
