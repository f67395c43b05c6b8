"""An index on a PostgreSQL server: what is its own; what it shares with a file is asked of both by the other tests."""

import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from phototag.errors import IndexFileError, LockedError, UnreachableError
from phototag.index import Index, is_there, open_index, sqlitefile, tables
from phototag.index.checking import check
from phototag.index.lock import scan_lock
from phototag.records import Server
from tests.clusters import WITH_PASSWORD, empty_schema
from tests.index.raw import opened
from tests.index.records import tagged

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(postgresql: str) -> Iterator[Server]:
    """A place for an index."""
    with empty_schema(postgresql) as url:
        yield Server(url)


@pytest.fixture
def index(server: Server) -> Iterator[Index]:
    with closing(open_index(server)) as opened_:
        yield opened_


def as_user(server: Server, user: str) -> Server:
    return Server(server.url.replace("//phototag@", f"//{user}@"))


def test_the_schema_has_the_migrations_and_the_tables_of_a_file(server: Server, index: Index) -> None:
    from phototag.index import postgresql

    first, *more = [number for number, _ in postgresql.migrations()]
    assert {number for number, _ in sqlitefile._migrations() if number > first} <= set(more)
    engine = create_engine(server.url)
    seen = inspect(engine)
    assert set(seen.get_table_names()) == {*tables.metadata.tables, "phototag_schema"}
    for name, table in tables.metadata.tables.items():
        columns = {column["name"]: str(column["type"]).partition(" COLLATE")[0] for column in seen.get_columns(name)}
        columns.pop("lexemes", None)
        assert list(columns.items()) == [(c.name, str(c.type.compile(engine.dialect))) for c in table.c], name
        assert [c.name for c in table.primary_key] == seen.get_pk_constraint(name)["constrained_columns"], name
        assert {key["constrained_columns"][0] for key in seen.get_foreign_keys(name)} == {
            key.parent.name for key in table.foreign_keys
        } - {column for child, column, _ in postgresql.TRUSTED if child == name}, name
    for child, column, parent in postgresql.TRUSTED:
        (key,) = tables.metadata.tables[child].c[column].foreign_keys
        assert key.column is tables.metadata.tables[parent].c.id
    engine.dispose()


def test_a_row_that_belongs_to_one_that_is_not_there_is_damage(server: Server, index: Index) -> None:
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    assert list(check(server)) == []
    with opened(server) as raw:
        raw.execute("UPDATE verdicts SET decision_id = 9")
    assert list(check(server)) == ["a row of verdicts belongs to one of decisions that is not there"]


def test_names_of_any_length_are_kept_apart(index: Index) -> None:
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghij", k=9_000)) for _ in range(2)]
    folders = ["/" + "/".join("".join(rng.choices("abcdefghij", k=250)) for _ in range(15)) for _ in range(2)]
    index.remember([tagged(f"{folder}/a.jpg", words[n]) for n, folder in enumerate(folders)], "mine", "1")
    index.remember([tagged(f"{folders[0]}/a.jpg", *words)], "mine", "1")
    assert [hit.path for hit in index.search(words[1])] == [f"{folders[0]}/a.jpg", f"{folders[1]}/a.jpg"]
    assert list(index.folders_below("/")) == sorted(folders)
    assert index.count(words[0][:5_000] + "*") == 1
    assert index.count(words[0][:5_000]) == 0


def test_a_reader_sees_whole_batches_and_waits_for_no_writer(server: Server, index: Index) -> None:
    index.remember([tagged(f"/p/{n}.jpg", "dog") for n in range(100)], "mine", "1")
    with closing(open_index(server, readonly=True)) as reader:
        found = reader.search("dog")
        next(found)
        with index._database.writing():  # type: ignore[attr-defined]  # as a scan in the middle of a batch
            start = time.perf_counter()
            assert reader.count("dog") == 100
            assert time.perf_counter() - start < 5
        index.remember([tagged(f"/p/{n}.jpg", "cat") for n in range(100)], "mine", "2")
        assert len(list(found)) == 99, "as of the moment it was asked"
        assert (reader.count("dog"), reader.count("cat")) == (0, 100)


def test_two_writers_take_turns_and_lose_nothing(server: Server) -> None:
    def write(model: str) -> None:
        with closing(open_index(server)) as mine:
            for n in range(8):
                mine.remember([tagged(f"/p/{n}.jpg", f"{model}{n}", "dog")], model, "1")

    writers = [threading.Thread(target=write, args=(model,)) for model in ("mine", "theirs")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with closing(open_index(server, readonly=True)) as index:
        assert (index.photo_count(), index.count("dog")) == (8, 8)
        assert all(index.count(f"{model}{n}") == 1 for model in ("mine", "theirs") for n in range(8))


def test_who_waits_too_long_for_a_turn_is_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    from phototag.index import postgresql

    monkeypatch.setattr(postgresql, "_BUSY_TIMEOUT_S", 1)
    with index._database.writing(), pytest.raises(IndexFileError, match="in use by another program for 1 s"):  # type: ignore[attr-defined]
        index.forget([1])


def test_one_scan_at_a_time_from_all_machines(server: Server) -> None:
    with scan_lock(server):
        with pytest.raises(LockedError, match="another scan is at work on the index postgresql"), scan_lock(server):
            pass
        with closing(open_index(server)) as index:
            index.remember([tagged("/p/a.jpg")], "mine", "1")
    with scan_lock(server):
        pass


def test_a_connection_that_was_cut_is_told_of_and_the_next_one_made(server: Server, index: Index) -> None:
    with opened(server) as raw:
        found = index.folders_below("/")
        assert list(found) == []
        (cut,) = raw.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'phototag' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert cut
    assert index.photo_count() == 0
    cut_off = pytest.raises(UnreachableError, match=r"has hung up .*what was finished is kept")
    with cut_off, index._database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_batch_that_fails_halfway_leaves_nothing(server: Server, index: Index) -> None:
    with pytest.raises(IndexFileError, match="photo_tags"):
        with opened(server) as raw:
            raw.execute("ALTER TABLE photo_tags ADD CHECK (score < 9000)")
        index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    assert (index.photo_count(), index.count("dog")) == (0, 0)
    with opened(server) as raw:
        raw.execute("ALTER TABLE photo_tags DROP CONSTRAINT photo_tags_score_check1")
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    assert index.count("dog") == 1, "no number of a word that was taken back is remembered"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("CREATE TABLE photos (id INT)", "another program's database"),
        ("CREATE TABLE phototag_schema AS SELECT 999 AS version", "version 999.*install a newer phototag"),
    ],
    ids=["of another program", "newer"],
)
def test_what_is_not_ours_or_newer_is_left_alone(server: Server, change: str, problem: str) -> None:
    with opened(server) as raw:
        raw.execute(change)
    for readonly in (True, False):
        with pytest.raises(IndexFileError, match=problem):
            open_index(server, readonly=readonly)


def test_an_older_schema_is_renewed_by_a_writer_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from phototag.index import postgresql

    open_index(server).close()
    newest = postgresql.migrations()[-1][0]
    scripts = [*postgresql.migrations(), (newest + 1, "CREATE TABLE more (id INT)")]
    monkeypatch.setattr(postgresql, "migrations", lambda: scripts)
    with pytest.raises(IndexFileError, match=r"older phototag.*phototag scan"):
        open_index(server, readonly=True)
    for _ in range(2):
        open_index(server).close()
    scripts.append((newest + 2, "CREATE TABLE even_more (id INT); SELECT 1 / 0"))
    with pytest.raises(IndexFileError, match="division by zero"):
        open_index(server)
    with opened(server) as raw:
        query = "SELECT version, to_regclass('more') IS NULL, to_regclass('even_more') IS NULL FROM phototag_schema"
        assert raw.execute(query).fetchone() == (newest + 1, False, True), "a migration runs whole or not at all"


def test_to_read_takes_no_more_than_the_right_to_read(server: Server, index: Index) -> None:
    index.remember([tagged("/p/a.jpg", "dog")], "mine", "1")
    with opened(server) as raw:
        raw.execute("DROP ROLE IF EXISTS visitor")
        raw.execute("CREATE ROLE visitor LOGIN")
    visitor = as_user(server, "visitor")
    with pytest.raises(IndexFileError, match="has no schema that this user may use"):
        open_index(visitor, readonly=True)
    with opened(server) as raw:
        raw.execute("DO $$ BEGIN EXECUTE 'GRANT USAGE ON SCHEMA ' || current_schema() || ' TO visitor'; END $$")
        raw.execute(
            "DO $$ BEGIN EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA ' || current_schema() || ' TO visitor'; END $$"
        )
    with closing(open_index(visitor, readonly=True)) as reader:
        assert [hit.tags for hit in reader.search("dog")] == [("dog",)]
    with pytest.raises(IndexFileError, match="may not be used so by this user"), closing(open_index(visitor)) as writer:
        writer.forget([1])
    with opened(server) as raw:
        raw.execute("DROP OWNED BY visitor")
        raw.execute("DROP ROLE visitor")


def test_a_password_comes_from_the_url_the_environment_a_file_or_a_service(
    postgresql: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(Server(postgresql)) as raw:
        raw.execute("SET password_encryption = 'scram-sha-256'")
        raw.execute(f"DROP ROLE IF EXISTS {WITH_PASSWORD}")
        raw.execute(f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD 'open sesame'")
    folder = postgresql.rpartition("=")[2]
    server = as_user(Server(postgresql), WITH_PASSWORD)
    with pytest.raises(UnreachableError, match=r"no password supplied.*PGPASSWORD or ~/\.pgpass"):
        is_there(server)
    with pytest.raises(UnreachableError, match="password authentication failed"):
        is_there(as_user(Server(postgresql), f"{WITH_PASSWORD}:wrong"))
    assert not is_there(as_user(Server(postgresql), f"{WITH_PASSWORD}:open%20sesame"))
    with monkeypatch.context() as environment:
        environment.setenv("PGPASSWORD", "open sesame")
        assert not is_there(server)
    passwords = home / "passwords"
    passwords.write_text(f"*:*:*:{WITH_PASSWORD}:open sesame\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert not is_there(server)
    (home / "services").write_text(f"[nas]\nhost={folder}\nuser={WITH_PASSWORD}\ndbname=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(home / "services"))
    assert not is_there(Server("postgresql+psycopg:///?service=nas"))


def test_a_server_that_says_nothing_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UnreachableError, match="timeout expired"):
            is_there(Server(f"postgresql://me@127.0.0.1:{port}/photos?connect_timeout=2"))


def test_a_place_that_cannot_be_reached_is_told_of_without_the_password(postgresql: str, tmp_path: Path) -> None:
    for url, problem in (
        (f"postgresql://me:secret@/photos?host={tmp_path}", "cannot be reached.*check that the server runs"),
        ("postgresql://me:secret@localhost:1/photos?connect_timeout=2", "cannot be reached"),
        (postgresql.replace("phototag@/postgres", "phototag:secret@/nothing"), 'database "nothing" does not exist'),
        ("postgresql://me:secret@host:port/photos", "is no URL of a database"),
    ):
        for ask in (open_index, is_there):
            with pytest.raises(IndexFileError, match=problem) as caught:
                ask(Server(url))
            assert "secret" not in str(caught.value)


def test_a_database_in_another_encoding_is_refused(postgresql: str) -> None:
    with opened(Server(postgresql)) as raw:
        raw.autocommit = True
        raw.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(IndexFileError, match="holds LATIN1: make one with ENCODING 'UTF8'"):
        open_index(Server(postgresql.replace("/postgres?", "/latin?")))


def test_without_psycopg_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("phototag.index.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(IndexFileError, match=r"needs psycopg .*pip install 'phototag\[postgresql\]'"):
        open_index(Server("postgresql+psycopg://me@nas/photos"))


def test_a_file_needs_no_psycopg(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from phototag.index import open_index, open_search
        open_index(Path(sys.argv[1])).close()
        open_search(Path(sys.argv[1])).count("dog")
        print([name for name in sys.modules if name.startswith(("psycopg", "phototag.index.postgresql"))])
    """
    command: list[Any] = [sys.executable, "-c", code, tmp_path / "index.sqlite"]
    run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
