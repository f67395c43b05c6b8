#!/usr/bin/env python3
"""How much memory a CPU scan takes at its peak.

Usage: memory.py LIBRARY [--few N] [--many N] [--no-write]

Scans, each by `phototag scan` in a process of its own: N photos and then more, copies of those in LIBRARY that differ
in a comment (3,000 of 12 megapixels take 8 GB beside LIBRARY while it runs); a photo of 200 megapixels, baseline and
progressive; and files whose headers promise more pixels than there is memory for. Prints the peak of each as the kernel
counted it (resident memory), and whether TensorFlow was loaded.
"""

import argparse
import multiprocessing
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from pathlib import Path

from PIL import Image

from phototag.records import PhotoRef
from phototag.walk import walk

_CHILD = """
import atexit, sys
told = sys.argv.pop(1)
atexit.register(lambda: open(told, "w").write("yes" if "tensorflow" in sys.modules else "no"))
from phototag.cli import main
main()
"""
_HUGE = (16_320, 12_240)
_SIDE = 60_000


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("library", type=Path)
    ask.add_argument("--few", type=int, default=300)
    ask.add_argument("--many", type=int, default=3000)
    ask.add_argument("--no-write", action="store_true")
    args = ask.parse_args()
    photos = [Path(item.path) for item in walk([str(args.library)]) if isinstance(item, PhotoRef)]
    options = ["--no-write"] if args.no_write else ["--min-confidence", "0.01", "--max-tags", "2"]
    with tempfile.TemporaryDirectory(dir=args.library.absolute().parent) as scratch:
        top = Path(scratch)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            # A child counts what its parent had in memory when it began: what is large is made elsewhere.
            apart.submit(copies, photos, args.few, top / "few")
            apart.submit(copies, photos, args.many, top / "many")
            apart.submit(huge, photos[0], top / "huge", progressive=False)
            apart.submit(huge, photos[0], top / "progressive", progressive=True)
            apart.submit(hostile, photos[0], top / "hostile").result()
        few = report(f"{args.few:,} photos", top / "few", options)
        many = report(f"{args.many:,} photos", top / "many", options)
        print(f"{'':32} {many / few - 1:+.1%}")
        report("200 megapixels", top / "huge", options)
        report("200 megapixels, progressive", top / "progressive", options)
        report("headers that promise too much", top / "hostile", options)


def report(name: str, folder: Path, options: Sequence[str]) -> float:
    """Scan a folder; returns the peak in MB."""
    told, index = folder.parent / "told", folder.parent / f"{folder.name}.sqlite"
    command = [sys.executable, "-c", _CHILD, str(told), "--index", str(index), "scan", str(folder), "--quiet", *options]
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1), "the scan did not come to its end"
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"{name:32} {peak:6.0f} MB   TensorFlow loaded: {told.read_text()}", flush=True)
    return peak


def copies(photos: Sequence[Path], count: int, folder: Path) -> None:
    """Copies of JPEGs, no two the same."""
    folder.mkdir()
    for number, photo in zip(range(count), cycle(photos), strict=False):
        data, comment = photo.read_bytes(), f"copy {number}".encode()
        segment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
        (folder / f"{number:06}.jpg").write_bytes(data[:2] + segment + data[2:])


def huge(photo: Path, folder: Path, *, progressive: bool) -> None:
    folder.mkdir()
    with Image.open(photo) as image:
        image.resize(_HUGE).save(folder / "huge.jpg", quality=90, progressive=progressive)


def hostile(photo: Path, folder: Path) -> None:
    """Small files that say they hold 3,600 megapixels, and a PNG of 900 that does."""
    folder.mkdir()
    with Image.open(photo) as image:
        image.resize((64, 48)).save(folder / "small.jpg")
    data = bytearray((folder / "small.jpg").read_bytes())
    size_at = data.index(b"\xff\xc0") + 5
    data[size_at : size_at + 4] = struct.pack(">HH", _SIDE, _SIDE)
    (folder / "small.jpg").write_bytes(data)
    for name, side, rows in (("promise.png", _SIDE, 1), ("bomb.png", _SIDE // 2, _SIDE // 2)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        packed, row = zlib.compressobj(9), bytes(1 + 3 * side)
        image_data = b"".join(packed.compress(row) for _ in range(rows)) + packed.flush()
        parts = (b"\x89PNG\r\n\x1a\n", header, chunk(b"IDAT", image_data), chunk(b"IEND", b""))
        (folder / name).write_bytes(b"".join(parts))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    main()
