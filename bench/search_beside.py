"""Searching while a scan writes: one process that remembers batches and four that search, for some minutes.

    python bench/search_beside.py [MINUTES] [--photos PHOTOS]

Each reader opens the index as a command does and asks one question after another; printed are the batches written, the
questions answered, errors, and how long a question took at the median, the 99th percentile and at most. What is wanted:
no error, and less than 200 ms at the 99th percentile.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import search

from phototag.errors import PhotoTagError
from phototag.index import open_index

READERS = 4
QUESTIONS = [
    "dog",
    "dog beach",
    "dog -beach",
    "animal",
    "date:2010",
    "folder:italy",
    "is:unsure",
    "name:img_0012",
    "cat",
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--photos", type=int, default=100_000, help="known before the clock starts")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        read(given.read, given.minutes * 60)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.sqlite"
        index = open_index(path)
        search.BATCH = 512
        batches = search.library(100_000_000)
        known = 0
        while known < given.photos:
            known += len(batch := next(batches))
            index.remember(batch, "bench", "0" * 64)
        command = [sys.executable, __file__, str(given.minutes), "--read", str(path)]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
        end, written = time.monotonic() + given.minutes * 60, 0
        while time.monotonic() < end:
            index.remember(next(batches), "bench", "0" * 64)
            written += 1
        told = [reader.communicate()[0].split() for reader in readers]
        index.close()
    spent = sorted(float(figure) for figures in told for figure in figures[1:])
    print(f"minutes                       {given.minutes:>12,.1f}")
    print(f"batches written               {written:>12,}")
    print(f"questions answered            {len(spent):>12,}")
    print(f"errors                        {sum(int(figures[0]) for figures in told):>12,}")
    print(f"a question, ms: median        {statistics.median(spent) * 1e3:>12,.1f}")
    print(f"    99th percentile           {spent[len(spent) * 99 // 100] * 1e3:>12,.1f}")
    print(f"    at most                   {spent[-1] * 1e3:>12,.1f}")


def read(path: Path, seconds: float) -> None:
    """Ask until the time is up; the number of errors, then what each question took in seconds."""
    rng = random.Random(path.stat().st_ino)
    errors, spent = 0, []
    index = open_index(path, readonly=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        try:
            list(index.search(rng.choice(QUESTIONS), limit=50))
        except PhotoTagError as exc:
            print(exc, file=sys.stderr)
            errors += 1
        spent.append(time.perf_counter() - start)
    index.close()
    print(errors, *(f"{figure:.5f}" for figure in spent))


if __name__ == "__main__":
    main()
