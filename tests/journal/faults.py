"""Scans and undos that are killed at random moments: what stands on the disk afterwards, each time.

    python -m tests.journal.faults --points 500 --photos 200

A library is scanned, and the scan killed (SIGKILL) at a random moment, again and again until one comes to its end;
then it is undone in the same way. After every kill each photo must be, byte for byte, the old one or the new one. After
every run that ended there must be no temporary file, and the index must say of each photo what its file holds. The
network is a small one, so that nearly all of the time goes into writing. Runs on POSIX: each run is a fork of this
process.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from phototag.index import open_index
from phototag.metadata import open_writer
from tests.journal.library import run_scan, run_undo

Bytes = dict[str, bytes]


class Torture:
    """One library, its index, and what its files may hold."""

    def __init__(self, folder: Path, photos: int, seed: int) -> None:
        self._library = folder / "library"
        self._index = folder / "index.sqlite"
        self._chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._library.mkdir(parents=True)
        for number in range(photos):  # every seventh gets a sidecar
            name, kind = (f"{number:03}.gif", "GIF") if number % 7 == 6 else (f"{number:03}.jpg", "JPEG")
            Image.new("RGB", (64 + number, 48), (220, 20, 20)).save(self._library / name, kind)
        self._old = self._files()
        self._warm_up(folder / "warm")
        self._duration_s = self._let(self._scan)
        self._new = self._files()
        self._let(self._undo)
        self._expect(self._old, "the first undo")
        assert self._new.keys() - self._old.keys(), "no sidecar was written"

    def _warm_up(self, folder: Path) -> None:
        """Import in this process what a run imports, so that its children are not killed while they do."""
        folder.mkdir()
        for name in ("a.jpg", "b.gif"):
            Image.new("RGB", (64, 48)).save(folder / name)
        index = open_index(folder / "index.sqlite")
        run_scan(folder, index)
        run_undo(index, 1)
        index.close()
        while threading.active_count() > 1:  # a fork takes no threads along, but perhaps their locks
            time.sleep(0.01)

    def strike(self, points: int) -> None:
        """Kill runs until there have been so many kills."""
        while self.counts["kills"] < points:
            self.counts["rounds"] += 1
            self._until_done(self._scan, points)
            self._expect(self._new, "a scan")
            self._agree(tagged=True)
            self._until_done(self._undo, points)
            self._expect(self._old, "an undo")
            self._agree(tagged=False)

    def _until_done(self, work: Callable[[], None], points: int) -> None:
        """Run a piece of work, killing it at random moments, until it comes to its end."""
        while self.counts["kills"] < points:
            child = _fork(work)
            time.sleep(self._chance.random() * self._duration_s / 3)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if os.WIFEXITED(status):
                assert os.WEXITSTATUS(status) == 0, f"{work.__name__} failed"
                return
            self.counts["kills"] += 1
            self._check(f"{work.__name__} was killed")
        self._let(work)

    def _let(self, work: Callable[[], None]) -> float:
        """Let a piece of work come to its end; returns the seconds it took."""
        begun = time.monotonic()
        _, status = os.waitpid(_fork(work), 0)
        assert status == 0, f"{work.__name__} failed"
        return time.monotonic() - begun

    def _scan(self) -> None:
        """Give the photos their words; in every round the model decides anew, so that undone photos get them again."""
        index = open_index(self._index)
        run_scan(self._library, index, decision=str(self.counts["rounds"]))

    def _undo(self) -> None:
        """Take back every run that is not undone."""
        index = open_index(self._index)
        for run in list(index.runs()):
            if run.left:
                ways = run_undo(index, run.number)
                assert not ways.keys() & {"written later", "changed meanwhile", "damaged journal"}, ways

    def _files(self) -> Bytes:
        return {path.name: path.read_bytes() for path in self._library.iterdir()}

    def _check(self, moment: str) -> None:
        """Each photo is the old or the new one; a sidecar is whole or not there."""
        for name, data in self._files().items():
            if name.startswith(".phototag-"):
                self.counts["temporary files found"] += 1
                continue
            assert data in (self._old.get(name), self._new.get(name)), f"{name} is damaged after {moment}"
            self.counts["files found changed"] += data == self._new[name] and data != self._old.get(name)
            self.counts["files compared"] += 1
        assert self._old.keys() <= self._files().keys(), f"a photo is gone after {moment}"

    def _expect(self, files: Bytes, moment: str) -> None:
        found = self._files()
        assert found.keys() == files.keys(), f"after {moment}: {found.keys() ^ files.keys()}"
        assert found == files, f"after {moment}: {[name for name in files if found[name] != files[name]]}"

    def _agree(self, *, tagged: bool) -> None:
        """Check that the index says of each photo what its file holds, and takes none of it for the owner's."""
        index, writer = open_index(self._index, readonly=True), open_writer()
        known = index.known_in(str(self._library), "colours")
        for name in self._old:
            held = writer.read(str(self._library / name))
            words = {*held.photo, *held.sidecar}
            assert words == ({"red", "colour"} if tagged else set()), name
            assert known[name].memory.added == words, name
            assert not known[name].memory.rejected, name
            assert not known[name].pending, name
            facts = (self._library / name).stat()
            assert (known[name].ref.size_bytes, known[name].ref.mtime_ns) == (facts.st_size, facts.st_mtime_ns), name
        assert len(list(index.search("red"))) == (len(self._old) if tagged else 0)
        index.close()


def _fork(work: Callable[[], None]) -> int:
    """Run a piece of work in a child process; returns its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:  # the exception's own report would be lost with the process
            if code:
                traceback.print_exc()
                sys.stderr.flush()
            os._exit(code)
    return child


def main() -> None:
    """Run from the command line, and print what was done."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--points", type=int, default=500, help="kills")
    options.add_argument("--photos", type=int, default=200, help="photos in the library")
    options.add_argument("--seed", type=int, default=1, help="of the moments")
    given = options.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        torture = Torture(Path(folder), given.photos, given.seed)
        torture.strike(given.points)
    figures = ", ".join(f"{name}: {count:,}" for name, count in sorted(torture.counts.items()))
    print(f"{figures}; {time.monotonic() - begun:.0f} s; every photo old or new, every index in agreement")


if __name__ == "__main__":
    main()
