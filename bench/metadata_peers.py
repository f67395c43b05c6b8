#!/usr/bin/env python3
"""A folder of photos in; what exiftool, exiv2, piexif and phototag do to copies of its JPEGs out, as a table.

Usage: metadata_peers.py FOLDER --judge METADATA_DIFF [--work DIR]

Each tool writes the word "dog" into XMP `dc:subject` and EXIF `XPKeywords` (piexif: the latter alone) of every JPEG.
The judge is a script called with the folders before and after and `--json`; it prints `{"counts": {...}}` with the
files that are clean, untouched, and have lost or changed tags, new warnings or other image data, by exiftool's reading.
Needs exiftool and exiv2 (Debian: libimage-exiftool-perl, exiv2).
"""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import piexif

from phototag.errors import PhotoError
from phototag.metadata import open_writer
from phototag.records import Memory, PhotoRef

WORD = "dog"
VALUE = (WORD + "\0").encode("utf-16-le")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--judge", type=Path, required=True)
    ask.add_argument("--work", type=Path, help="where the copies go; a temporary folder, unless given")
    args = ask.parse_args()
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        before = Path(work) / "before"
        copy_jpegs(args.folder, before)
        print("| tool | written, all else intact | not written | lost | changed | new warning | image data | seconds |")
        print("|---|---|---|---|---|---|---|---|")
        for name, write in TOOLS.items():
            after = Path(work) / "after"
            shutil.copytree(before, after)
            start = time.perf_counter()
            write(sorted(path for path in after.iterdir()))
            took_s = time.perf_counter() - start
            counts = judge(args.judge, before, after)
            intact = counts.get("clean", 0) - counts.get("untouched", 0)
            figures = [intact, *(counts.get(k, 0) for k in ("untouched", "lost", "changed", "warnings", "pixels"))]
            print(f"| {name} | {' | '.join(map(str, figures))} | {took_s:.1f} |", flush=True)
            shutil.rmtree(after)
        print(f"\n{len(list(before.iterdir()))} JPEGs")


def copy_jpegs(folder: Path, to: Path) -> None:
    """Copy what is a JPEG by content, numbered, so that no two share a name."""
    to.mkdir()
    for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        data = path.read_bytes()
        if data.startswith(b"\xff\xd8\xff"):
            (to / f"{number:05d}.jpg").write_bytes(data)


def judge(script: Path, before: Path, after: Path) -> dict[str, int]:
    run = subprocess.run([sys.executable, script, before, after, "--json"], capture_output=True, check=False)
    counts: dict[str, int] = json.loads(run.stdout)["counts"]
    return counts


def write_with_exiftool(photos: Sequence[Path]) -> None:
    command = ["exiftool", "-q", "-q", "-overwrite_original", f"-XMP-dc:Subject+={WORD}", f"-XPKeywords={WORD}"]
    subprocess.run([*command, *photos], capture_output=True, check=False)


def write_with_exiv2(photos: Sequence[Path]) -> None:
    commands = [
        f"add Xmp.dc.subject XmpBag {WORD}",
        f"set Exif.Image.XPKeywords Byte {' '.join(map(str, VALUE))}",
    ]
    for photo in photos:  # one process a photo: it stops at the first that it refuses
        options = [option for command in commands for option in ("-M", command)]
        subprocess.run(["exiv2", *options, photo], capture_output=True, check=False)


def write_with_piexif(photos: Sequence[Path]) -> None:
    for photo in photos:
        try:
            tags = piexif.load(str(photo))
            tags["0th"][piexif.ImageIFD.XPKeywords] = VALUE
            piexif.insert(piexif.dump(tags), str(photo))
        except (piexif.InvalidImageDataError, struct.error, ValueError, TypeError, KeyError, IndexError):
            continue


def write_with_phototag(photos: Sequence[Path]) -> None:
    writer = open_writer()
    for photo in photos:
        facts = os.stat(photo)
        try:
            plan = writer.plan(PhotoRef(str(photo), facts.st_size, facts.st_mtime_ns), [WORD], Memory())
            if plan.data is not None:
                writer.apply(plan)
        except PhotoError:
            continue


TOOLS: dict[str, Callable[[Sequence[Path]], None]] = {
    "exiftool": write_with_exiftool,
    "exiv2": write_with_exiv2,
    "piexif load, dump, insert": write_with_piexif,
    "phototag": write_with_phototag,
}

if __name__ == "__main__":
    main()
