"""How fast the index remembers, and how fast it answers: a synthetic library in, a table of figures out.

    python bench/search.py [PHOTOS]

Words follow Zipf's law (the n-th most frequent word is on 1/n as many photos as the first), each photo has three words
of 2,000 with one or two broader ones of 60, in folders of 200 photos; one photo in ten has keywords of its owner's.
"""

import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

from phototag.index import Index, open_index
from phototag.records import Decided, Facts, PhotoRef, Tag, Tagged

WORDS, BROADER, BATCH, PER_FOLDER, ROUNDS = 2_000, 60, 512, 200, 20
CAMERAS = [f"Maker Model {n}" for n in range(25)]
QUERIES = ["dog", "animal", "dog beach", "dog -beach", "dog OR beach", '"hot dog"', "(dog OR cat) animal -tree", "-dog"]
NAMED = ["dog", "beach", "cat", "tree", "car", "hot dog", "animal dog"]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        index = open_index(path)
        built = build(index, count)
        index.close()
        print(f"photos                        {count:>12,}")
        print(f"remembered, photos/s          {count / built:>12,.0f}")
        print(f"bytes a photo                 {path.stat().st_size / count:>12,.0f}")
        answer(path, count)


def build(index: Index, count: int) -> float:
    """Remember the library; seconds, without the making of the records."""
    spent = 0.0
    for batch in library(count):
        start = time.perf_counter()
        index.remember(batch, "bench", "0" * 64)
        spent += time.perf_counter() - start
    return spent


def library(count: int) -> Iterator[list[Tagged]]:
    rng = random.Random(1)
    words = [NAMED[n] if n < len(NAMED) else f"word{n}" for n in range(WORDS)]
    weights = list(accumulate(1 / (n + 1) for n in range(WORDS)))
    above = [("animal",) if n % 3 == 0 else (f"kind{n % BROADER}", f"kind{n % 7}") for n in range(WORDS)]
    batch: list[Tagged] = []
    for number in range(count):
        picked = dict.fromkeys(rng.choices(range(WORDS), cum_weights=weights, k=3))
        tags = tuple(Tag(words[n], 1 - rng.random() ** 2 / 2, above[n]) for n in picked)
        ref = PhotoRef(f"/photos/{number // PER_FOLDER:06}/IMG_{number:07}.JPG", rng.randrange(10**7), number * 10**9)
        facts = Facts("JPEG", 4000, 3000, f"2023-01-01T{number % 24:02}:00:00", rng.choice(CAMERAS))
        content = rng.randbytes(32)
        keywords = (f"trip {rng.randrange(500)}",) if number % 10 == 0 else ()
        guesses = tuple(Tag(words[rng.randrange(WORDS)], rng.random()) for _ in range(5))
        added = frozenset(tag.word for tag in tags)
        decided = Decided(ref, content, facts, tags, guesses, 0.25)
        batch.append(Tagged(decided, ref, content, "photo", True, added, keywords=keywords))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def answer(path: Path, count: int) -> None:
    index = open_index(path, readonly=True)
    floor = sqlite3.connect(path)
    known = timed(lambda: index.known_in("/photos/000007", "bench")) / PER_FOLDER
    print(f"known_in, us a photo          {known * 1e6:>12,.1f}")
    print(f"tags, ms                      {timed(lambda: list(index.tags()), 3) * 1e3:>12,.0f}")
    print(f"photo_count, ms               {timed(index.photo_count, 3) * 1e3:>12,.1f}")
    for query in QUERIES:
        found = sum(1 for _ in index.search(query)) if count <= 200_000 else -1
        spent = timed(lambda query=query: list(index.search(query, limit=50)))  # type: ignore[misc]
        print(f"search {query:<28} ms {spent * 1e3:>6.1f}   ({found:,} found)")
    best = (
        "SELECT photo_id FROM photo_tags WHERE score IS NOT NULL AND tag_id = (SELECT id FROM tags WHERE word = 'dog')"
    )
    bare = timed(lambda: floor.execute(best + " ORDER BY score DESC LIMIT 50").fetchall())
    print(f"the same by sqlite3 alone, dog      ms {bare * 1e3:>6.1f}")
    floor.close()
    index.close()
    command = [sys.executable, "-m", "phototag", "--index", str(path), "search", "dog", "--limit", "50"]
    cold = timed(lambda: subprocess.run(command, check=True, capture_output=True), 5)
    imports = [sys.executable, "-c", "import click, sqlalchemy"]
    least = timed(lambda: subprocess.run(imports, check=True, capture_output=True), 5)
    print(f"cold `phototag search dog`          ms {cold * 1e3:>6.0f}")
    print(f"of `import click, sqlalchemy`    times {cold / least:>6.2f}")


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The 95th percentile of a few rounds, in seconds."""
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return statistics.quantiles(spent, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
