#!/usr/bin/env python3
"""What it costs to write photos durably, directly and through the system's cache, in turns.

Usage: write.py LIBRARY [--photos N] [--rounds N]

Prints milliseconds a photo, the best round of each: by the clock, and of this process's processor time (the cache's own
threads, which write it out, are not counted).
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from phototag.metadata.direct import write_all
from phototag.records import PhotoRef
from phototag.walk import walk

THREADS = 3


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("library", type=Path)
    ask.add_argument("--photos", type=int, default=64)
    ask.add_argument("--rounds", type=int, default=3)
    args = ask.parse_args()
    refs = [item for item in walk([str(args.library)]) if isinstance(item, PhotoRef)][: args.photos]
    photos = [Path(ref.path).read_bytes() for ref in refs]
    ways: dict[str, Callable[[int, bytes], None]] = {"directly": write_all, "through the cache": through_the_cache}
    best = dict.fromkeys(ways, (float("inf"), float("inf")))
    for _ in range(args.rounds):
        for name, way in ways.items():
            clock, processor = timed(way, photos, args.library)
            best[name] = min(best[name][0], clock), min(best[name][1], processor)
    print(f"{len(photos)} photos, {sum(map(len, photos)) / len(photos) / 1e6:.1f} MB each, {THREADS} threads")
    for name, (clock, processor) in best.items():
        print(f"{name:18} {clock:6.2f} ms by the clock {processor:6.2f} ms of processor time")


def through_the_cache(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def timed(way: Callable[[int, bytes], None], photos: Sequence[bytes], folder: Path) -> tuple[float, float]:
    """Milliseconds a photo: by the clock, and of processor time."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch, ThreadPoolExecutor(THREADS) as pool:
        os.sync()
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in pool.map(partial(write_one, way), [Path(scratch, str(n)) for n in range(len(photos))], photos):
            pass
        clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clock / len(photos) * 1e3, processor / len(photos) * 1e3


def write_one(way: Callable[[int, bytes], None], path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        way(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
