import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from phototag.records import Network
from phototag.train.cache import EmbeddingCache

_NETWORK = Network("small", "f" * 64, "", {}, image_size=32, embedding_size=3, fit="crop")
_HASH = b"h" * 32
_VECTOR = np.array([0.1, -2.5, 3e-8], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "embeddings"


def _filled(folder: Path) -> Path:
    cache = EmbeddingCache(folder, _NETWORK, "cpu")
    cache.put({_HASH: _VECTOR})
    cache.close()
    (path,) = folder.glob("*.sqlite")
    return path


def test_embeddings_come_back_bit_for_bit_in_a_later_run(folder: Path) -> None:
    _filled(folder)
    cache = EmbeddingCache(folder, _NETWORK, "cpu")
    found = cache.get(_HASH)
    assert found is not None
    assert found.dtype == np.float32
    assert found.tobytes() == _VECTOR.tobytes()
    assert cache.get(b"other".ljust(32)) is None
    cache.close()


def test_networks_and_devices_do_not_share_embeddings(folder: Path) -> None:
    _filled(folder)
    other = Network("small", "e" * 64, "", {}, image_size=32, embedding_size=3, fit="crop")
    for cache in (EmbeddingCache(folder, other, "cpu"), EmbeddingCache(folder, _NETWORK, "gpu")):
        assert cache.get(_HASH) is None
        cache.close()


def _overwrite(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1000)


def _cut(path: Path) -> None:
    os.truncate(path, 2000)


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [_overwrite, _cut, _scramble], ids=["another file", "cut", "scrambled"])
def test_a_damaged_cache_is_made_anew_with_a_warning(
    damage: Callable[[Path], None], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(_filled(folder))
    cache = EmbeddingCache(folder, _NETWORK, "cpu")
    assert cache.get(_HASH) is None
    cache.put({_HASH: _VECTOR})
    assert cache.get(_HASH) is not None
    cache.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "made anew" in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("UPDATE embedding SET vector = x'00'", id="cut"),
        pytest.param("UPDATE embedding SET vector = 'text'", id="text"),
        pytest.param("UPDATE embedding SET vector = x'FF' || substr(vector, 2)", id="one byte changed"),
        pytest.param("UPDATE embedding SET hash = x'00'", id="another photo's"),
    ],
)
def test_a_damaged_embedding_counts_as_unknown(damage: str, folder: Path) -> None:
    path = _filled(folder)
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    cache = EmbeddingCache(folder, _NETWORK, "cpu")
    assert cache.get(_HASH) is None
    assert cache.get(b"\0") is None
    cache.close()


def test_a_cache_of_an_older_version_is_emptied(folder: Path) -> None:
    path = _filled(folder)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    cache = EmbeddingCache(folder, _NETWORK, "cpu")
    assert cache.get(_HASH) is None
    cache.close()


def test_without_a_place_for_it_training_goes_on_without_a_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = EmbeddingCache(tmp_path / "file" / "embeddings", _NETWORK, "cpu")
    cache.put({_HASH: _VECTOR})
    assert cache.get(_HASH) is None
    cache.close()
    assert "embeddings are not kept for next time" in caplog.text
    assert len(caplog.records) == 1


def test_several_runs_and_threads_share_a_cache(folder: Path) -> None:
    caches = [EmbeddingCache(folder, _NETWORK, "cpu") for _ in range(3)]
    keys = [number.to_bytes(32, "big") for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: caches[n % 3].put({keys[n]: _VECTOR + n}), range(60)))
        found = list(pool.map(lambda n: caches[(n + 1) % 3].get(keys[n]), range(60)))
    for n, vector in enumerate(found):
        np.testing.assert_array_equal(vector, _VECTOR + n)
    for cache in caches:
        cache.close()
