"""Another head on stored embeddings: the tags that a scan would give, and no photo decoded, or opened without need."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phototag.decide import Rules
from phototag.index import Index, open_index
from phototag.metadata import open_writer
from phototag.records import Classifier, Decoded, Dense, Failed, Fit, PhotoRef
from phototag.scan.retag import Retagged, RetagJob, retag
from phototag.undo import undo
from phototag.vectors import VectorFile
from tests.models import COLOURS, ColourBackbone
from tests.scanned import run_scan
from tests.test_scan import held, paint

_SWAPPED = np.float32([[0, 20, 0], [20, 0, 0], [0, 0, 20]])
RED_IS_GREEN: Classifier = replace(COLOURS, layers=(Dense(_SWAPPED, COLOURS.layers[0].bias),))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    for name, colour in (("a.jpg", "red"), ("b.jpg", "green"), ("trip/c.gif", "blue"), ("trip/d.jpg", "grey")):
        paint(folder / name, colour)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(tmp_path / "index.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorFile]:
    opened = VectorFile(tmp_path / "v", ColourBackbone.network)
    yield opened
    opened.close()


def run_retag(index: Index, vectors: VectorFile, *roots: Path, **how: Any) -> Retagged:
    settings: dict[str, Any] = {"model": "colours", "decision": "2", "classifier": RED_IS_GREEN, "rules": Rules()}
    settings |= {"vectors": vectors, "writer": open_writer(), "index": index, "workers": 2} | how
    every = list(retag([str(root) for root in roots], RetagJob(**settings)))
    counts: Counter[str] = Counter()
    for some in every:
        counts.update({name: getattr(some, name) for name in ("same", "settled", "without_vector", "left")})
    tagged = tuple(result for some in every for result in some.tagged)
    return Retagged(tagged, tuple(result for some in every for result in some.failed), **counts)


def test_only_photos_whose_tags_change_are_opened_and_written(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    for name in ("trip/c.gif", "trip/d.jpg"):
        (library / name).chmod(0)
    before = {path: path.stat().st_ino for path in library.rglob("*.*")}
    done = run_retag(index, vectors)
    assert {Path(result.ref.path).name for result in done.tagged} == {"a.jpg", "b.jpg"}
    assert (done.same, done.settled, done.without_vector, done.left, done.failed) == (2, 0, 0, 0, ())
    assert held(library / "a.jpg") == {"green", "colour"}
    assert held(library / "b.jpg") == {"red", "colour"}
    assert {path.name for path in before if path.stat().st_ino != before[path]} == {"a.jpg", "b.jpg"}
    assert [Path(hit.path).name for hit in index.search("green")] == ["a.jpg"]
    assert [Path(hit.path).name for hit in index.search("blue")] == ["c.gif"]


def test_the_index_is_as_a_scan_would_have_left_it(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    run_retag(index, vectors)
    retagged = {path: index.entry(str(path)) for path in library.rglob("*.*") if path.suffix != ".xmp"}
    run_scan(library, index, vectors, decision="2", classifier=RED_IS_GREEN, rescan=True)
    for path, entry in retagged.items():
        scanned = index.entry(str(path))
        assert entry is not None
        assert scanned is not None
        when = scanned.verdicts[0].decided_at
        assert replace(entry, verdicts=tuple(replace(v, decided_at=when) for v in entry.verdicts)) == scanned


def test_a_scan_afterwards_finds_nothing_to_do(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    run_retag(index, vectors)

    def never(ref: PhotoRef, image_size: int, fit: Fit) -> Decoded:
        raise AssertionError(ref)

    run_scan(library, index, vectors, decision="2", classifier=RED_IS_GREEN, decode=never)
    again = run_retag(index, vectors)
    assert (again.settled, again.tagged) == (4, ())


def test_a_retag_is_undone_like_a_scan(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    before = {path: path.read_bytes() for path in library.rglob("*.*")}
    run_retag(index, vectors)
    run = next(iter(index.runs()))
    list(undo(run.number, index, open_writer(), root=None, dry_run=False))
    assert {path: path.read_bytes() for path in library.rglob("*.*")} == before
    assert run_retag(index, vectors).tagged == (), "what was taken back is not written again by the same model"


def test_the_owners_keywords_and_rejections_are_kept(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    photo = library / "a.jpg"
    paint(photo, "red")  # as a program would that drops all keywords
    os.utime(photo, (1, 1))
    run_scan(library, index, vectors)
    run_retag(index, vectors)
    assert held(photo) == {"green"}, "'colour' was taken out by the owner"
    run_retag(index, vectors, decision="3", classifier=COLOURS)
    assert held(photo) == set()
    assert set(index.entry(str(photo)).rejected) == {"red", "colour"}  # type: ignore[union-attr]


def test_a_photo_replaced_after_a_retag_is_a_new_one(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    run_retag(index, vectors)
    paint(library / "a.jpg", "blue")
    run_scan(library, index, vectors, decision="2", classifier=RED_IS_GREEN)
    assert held(library / "a.jpg") == {"blue", "colour"}
    assert index.entry(str(library / "a.jpg")).rejected == ()  # type: ignore[union-attr]


def test_photos_that_changed_or_went_are_left_to_a_scan(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    paint(library / "a.jpg", "blue")
    (library / "b.jpg").unlink()
    changed = (library / "a.jpg").read_bytes()
    assert run_retag(index, vectors).left == 2
    assert (library / "a.jpg").read_bytes() == changed
    run_scan(library, index, vectors, decision="2", classifier=RED_IS_GREEN)
    assert held(library / "a.jpg") == {"blue", "colour"}


def test_photos_without_an_embedding_are_counted_and_a_scan_looks_at_them(
    library: Path, index: Index, vectors: VectorFile, tmp_path: Path
) -> None:
    run_scan(library, index, vectors)
    other = VectorFile(tmp_path / "lost", ColourBackbone.network)
    done = run_retag(index, other)
    assert (done.without_vector, done.tagged) == (4, ())
    run_scan(library, index, other, decision="2", classifier=RED_IS_GREEN)
    assert held(library / "a.jpg") == {"green", "colour"}
    assert run_retag(index, other, decision="3", classifier=COLOURS).without_vector == 0
    other.close()


def test_folders_bound_what_is_tagged(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    paint(library / "trip" / "e.jpg", "red")
    run_scan(library, index, vectors)
    done = run_retag(index, vectors, library / "trip")
    assert [Path(result.ref.path).name for result in done.tagged] == ["e.jpg"]
    assert held(library / "a.jpg") == {"red", "colour"}


def test_without_writing_no_photo_is_opened(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    before = [path for path in library.rglob("*.*") if path.suffix != ".xmp"]
    shutil.rmtree(library)
    done = run_retag(index, vectors, write=False)
    assert len(done.tagged) == 2
    assert [Path(hit.path).name for hit in index.search("green")] == ["a.jpg"]
    places = {Path(path).name: index.entry(str(path)).verdicts[0].where for path in before}  # type: ignore[union-attr]
    assert places == {"a.jpg": "index", "b.jpg": "index", "c.gif": "sidecar", "d.jpg": "photo"}


def test_a_dry_run_changes_nothing(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    before = {path: path.read_bytes() for path in library.rglob("*.*")}
    assert len(run_retag(index, vectors, dry_run=True).tagged) == 2
    assert {path: path.read_bytes() for path in library.rglob("*.*")} == before
    assert [Path(hit.path).name for hit in index.search("red")] == ["a.jpg"]


def test_a_model_that_was_not_there_before_adds_its_words(library: Path, index: Index, vectors: VectorFile) -> None:
    run_scan(library, index, vectors)
    done = run_retag(index, vectors, model="other")
    assert len(done.tagged) == 4
    assert held(library / "a.jpg") == {"red", "green", "colour"}
    assert not any(isinstance(result, Failed) for result in done.failed)
    assert run_retag(index, vectors, model="other").settled == 4
