"""What it costs to find out that nothing has changed: a scan of a known library beside `find -printf` on it.

Usage: rescan.py [--photos N] [--in-folder N] [--runs N] [--folder DIR] [--profile]

Makes N small files with photos' names in folders of a few hundred, and an index that knows each of them with two
tags, as a scan leaves it. Then runs `find -type f -printf '%p %s %T@'` and `phototag scan --quiet` in turn, each in a
process of its own with everything in the page cache, and prints the medians of the time on the clock and of the
processor's time, which on a busy machine says more, and their ratios. A photo that was opened would show: the files
hold no photo, and the scan would report it as failed.
"""

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from phototag.bundle import BUILT_IN, find_bundle
from phototag.decide import Rules, decision_of
from phototag.index import open_index
from phototag.records import Decided, Facts, PhotoRef, Tag, Tagged
from phototag.walk import walk

_BATCH = 1_000
_TAGS = (Tag("dog", 0.98, ("animal",)), Tag("animal", 0.99))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--photos", type=int, default=100_000)
    ask.add_argument("--in-folder", type=int, default=200)
    ask.add_argument("--runs", type=int, default=5)
    ask.add_argument("--folder", type=Path, help="where to work [default: the system's temporary folder]")
    ask.add_argument("--profile", action="store_true", help="print where the scan spends its time instead")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as top:
        library, index = Path(top, "library"), Path(top, "index.sqlite")
        _make(library, args.photos, args.in_folder)
        _know(library, index)
        scan = [sys.executable, "-m", "phototag", "--index", str(index), "scan", "--quiet", "--model", BUILT_IN]
        find = ["find", str(library), "-type", "f", "-printf", r"%p %s %T@\n"]
        if args.profile:
            subprocess.run([sys.executable, "-m", "cProfile", "-s", "tottime", *scan[1:], str(library)], check=True)
            return
        runs = [(_seconds(find), _seconds([*scan, str(library)])) for _ in range(args.runs)]
    print(f"{args.photos:,} photos in folders of {args.in_folder}, medians of {args.runs} runs")
    for kind, name in enumerate(("on the clock", "of processor")):
        find_s = statistics.median(seconds[0][kind] for seconds in runs)
        scan_s = statistics.median(seconds[1][kind] for seconds in runs)
        print(f"{name}: find {find_s:.3f} s, phototag scan {scan_s:.3f} s: {scan_s / find_s:.1f} times as long")


def _make(library: Path, photos: int, in_folder: int) -> None:
    for number in range(photos):
        folder = library / f"{number // in_folder:05}"
        if number % in_folder == 0:
            folder.mkdir(parents=True)
        (folder / f"IMG_{number:07}.jpg").write_bytes(b"no photo")


def _know(library: Path, path: Path) -> None:
    """An index that knows every photo as the built-in model's scan leaves it."""
    decision = decision_of(find_bundle(BUILT_IN, Path()).fingerprint, Rules(None, None))
    index = open_index(path)
    refs = [ref for ref in walk([str(library)]) if isinstance(ref, PhotoRef)]
    for start in range(0, len(refs), _BATCH):
        index.remember([_tagged(ref) for ref in refs[start : start + _BATCH]], BUILT_IN, decision)
    index.close()


def _tagged(ref: PhotoRef) -> Tagged:
    digest = hashlib.sha256(ref.path.encode()).digest()
    decided = Decided(ref, digest, Facts("JPEG", 4000, 3000, "2024-05-06T07:08:09", "Acme One"), _TAGS, _TAGS)
    return Tagged(decided, ref, digest, "photo", changed=True, added=frozenset({"dog", "animal"}))


def _seconds(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock, and of processor, that a command takes."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command, stdout=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C.UTF-8"}, check=False)
    seconds = time.perf_counter() - began
    if run.returncode:
        raise SystemExit(f"{command[0]} left with {run.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
