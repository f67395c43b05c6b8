"""A PostgreSQL server of the tests' own: made in a folder, reached by a socket there, gone at the end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin")
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=40")
_START_TIMEOUT_S = 60

WITH_PASSWORD = "locked"
"""Whoever is called so must give a password (SCRAM); the others need none."""


def _programs() -> Path | None:
    """Where the server's programs are; Debian does not put them on the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [folder for place in _PLACES for folder in sorted(Path("/").glob(place[1:]))]
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server; its URL.

    PostgreSQL does not run as root: then it runs as nobody. Nothing is synced, for nothing need outlast a crash.
    """
    programs = _programs()
    if programs is None or os.name != "posix":
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="no psycopg here: pip install 'phototag[postgresql]'")
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp"))  # a socket's path must be short
    try:
        if os.geteuid() == 0:
            who = {"user": "nobody", "group": 65_534, "extra_groups": []}
            shutil.chown(folder, "nobody")
        who |= {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        data = folder / "data"
        make = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "phototag",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(make, check=True, capture_output=True, **who)
        (data / "pg_hba.conf").write_text(f"local all {WITH_PASSWORD} scram-sha-256\nlocal all all trust\n")
        command = [programs / "postgres", "-D", data, "-k", folder]
        command += [part for setting in _SETTINGS for part in ("-c", setting)]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, **who) as process:
            try:
                _wait_for(folder, process)
                yield f"postgresql+psycopg://phototag@/postgres?host={folder}"
            finally:
                process.send_signal(2)  # says goodbye to its clients
                process.wait(_START_TIMEOUT_S)
    finally:
        shutil.rmtree(folder)


def _wait_for(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    import psycopg

    end = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(f"postgresql://phototag@/postgres?host={folder}").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"PostgreSQL does not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)


@contextmanager
def empty_schema(server: str) -> Iterator[str]:
    """A schema of its own on a server, for a test; the URL of it."""
    import psycopg

    name = "test_" + os.urandom(8).hex()
    with closing(psycopg.connect(server.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute(f"SET client_min_messages = warning; CREATE SCHEMA {name}".encode())
        try:
            yield f"{server}&options=-csearch_path%3D{name}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE".encode())
