"""A scan of one photo, struck at each system call that writes or opens: what stands on the disk afterwards, each time.

    python -m tests.journal.system_calls

strace makes one call after the other kill the process, or fail with EIO, ENOSPC or EACCES: in the folder of the photo
and in the index alike. After each the photo must be the old or the new one; after a second scan, which nothing strikes,
it must be the new one, with no temporary file beside it and the index in agreement. Needs strace; takes some minutes.

strace counts the calls of each thread by itself, so the scan runs in one: its pools do at once what they are given.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from PIL import Image

from phototag.index import open_index
from phototag.metadata import open_writer
from tests.journal.library import run_scan

_FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC", "error=EACCES")
# fmt: off
_CALLS = frozenset({
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat",
    "ftruncate", "fallocate", "fchmod", "fchown", "utimensat", "fsetxattr",
})
# fmt: on
_NEVER_FAILS_SO = frozenset({("error=ENOSPC", name) for name in ("unlink", "fchmod", "fchown", "utimensat")})

_CHILD = """
import os, sys
from pathlib import Path
import phototag.scan
import phototag.scan.ahead
from phototag.index import open_index
from tests.journal.library import InOneThread, run_scan
phototag.scan.ThreadPoolExecutor = phototag.scan.ahead.ThreadPoolExecutor = InOneThread
warm, folder = map(Path, sys.argv[1:])
run_scan(warm / "library", open_index(warm / "index.sqlite"), rescan=True, dry_run=True)
index = open_index(folder / "index.sqlite")
os.path.exists("/begin")
events = run_scan(folder / "library", index)
os.path.exists("/end")
"""


def strike(top: Path, ending: str) -> Counter[str]:
    """Strike every call of the scan of one photo, in every way.

    Args:
        top: an empty folder.
        ending: ".jpg" is written inside, ".gif" gets a sidecar.
    """
    counts: Counter[str] = Counter()
    template, warm = top / "template", top / "warm"
    for folder in (template, warm):
        (folder / "library").mkdir(parents=True)
        Image.new("RGB", (64, 48), (220, 20, 20)).save(folder / "library" / f"photo{ending}")
        open_index(folder / "index.sqlite").close()
    old = _files(template)
    calls = _calls(_fresh(template), warm, top / "log")
    new = _files(top / "folder")
    assert new != old
    for fault in _FAULTS:
        for name, count in calls:
            if (fault, name) in _NEVER_FAILS_SO:
                continue
            folder = _fresh(template)
            run = _trace(folder, warm, top / "log", "-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={count}")
            counts[f"{fault} struck"] += 1
            counts[f"{fault} ended the run"] += run.returncode != 0
            _check(folder, old, new, f"{fault} at {name} number {count}")
    return counts


def _check(folder: Path, old: dict[str, bytes], new: dict[str, bytes], moment: str) -> None:
    for name, data in _files(folder).items():
        assert name.startswith(".phototag-") or data in (old.get(name), new.get(name)), f"{name} is damaged by {moment}"
    assert old.keys() <= _files(folder).keys(), f"the photo is gone after {moment}"
    index = open_index(folder / "index.sqlite")
    run_scan(folder / "library", index)
    assert _files(folder) == new, f"after {moment} the next scan left {sorted(_files(folder))}"
    (known,) = index.known_in(str(folder / "library"), "colours").values()
    held = open_writer().read(known.ref.path)
    assert known.memory.added == {*held.photo, *held.sidecar} == {"red", "colour"}, moment
    assert not known.memory.rejected, moment
    assert not known.pending, moment
    index.close()


def _fresh(template: Path) -> Path:
    folder = template.with_name("folder")
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(template, folder))


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "library").iterdir()}


def _trace(folder: Path, warm: Path, log: Path, *options: str) -> "subprocess.CompletedProcess[bytes]":
    command = ["strace", "-o", str(log), *options, sys.executable, "-c", _CHILD, str(warm), str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


def _calls(folder: Path, warm: Path, log: Path) -> list[tuple[str, int]]:
    """The calls of one scan that open or change something, each with how many of its name had been made by then."""
    run = _trace(folder, warm, log)
    assert run.returncode == 0, run.stderr.decode()
    counts: Counter[str] = Counter()
    calls, is_within = [], False
    for line in log.read_text(errors="replace").splitlines():
        name = line.partition("(")[0]
        counts[name] += 1
        if '"/end"' in line:
            break
        if is_within and name in _CALLS and not ("openat" in name and "O_RDONLY" in line and str(folder) not in line):
            calls.append((name, counts[name]))
        is_within = is_within or '"/begin"' in line
    return calls


def main() -> None:
    """Run from the command line, and print what was done."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for ending in (".jpg", ".gif"):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            counts = strike(Path(folder), ending)
        figures = ", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items()))
        print(
            f"{ending}: {figures}; {time.monotonic() - begun:.0f} s; the photo old or new, then the new one", flush=True
        )


if __name__ == "__main__":
    main()
