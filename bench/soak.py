"""A night of everything going wrong: what is left in the morning is checked photo by photo.

Usage: soak.py [--photos N] [--changes N] [--kill-every SECONDS] [--timeout SECONDS] [--seed N] [--folder DIR]

Makes a library of small photos, 1 % of them broken in all ways, one that hangs its decoder and one that crashes it (a
double of pi_heif at the decoder's border; every HEIF of the library is such a file), and 5 % with keywords of their
owner's. Then starts `phototag scan` three times at once, and kills whatever lives with `kill -9` after some seconds,
sooner than the scans' `--timeout`, again and again, while photos are replaced, moved, deleted and added. When a scan
has come to its end, the disturbance stops, one more scan runs, and everything is checked: no photo lost or changed but
for its keywords, none without its tags, none known twice, no keyword twice or taken for the owner's, none taken for
rejected, every broken file as it was and known with its reason, no lock, note or temporary file, no process left.

Ends with exit code 1 and a list of what is wrong, if anything is.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from phototag.errors import IndexFileError
from phototag.index import open_index
from phototag.metadata import WriteOptions, open_writer
from phototag.records import Memory, PhotoRef

_IN_A_FOLDER = 200
_OWN = "Tante Käthe"
_HEIF = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"
_FAULTY_HEIF = """
import os, time
HeifImage = object
def open_heif(data, **_):
    if data.endswith(b"CRASH"):
        os.abort()
    while True:
        time.sleep(1)
"""
_BROKEN = (b"", b"not a photo at all", b"\xff\xd8\xff\xe0 nothing", b"\x89PNG\r\n\x1a\n and no more")
_ITEM = re.compile(rb"<dc:subject>.*?</dc:subject>", re.DOTALL)
_WORD = re.compile(rb"<rdf:li[^>]*>([^<]*)</rdf:li>")


class Library:
    """The photos, and what each must still be in the morning."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top = top
        self.pixels: dict[Path, bytes] = {}
        self.owned: set[Path] = set()
        self.broken: dict[Path, bytes] = {}
        self._chance = random.Random(seed)
        self._made = 0

    def make(self, photos: int) -> None:
        for number in range(photos):
            path = self._path(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            if number == photos // 3:
                self._break(path.with_suffix(".heic"), _HEIF + b"HANG")
            elif number == photos // 2:
                self._break(path.with_suffix(".heic"), _HEIF + b"CRASH")
            elif number % 100 == 7:
                whole = self._photo()
                self._break(path, self._chance.choice([*_BROKEN, whole[: len(whole) // 2]]))
            else:
                self._put(path)
                if number % 20 == 3:
                    self._own(path)

    def disturb(self) -> None:
        """Do to a photo what owners and their programs do while a scan runs."""
        path = self._chance.choice([*self.pixels])
        if path in self.owned:
            return
        what = self._chance.choice(["replace", "move", "delete", "add"])
        if what == "add":
            self._put(self._path(1_000_000 + self._made))
        elif what == "replace":
            self._put(path)
        elif what == "delete":
            del self.pixels[path]
            path.unlink()
        else:
            there = path.with_name(f"moved-{self._made}.jpg")
            self._made += 1
            os.rename(path, there)
            self.pixels[there] = self.pixels.pop(path)

    def _path(self, number: int) -> Path:
        return self.top / f"{number // _IN_A_FOLDER:04}" / f"{number:07}.jpg"

    def _photo(self) -> bytes:
        self._made += 1
        noise = np.random.default_rng(self._made).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        buffer = BytesIO()
        Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    def _put(self, path: Path) -> None:
        """Write as programs do that take care: beside it, and into its place."""
        data = self._photo()
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_bytes(data)
        os.replace(beside, path)
        self.pixels[path] = pixels_of(data)

    def _break(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.broken[path] = data

    def _own(self, path: Path) -> None:
        status = path.stat()
        writer = open_writer(WriteOptions())
        writer.apply(writer.plan(PhotoRef(str(path), status.st_size, status.st_mtime_ns), [_OWN], Memory()))
        self.owned.add(path)


def pixels_of(data: bytes) -> bytes:
    """The hash of a photo's pixels."""
    import hashlib

    with Image.open(BytesIO(data)) as image:
        return hashlib.sha256(image.tobytes()).digest()


def scan(top: Path, library: Path, timeout_s: float, *options: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(top / "faulty"), *filter(None, sys.path)]),
        "PHOTOTAG_INDEX": str(top / "index.sqlite"),
    }
    command = [sys.executable, "-P", "-m", "phototag", "scan", "--quiet", "--model", "imagenet"]
    command += ["--min-confidence", "0", "--max-tags", "2", "--timeout", f"{timeout_s:g}s", *options, str(library)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rounds(top: Path, library: Library, args: argparse.Namespace, codes: Counter[int]) -> int:
    """Scan, three at once, and kill, until a scan comes to its end; returns how many were killed."""
    killed = 0
    ended = threading.Event()
    disturbing = threading.Thread(target=_disturb, args=(library, args.changes, ended))
    disturbing.start()
    while True:
        three = [scan(top, library.top, args.timeout) for _ in range(3)]
        end = time.monotonic() + args.kill_every
        while time.monotonic() < end and any(one.poll() is None for one in three):
            time.sleep(0.05)
        for one in three:
            if one.poll() is None:
                one.send_signal(signal.SIGKILL)
                killed += 1
            one.communicate()
            codes[one.returncode] += 1
        known = _count(top)
        print(f"  {killed:3} killed, {known:,} photos known", flush=True)
        if any(one.returncode in (0, 1) for one in three):
            break
    ended.set()
    disturbing.join()
    return killed


def _disturb(library: Library, changes: int, ended: threading.Event) -> None:
    """Change photos, 20 a second, until the scan has ended; a busy machine would never come to the end of more."""
    while changes and not ended.wait(0.05):
        library.disturb()
        changes -= 1


def _count(top: Path) -> int:
    try:
        index = open_index(top / "index.sqlite", readonly=True)
    except IndexFileError:  # not there yet, or killed while it was made
        return 0
    try:
        return index.photo_count()
    finally:
        index.close()


def wrong_with(top: Path, library: Library) -> Iterator[str]:
    """Everything that is not as it should be in the morning."""
    there = {path for path in library.top.rglob("*") if path.is_file()}
    expected = library.pixels.keys() | library.broken.keys()
    yield from (f"{path}: lost" for path in expected - there)
    yield from (f"{path}: left behind" for path in there - expected)
    stays = {"library", "index.sqlite", "faulty"}
    beside = {path.name for path in top.iterdir() if path.suffix != ".vectors"} - stays
    yield from (f"{top / name}: left behind" for name in beside)
    index = open_index(top / "index.sqlite", readonly=True)
    known = index.photo_count()
    if known != len(expected):
        yield f"the index knows {known:,} photos of {len(expected):,}"
    for path, data in library.broken.items():
        entry = index.entry(str(path))
        if path.read_bytes() != data:
            yield f"{path}: a broken file was changed"
        if entry is None or not entry.failure:
            yield f"{path}: its failure is not known"
        elif data.endswith((b"HANG", b"CRASH")):
            reason = "took too long" if data.endswith(b"HANG") else "crashed the decoder"
            if not entry.failure.startswith(reason):
                yield f"{path}: {entry.failure}, not {reason}"
    for path, pixels in library.pixels.items():
        if path in there:
            yield from (f"{path}: {problem}" for problem in _wrong_with(path, pixels, path in library.owned, index))
    index.close()


def _wrong_with(path: Path, pixels: bytes, is_owned: bool, index: "object") -> Iterator[str]:
    data = path.read_bytes()
    if pixels_of(data) != pixels:
        yield "its pixels are not the owner's"
    subject = _ITEM.search(data)
    words = Counter(_WORD.findall(subject[0]) if subject else [])
    if len(words) < 2:
        yield f"it holds {len(words)} words"
    if twice := [word.decode() for word, count in words.items() if count > 1]:
        yield f"it holds twice: {twice}"
    if is_owned and _OWN.encode() not in words:
        yield "its owner's keyword is gone"
    entry = index.entry(str(path))  # type: ignore[attr-defined]
    if entry is None or entry.failure or not entry.verdicts:
        yield f"the index has no tags for it ({entry.failure if entry else 'unknown'})"
    elif set(entry.keywords) != ({_OWN} if is_owned else set()):
        yield f"the index takes for the owner's: {entry.keywords}"
    elif entry.rejected:
        yield f"the index takes for rejected: {entry.rejected}"


def _orphans(top: Path) -> list[str]:
    """Processes of ours that are still there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(top).encode() in (entry / "environ").read_bytes() and int(entry.name) != os.getpid():
                found.append(f"process {entry.name}: {(entry / 'cmdline').read_bytes().decode()}")
        except OSError:
            continue
    return found


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--photos", type=int, default=20_000)
    ask.add_argument("--changes", type=int, default=10_000, help="to the library while it is scanned, at most")
    ask.add_argument("--kill-every", type=float, default=20.0, metavar="SECONDS")
    ask.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="what a scan gives a photo")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--folder", type=Path, help="where to work [default: the system's temporary folder]")
    args = ask.parse_args()
    top = Path(tempfile.mkdtemp(prefix="phototag-soak-", dir=args.folder))
    (top / "faulty" / "pi_heif").mkdir(parents=True)
    (top / "faulty" / "pi_heif" / "__init__.py").write_text(_FAULTY_HEIF)
    library = Library(top / "library", args.seed)
    library.make(args.photos)
    print(f"{args.photos:,} photos in {top}, {len(library.broken)} broken", flush=True)
    began, codes = time.monotonic(), Counter[int]()
    killed = rounds(top, library, args, codes)
    last = scan(top, library.top, args.timeout)
    _, said = last.communicate()
    again = scan(top, library.top, args.timeout, "--json")
    summary = json.loads(again.communicate()[0].splitlines()[-1])
    time.sleep(args.timeout + 3)  # what hangs in a decoder outlives a killed scan by its limit
    problems = [*wrong_with(top, library), *_orphans(top)]
    if last.returncode not in (0, 1):
        problems.append(f"the last scan left with {last.returncode}: {said.decode()}")
    if summary["seen"] != summary["unchanged"]:
        problems.append(f"a scan of what had not changed looked again: {summary}")
    seconds = time.monotonic() - began
    print(f"{seconds:.0f} s, {killed} scans killed, exit codes {dict(codes)}, then {last.returncode}; {summary}")
    print(f"{len(library.pixels):,} photos and {len(library.broken)} broken files checked: {len(problems)} problems")
    print("\n".join(problems[:50]))
    if not problems:
        shutil.rmtree(top)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
