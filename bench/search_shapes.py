"""How the index answers for libraries unlike the one of search.py: shapes in, the slowest questions out.

    python bench/search_shapes.py [PHOTOS]

In each library the photos lie in another way; in all of them days, sizes in pixels and places come in no order and are
almost never the same twice, and there are 2,000 cameras, which no real library has: what depends on few values, or on
neighbours being alike, shows here. Milliseconds by the clock, the median of five.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from phototag.index import Hit, Index, Sort, open_index
from phototag.records import Decided, Facts, PhotoRef, Tag, Tagged

BATCH = 4_096
SHAPES: dict[str, Callable[[int, random.Random], str]] = {
    "all in one folder": lambda n, _: f"/photos/IMG_{n:07}.JPG",
    "a folder a photo": lambda n, _: f"/photos/{n % 977}/{n}/a {n}.jpg",
    "300 a folder": lambda n, _: f"/photos/{n // 300}/{n}.jpg",
    "in no order": lambda n, rng: f"/photos/{rng.randrange(2_000)}/{n}.jpg",
}
QUERIES = [
    "dog", "dog beach", "dog -beach", "dog OR cat", "(dog OR cat) tree -beach", "word1", "word12*", "w*", "-dog",
    "name:1", "name:IMG", "path:/photos/1", "folder:photos", "camera:cam", "camera:7", "date:2010",
    "date:2010-07..2011-08", "width:>4000", "size:>5", "dog score:>0.8", "is:duplicate", "is:unsure",
    "near:48,2,500km", "is:tagged", "is:untagged", "ext:jpg", "=dog",
]  # fmt: skip


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    for shape, path_of in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "index.sqlite"
            index, spent = open_index(file), 0.0
            for batch in library(count, path_of):
                start = time.perf_counter()
                index.remember(batch, "bench", "0" * 64)
                spent += time.perf_counter() - start
            size = file.stat().st_size / count
            print(f"\n{count:,} photos, {shape}: {count / spent:,.0f} remembered a second, {size:.0f} bytes a photo")
            for name, seconds in answers(index).items():
                slowest = sorted(seconds, key=lambda query: -seconds[query])[:4]
                told = ", ".join(f"{query} {seconds[query] * 1e3:.1f}" for query in slowest)
                print(f"  {name:8} median {statistics.median(seconds.values()) * 1e3:5.1f}; slowest {told}")
            index.close()


def library(count: int, path_of: Callable[[int, random.Random], str]) -> Iterator[list[Tagged]]:
    rng = random.Random(3)
    words = ["dog", "beach", "cat", "tree", *(f"word{n}" for n in range(296))]
    batch: list[Tagged] = []
    for number in range(count):
        ref = PhotoRef(path_of(number, rng), rng.randrange(10**5, 10**8), number * 10**9)
        day = f"{rng.randrange(1990, 2026)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}T10:00:00"
        spot = (rng.uniform(-80, 80), rng.uniform(-180, 180))
        width, height = rng.randrange(100, 9_000), rng.randrange(100, 9_000)
        facts = Facts("JPEG", width, height, day, f"Cam {rng.randrange(2_000)}", None, spot)
        picked = dict.fromkeys(rng.choices(words, k=3))
        tags = tuple(Tag(word, rng.random()) for word in picked)
        content = rng.randbytes(32)
        decided = Decided(ref, content, facts, tags, tags, 0.2)
        batch.append(Tagged(decided, ref, content, "photo", True, frozenset(picked)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def answers(index: Index) -> dict[str, dict[str, float]]:
    """The seconds that each query takes, by what is asked for."""
    sorts: dict[str, Sort] = {"best 50": "score", "by date": "date", "by path": "path"}
    asked = {name: partial(first, index, sort=sort) for name, sort in sorts.items()} | {"count": index.count}
    return {name: {query: median(partial(ask, query)) for query in QUERIES} for name, ask in asked.items()}


def first(index: Index, query: str, sort: Sort) -> list[Hit]:
    return list(index.search(query, 50, sort=sort))


def median(ask: Callable[[], object]) -> float:
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        ask()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


if __name__ == "__main__":
    main()
