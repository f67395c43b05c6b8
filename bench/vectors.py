#!/usr/bin/env python3
"""What the stored embeddings are worth: photos in, a table of figures out, all of one run.

    python bench/vectors.py PHOTOS [--count 1000000] [--retag 100000] [--keep FOLDER]

1. Every photo below PHOTOS is embedded, with the int8 graph and with the float32 one as on a GPU; stored and read back.
   The built-in model decides on what came back and on what went in: on how many photos does it say the same words?
2. A library of `--count` photos is made up: each embedding a mixture of three real ones (weights from a Dirichlet
   distribution) with noise of a factor e^0.25 on every dimension, on the int8 graph's levels. They are stored as a scan
   stores them, and their photos remembered by an index with one word each.
3. `similar` for photos of the library and for real ones that are not in it: time in one process, time of a command of
   its own, and how many of the true ten nearest (by comparing all, in float32) it finds.
4. Near duplicates among 30,000 of them: how many of all close pairs are found by cells, and how fast.
5. `retag --no-write` of `--retag` photos with another head (the built-in one, its bias moved), and how many of its
   decisions are those that a scan with that head would take.

With `--keep` the library is built once in that folder. Needs 2 GB of disk for each million.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from phototag.backbone.litert import LiteRTBackbone
from phototag.bundle import BUILT_IN, Bundle, find_bundle
from phototag.cores import usable_cores
from phototag.decide import Rules, decide
from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import Classifier, Decided, Decoded, Embedded, Facts, PhotoRef, Tag, Tagged, Vectors
from phototag.scan.retag import RetagJob, retag
from phototag.vectors import VectorFile, vectors_path
from phototag.vectors.nearest import Shelf
from phototag.vectors.pairs import close_pairs
from phototag.vectors.quantise import pack, unpack
from phototag.walk import walk

FACTS = Facts("JPEG", 4000, 3000)
QUERIES, NEAREST, PAIRED, CLOSE, BATCH = 100, 10, 30_000, 0.9, 1000


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("photos", type=Path)
    ask.add_argument("--count", type=int, default=1_000_000)
    ask.add_argument("--retag", type=int, default=100_000)
    ask.add_argument("--keep", type=Path)
    given = ask.parse_args()
    bundle = find_bundle(BUILT_IN, Path())
    real, exact = embed(given.photos, bundle)
    for name, vectors in (("int8 graph", real), ("float32 graph", exact)):
        print(f"decides the same once stored, {name:15} {same_decisions(vectors, bundle):>9.2%} of {len(vectors):,}")
    with tempfile.TemporaryDirectory() as scratch:
        home = given.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        path = home / f"index-{given.count}.sqlite"
        if not path.exists():
            build(path, real, given.count, bundle)
        file = VectorFile(vectors_path(path, bundle.network), bundle.network, readonly=True)
        print(f"bytes a photo                                 {file.path.stat().st_size / given.count:>9,.0f}")
        search(file, real, exact)
        start_cold(path, given.count)
        pairs(file)
        file.close()
        tag_anew(Path(scratch), real, given.retag, bundle)


def embed(folder: Path, bundle: Bundle) -> tuple[Vectors, Vectors]:
    """The embeddings of real photos by both graphs."""
    network = bundle.network
    graphs = [LiteRTBackbone(network), LiteRTBackbone(network, graph="float32")]
    found: list[list[Vectors]] = [[], []]

    def load(ref: PhotoRef) -> Decoded | None:
        try:
            return decode(ref, network.image_size, network.fit)
        except PhotoError:
            return None

    refs = [item for item in walk([str(folder)]) if isinstance(item, PhotoRef)]
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(refs), BATCH):
            pixels = np.stack([photo.pixels for photo in pool.map(load, refs[start : start + BATCH]) if photo])
            for graph, some in zip(graphs, found, strict=True):
                some.append(graph.embed(pixels))
    return np.concatenate(found[0]), np.concatenate(found[1])


def same_decisions(vectors: Vectors, bundle: Bundle) -> float:
    """On what part of photos the stored vector says the same words as the fresh one."""
    packed = pack(vectors)
    fresh = said(vectors, bundle.classifier)
    stored = said(unpack(packed.codes, packed.scale, packed.offset), bundle.classifier)
    return float(np.mean([one == other for one, other in zip(fresh, stored, strict=True)]))


def words_of(decided: Decided) -> frozenset[str]:
    return frozenset(tag.word for tag in decided.tags)


def said(vectors: Vectors, classifier: Classifier) -> list[frozenset[str]]:
    """The words for each vector."""
    return [words_of(one) for one in decide(photos_of(vectors, 0), classifier, Rules())]


def photos_of(vectors: Vectors, first: int) -> list[Embedded]:
    """Made-up photos, 200 a folder."""
    return [
        Embedded(PhotoRef(f"/photos/{n // 200:05}/IMG_{n:07}.jpg", 3_000_000 + n, n + 1), digest(n), FACTS, vector)
        for n, vector in enumerate(vectors, first)
    ]


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def made_up(real: Vectors, count: int) -> Iterator[Vectors]:
    """Embeddings like those of real photos, a batch at a time."""
    chance = np.random.default_rng(0)
    step = np.float32(np.diff(np.unique(real)).min() if len(np.unique(real)) <= 256 else real.max() / 255)
    for start in range(0, count, BATCH):
        many = min(BATCH, count - start)
        weights = chance.dirichlet([3, 1, 0.7], many).astype(np.float32)
        mixed = sum(weights[:, [n]] * real[chance.integers(0, len(real), many)] for n in range(3))
        mixed = mixed * np.exp(0.25 * chance.standard_normal(mixed.shape, np.float32))
        yield np.clip(np.rint(mixed / step), 0, 255).astype(np.float32) * step


def build(path: Path, real: Vectors, count: int, bundle: Bundle) -> None:
    """Store the library, and print how fast."""
    stored = remembered = 0.0
    index, file = open_index(path), VectorFile(vectors_path(path, bundle.network), bundle.network)
    first = 0
    for vectors in made_up(real, count):
        photos = photos_of(vectors, first)
        first += len(photos)
        start = time.perf_counter()
        for some in range(0, len(photos), 8):  # in the batches of a scan
            file.put([(photo.content_hash, photo.embedding) for photo in photos[some : some + 8]])
        middle = time.perf_counter()
        index.remember([tagged(photo) for photo in photos], bundle.name, "1")
        stored, remembered = stored + middle - start, remembered + time.perf_counter() - middle
    file.close()
    index.close()
    print(f"embeddings stored a second                    {count / stored:>9,.0f}")
    print(f"photos remembered a second                    {count / remembered:>9,.0f}")


def tagged(photo: Embedded) -> Tagged:
    decided = Decided(photo.ref, photo.content_hash, FACTS, (Tag(f"word {photo.content_hash[0]}", 0.9),))
    return Tagged(decided, photo.ref, photo.content_hash, "index")


def search(file: VectorFile, real: Vectors, exact: Vectors) -> None:
    """Time and recall of `similar` in one process."""
    start = time.perf_counter()
    shelf = Shelf(file)
    print(f"opened to be looked through, ms               {1e3 * (time.perf_counter() - start):>9.0f}")
    chance = np.random.default_rng(1)
    known = shelf.vectors(chance.choice(shelf.rows, QUERIES))
    for name, queries in (
        ("photos of the library", known),
        ("other photos", real[chance.integers(0, len(real), QUERIES)]),
        ("others, float32 graph", exact[chance.integers(0, len(exact), QUERIES)]),
    ):
        shelf.nearest(queries[0], NEAREST)
        times, found = [], []
        for query in queries:
            start = time.perf_counter()
            found.append({row for row, _ in shelf.nearest(query, NEAREST)})
            times.append(1e3 * (time.perf_counter() - start))
        truth = all_compared(shelf, queries)
        recall = np.mean([len(some & true) / NEAREST for some, true in zip(found, truth, strict=True)])
        slow = statistics.quantiles(times, n=20)[-1]
        print(f"similar, {name:22} recall@{NEAREST} {recall:.4f}, ms {statistics.median(times):.0f} (p95 {slow:.0f})")


def all_compared(shelf: Shelf, queries: Vectors) -> list[set[int]]:
    """The true nearest, by comparing everything in float32."""
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    for start in range(0, len(shelf.rows), 8192):
        rows = shelf.rows[start : start + 8192]
        vectors = shelf.vectors(rows)
        cosines = (vectors @ unit.T) / np.linalg.norm(vectors, axis=1, keepdims=True)
        for query, column in enumerate(cosines.T):
            top = np.argpartition(-column, NEAREST)[:NEAREST] if len(column) > NEAREST else np.arange(len(column))
            best[query] = sorted(best[query] + [(-float(column[at]), int(rows[at])) for at in top])[:NEAREST]
    return [{row for _, row in some} for some in best]


def start_cold(path: Path, count: int) -> None:
    """The time of whole commands. The photos are made up: empty files stand for those that are asked for."""
    times = []
    chance = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        for number in chance.integers(0, count, 7).tolist():
            photo = Path(folder, f"{number}.jpg")
            photo.write_bytes(b"")
            os.truncate(photo, 5)
            os.utime(photo, ns=(7, 7))
            ref = PhotoRef(str(photo), 5, 7)
            index = open_index(path)
            decided = Decided(ref, digest(number), FACTS, ())
            index.remember([Tagged(decided, ref, digest(number), "index")], BUILT_IN, "1")
            index.close()
            command = [sys.executable, "-m", "phototag", "--index", str(path), "similar", "--model", BUILT_IN]
            start = time.perf_counter()
            run = subprocess.run([*command, "--limit", "10", str(photo)], capture_output=True, text=True, check=False)
            times.append(time.perf_counter() - start)
            assert len(run.stdout.splitlines()) == 10, run.stderr
    print(f"`phototag similar` as a command of its own, s {statistics.median(times):>9.2f} (slowest {max(times):.2f})")


def pairs(file: VectorFile) -> None:
    """How many of the close pairs the cells find."""
    shelf = Shelf(file)
    rows = shelf.rows[:PAIRED]
    start = time.perf_counter()
    found = set(close_pairs(shelf, rows, CLOSE, lambda _: None))
    seconds = time.perf_counter() - start
    vectors = shelf.vectors(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    close = 0
    for begin in range(0, len(rows), 2048):
        at = np.argwhere(vectors[begin : begin + 2048] @ vectors.T >= CLOSE)
        close += int((at[:, 0] + begin < at[:, 1]).sum())
    print(
        f"near duplicates of {len(rows):,}: {seconds:.1f} s, {len(found) / max(close, 1):.2%} of {close:,} close pairs"
    )


def tag_anew(folder: Path, real: Vectors, count: int, bundle: Bundle) -> None:
    """The speed of `retag --no-write`, and whether it decides as a scan."""
    path = folder / "retag.sqlite"
    index, file = open_index(path), VectorFile(folder / "retag.vectors", bundle.network)
    first = 0
    last = bundle.classifier.layers[-1]
    tilt = np.random.default_rng(3).normal(0, 0.5, last.bias.shape).astype(np.float32)
    other = replace(bundle.classifier, layers=(*bundle.classifier.layers[:-1], replace(last, bias=last.bias + tilt)))
    scanned: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for vectors in made_up(real, count):
        photos = photos_of(vectors, first)
        first += len(photos)
        file.put([(photo.content_hash, photo.embedding) for photo in photos])
        decided = decide(photos, bundle.classifier, Rules())
        index.remember([Tagged(one, one.ref, one.content_hash, "index") for one in decided], bundle.name, "1")
        for before, after in zip(decided, decide(photos, other, Rules()), strict=True):
            scanned[before.ref.path] = words_of(before), words_of(after)
    job = RetagJob(
        model=bundle.name,
        decision="2",
        classifier=other,
        rules=Rules(),
        vectors=file,
        writer=open_writer(),
        index=index,
        workers=usable_cores() + 1,
        write=False,
    )
    start, used = time.perf_counter(), time.process_time()
    done = list(retag([], job))
    seconds, used = time.perf_counter() - start, time.process_time() - used
    changed = {one.ref.path: words_of(one.decided) for some in done for one in some.tagged}
    right = sum(changed.get(path, before) == after for path, (before, after) in scanned.items())
    print(f"retag --no-write, photos a second             {count / seconds:>9,.0f}")
    print(f"  of processor time                           {count / used:>9,.0f}")
    print(f"  decides as a fresh scan                     {right / count:>9.2%} ({len(changed):,} other than before)")
    index.close()
    file.close()


if __name__ == "__main__":
    main()
