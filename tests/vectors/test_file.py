"""Embeddings survive: processes that are killed, files that are damaged, and a second name for the same photo."""

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phototag.records import Network
from phototag.vectors import VectorFile, vectors_path
from phototag.vectors.file import pace_of
from phototag.vectors.layout import KEY, KEYS, ROWS
from phototag.vectors.nearest import Shelf

_opened: list[VectorFile] = []
NETWORK = Network("small", "5" * 64, "", {}, image_size=32, embedding_size=70, fit="crop")


@pytest.fixture(autouse=True)
def all_closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def vector_file(path: Path, *, readonly: bool = False) -> VectorFile:
    _opened.append(VectorFile(path, NETWORK, readonly=readonly))
    return _opened[-1]


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 70)).astype(np.float32) * np.float32(0.02)


def filled(path: Path, count: int) -> VectorFile:
    file = vector_file(path)
    file.put([(digest(number), vector) for number, vector in enumerate(vectors(count))])
    return file


def test_each_network_has_a_file_beside_the_index(tmp_path: Path) -> None:
    path = vectors_path(tmp_path / "index.sqlite", NETWORK)
    assert path == tmp_path / "index.sqlite.555555555555.vectors"


@pytest.mark.parametrize("again", [False, True], ids=["at once", "by another process"])
def test_embeddings_come_back_by_content(tmp_path: Path, again: bool) -> None:
    file = filled(tmp_path / "v", 30)
    if again:
        file.close()
        file = vector_file(tmp_path / "v", readonly=True)
    assert len(file) == 30
    for number, vector in enumerate(vectors(30)):  # more than are looked for one by one
        assert np.allclose(file.get(digest(number)), vector, rtol=3e-7)
    assert file.get(digest(99)) is None


@pytest.mark.parametrize("again", [False, True], ids=["at once", "by another process"])
def test_a_photo_that_was_written_leads_to_the_same_vector_as_before(tmp_path: Path, again: bool) -> None:
    file = filled(tmp_path / "v", 3)
    file.alias([(digest(1), digest(101)), (digest(77), digest(177))])
    if again:
        file.close()
        file = vector_file(tmp_path / "v")
        file.alias([(digest(101), digest(201))])
    assert np.allclose(file.get(digest(101)), vectors(3)[1])
    assert file.get(digest(177)) is None
    assert len(file) == 3
    assert set(file.hashes_of([1])[1]) == {digest(1), digest(101)} | ({digest(201)} if again else set())


def test_what_is_known_is_not_stored_twice(tmp_path: Path) -> None:
    file = filled(tmp_path / "v", 5)
    size = os.stat(tmp_path / "v").st_blocks
    file.put([(digest(number), vector) for number, vector in enumerate(vectors(5, seed=1))])
    assert len(file) == 5
    assert np.allclose(file.get(digest(2)), vectors(5)[2])
    assert os.stat(tmp_path / "v").st_blocks == size


def test_a_file_grows_by_blocks_and_goes_on_where_it_was(tmp_path: Path) -> None:
    filled(tmp_path / "v", ROWS - 10).close()
    file = vector_file(tmp_path / "v")
    file.put([(digest(10_000 + number), vector) for number, vector in enumerate(vectors(25, seed=2))])
    assert file.blocks == 2
    file.alias((digest(number), digest(50_000 + number)) for number in range(KEYS))
    assert file.blocks == 2
    file.close()
    file = vector_file(tmp_path / "v")
    assert len(file) == ROWS + 15
    assert np.allclose(file.get(digest(10_024)), vectors(25, seed=2)[24])
    assert np.allclose(file.get(digest(50_007)), vectors(8)[7], rtol=3e-7)


def test_a_reader_sees_what_was_there_and_a_writer_goes_on(tmp_path: Path) -> None:
    writer = filled(tmp_path / "v", 10)
    reader = vector_file(tmp_path / "v", readonly=True)
    shelf = Shelf(reader)
    writer.put([(digest(500), vectors(1, seed=3)[0])])
    assert (len(writer), len(reader), len(shelf.rows)) == (11, 10, 10)
    assert shelf.nearest(vectors(10)[4], 1)[0][0] == 4


def test_a_reader_creates_nothing_and_writes_nothing(tmp_path: Path) -> None:
    reader = vector_file(tmp_path / "v", readonly=True)
    reader.put([(digest(1), vectors(1)[0])])
    assert (len(reader), reader.get(digest(1)), (tmp_path / "v").exists()) == (0, None, False)


def test_a_row_without_a_key_is_written_over(tmp_path: Path) -> None:
    """As a process leaves it that was killed between a vector and its key."""
    file = filled(tmp_path / "v", 3)
    file.put([(digest(3), vectors(4)[3])])
    file.close()
    with (tmp_path / "v").open("r+b") as raw:
        raw.seek(4096 + 3 * KEY.itemsize)
        raw.write(bytes(KEY.itemsize))
    file = vector_file(tmp_path / "v")
    assert (len(file), file.get(digest(3))) == (3, None)
    file.put([(digest(8), vectors(9)[8])])
    assert file.rows_of([digest(8)]) == {digest(8): 3}


@pytest.mark.parametrize("part", ["codes", "measures", "keys"])
def test_half_a_write_counts_as_none(tmp_path: Path, part: str) -> None:
    """As a machine leaves it that lost power: a page of the file never reached the disk."""
    file = filled(tmp_path / "v", 3)
    layout = file.layout
    file.close()
    at = {"codes": layout.codes_at + 70, "measures": layout.measures_at + 16, "keys": KEY.itemsize + 32}[part]
    with (tmp_path / "v").open("r+b") as raw:
        raw.seek(4096 + at)
        raw.write(b"\2")
    file = vector_file(tmp_path / "v")
    assert file.get(digest(1)) is None
    assert np.allclose(file.get(digest(2)), vectors(3)[2])
    assert 1 not in [row for row, _ in Shelf(file).nearest(vectors(3)[1], 3)] or part == "keys"


@pytest.mark.parametrize(
    "data", [pytest.param(b"something else", id="foreign"), pytest.param(b"phototag vectors\1", id="cut short")]
)
def test_a_damaged_file_is_made_anew_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    (tmp_path / "v").write_bytes(data)
    assert len(vector_file(tmp_path / "v", readonly=True)) == 0
    assert (tmp_path / "v").read_bytes() == data
    assert len(filled(tmp_path / "v", 2)) == 2
    assert "made anew" in caplog.text
    assert len(vector_file(tmp_path / "v")) == 2


def test_where_nothing_can_be_written_a_scan_goes_on_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "not a folder").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        file = vector_file(tmp_path / "not a folder" / "v")
        file.put([(digest(1), vectors(1)[0])])
        file.alias([(digest(1), digest(2))])
    assert file.get(digest(1)) is None
    assert caplog.text.count("embeddings are not kept") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_the_embeddings_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = filled(tmp_path / "v", 2)
    with open("/dev/full", "r+b", buffering=0) as full:
        assert file._file is not None
        file._file.close()
        monkeypatch.setattr(file, "_file", full)
        file.put([(digest(9), vectors(1)[0])])
    assert "No space left" in caplog.text
    again = vector_file(tmp_path / "v")
    assert (len(again), again.get(digest(9))) == (2, None)


def test_the_nearest_are_those_that_comparing_all_of_them_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    centres = rng.gamma(0.5, 1, (40, 70))
    every = (centres[rng.integers(0, 40, 6000)] * np.exp(0.3 * rng.normal(size=(6000, 70)))).astype(np.float32)
    file = vector_file(tmp_path / "v")
    file.put([(digest(number), vector) for number, vector in enumerate(every)])
    unit = every / np.linalg.norm(every, axis=1, keepdims=True)
    found = right = 0
    with Shelf(file) as shelf:
        for number in range(0, 6000, 300):
            truth = np.argsort(-(unit @ unit[number]), kind="stable")[:10]
            hits = shelf.nearest(every[number], 10)
            assert hits[0][0] == number
            assert [cosine for _, cosine in hits] == sorted((cosine for _, cosine in hits), reverse=True)
            found += len({row for row, _ in hits}.intersection(truth.tolist()))
            right += abs(hits[1][1] - float((unit @ unit[number])[hits[1][0]])) < 0.01
    assert found >= 0.97 * 200
    assert right == 20


def test_a_smaller_file_keeps_vectors_keys_and_pace_and_its_readers_notice_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "v", 60).close()
    pace = pace_of(tmp_path / "v")
    file = vector_file(tmp_path / "v")
    file.alias([(digest(3), digest(103))])
    reader = vector_file(tmp_path / "v", readonly=True)
    file.reclaim([3, 7])
    assert np.allclose(file.get(digest(103)), vectors(60)[3])
    assert np.allclose(file.get(digest(7)), vectors(60)[7])
    assert (len(file), file.get(digest(4))) == (2, None)
    file.put([(digest(200), vectors(1)[0])])
    file.close()
    assert len(vector_file(tmp_path / "v")) == 3
    assert pace_of(tmp_path / "v") == pace is not None
    assert np.allclose(reader.get(digest(4)), vectors(60)[4])
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_where_there_can_be_no_second_file_the_old_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = filled(tmp_path / "v", 5)
    (tmp_path / "v.new").mkdir()
    file.reclaim([1])
    assert "stays as large as it is" in caplog.text
    assert len(file) == 5
