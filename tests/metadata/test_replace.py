"""Files are replaced whole or not at all."""

import os
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from phototag.errors import DiskError, MetadataError
from phototag.metadata import replace as replacing
from phototag.metadata.replace import clean_leftovers, replace
from phototag.records import FileRead

_OLD, _NEW = b"old" * 5000, b"new" * 9000
_LARGE = b"new" * 200_000
"""Large enough to be written directly, past the cache."""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(_OLD)
    return path


def _replace(path: Path, **options: object) -> os.stat_result:
    settings = {"mtime_ns": None, "keep_times": True, **options}
    return replace(str(path), _NEW, _OLD, **settings)  # type: ignore[arg-type]


def _access_list() -> bytes:
    """A POSIX access list as Linux keeps it: version, then kind, permissions and number of each entry."""
    nobody = 0xFFFFFFFF
    entries = ((1, 6, nobody), (2, 4, os.getuid()), (4, 4, nobody), (16, 4, nobody), (32, 0, nobody))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.skipif(sys.platform != "linux", reason="the access lists of Linux")
def test_access_lists_are_kept(photo: Path) -> None:
    try:
        os.setxattr(photo, "system.posix_acl_access", _access_list())
    except OSError:
        pytest.skip("this file system has no access lists")

    _replace(photo)

    assert photo.read_bytes() == _NEW
    assert os.getxattr(photo, "system.posix_acl_access") == _access_list()


def test_mode_times_and_extended_attributes_are_kept(photo: Path) -> None:
    photo.chmod(0o640)
    os.utime(photo, ns=(1_000_000_007, 2_000_000_009))
    attributes = {}
    if sys.platform == "linux":
        try:
            os.setxattr(photo, "user.rating", b"5")
            attributes = {"user.rating": b"5"}
        except OSError:
            pass  # this file system has none

    after = _replace(photo)

    assert photo.read_bytes() == _NEW
    assert after.st_mode & 0o7777 == 0o640
    assert (after.st_atime_ns, after.st_mtime_ns) == (1_000_000_007, 2_000_000_009)
    assert {name: os.getxattr(photo, name) for name in attributes} == attributes
    assert os.listdir(photo.parent) == ["photo.jpg"]


def test_a_new_file_gets_what_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace(str(tmp_path / "IMG.xmp"), _NEW, None, mtime_ns=None, keep_times=False)
    finally:
        os.umask(before)

    assert (tmp_path / "IMG.xmp").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "current", [b"else" * 3750, b"short", b"longer" * 5000], ids=["same size", "shorter", "longer"]
)
def test_a_file_that_another_program_wrote_meanwhile_is_left_alone(photo: Path, current: bytes) -> None:
    photo.write_bytes(current)

    with pytest.raises(MetadataError, match="changed meanwhile"):
        _replace(photo)

    assert photo.read_bytes() == current
    assert os.listdir(photo.parent) == ["photo.jpg"]


def _read(path: Path, data: bytes | None = None) -> FileRead:
    return FileRead(path.read_bytes() if data is None else data, path.stat(), time.time_ns())


def _knows_when_files_changed(folder: Path) -> bool:
    """Whether the file system keeps a change time that is no program's to set, finely."""
    probe = folder / "probe"
    probe.touch()
    os.utime(probe, ns=(1, 1))
    changed = probe.stat().st_ctime_ns
    probe.unlink()
    return sys.platform != "win32" and changed > 1 and changed % 10_000_000 != 0


def test_a_file_that_has_been_at_rest_is_not_read_again(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not _knows_when_files_changed(photo.parent):
        pytest.skip("this file system keeps no change time")
    os.utime(photo, ns=(1, 1))
    other = _read(photo, b"dlo" * 5000)  # a comparison would notice

    with pytest.raises(MetadataError, match="changed meanwhile"):
        replace(str(photo), _NEW, other, mtime_ns=None, keep_times=True)

    monkeypatch.setattr(replacing, "_QUIET_NS", 0)
    replace(str(photo), _NEW, other, mtime_ns=None, keep_times=True)
    assert photo.read_bytes() == _NEW


def test_a_change_that_left_size_and_time_as_they_were_is_noticed(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "_QUIET_NS", 0)
    os.utime(photo, ns=(1, 1))
    read = _read(photo)
    photo.write_bytes(b"els" * 5000)
    os.utime(photo, ns=(1, 1))

    with pytest.raises(MetadataError, match="changed meanwhile"):
        replace(str(photo), _NEW, read, mtime_ns=None, keep_times=True)
    assert photo.read_bytes() == b"els" * 5000


@pytest.mark.parametrize(
    ("read_ago_ns", "changed_ns", "made_ns"),
    [
        pytest.param(59 * 10**9, 1, 2, id="changed within the minute before it was read"),
        pytest.param(10**12, 0, 2, id="times are too coarse"),
        pytest.param(10**12, 1, 1, id="the new file's change time is no later than the old one's"),
        pytest.param(10**12, 1, None, id="the new file's change time is the time that was set"),
    ],
)
def test_a_change_time_that_proves_nothing_is_not_trusted(
    read_ago_ns: int, changed_ns: int, made_ns: int | None
) -> None:
    base = 10**18
    old = _status(mtime_ns=base - 5, changed_ns=base + changed_ns)
    new = _status(mtime_ns=base + 3, changed_ns=base + (3 if made_ns is None else made_ns))
    read = FileRead(b"", old, base + read_ago_ns)
    assert not replacing._is_proved_unchanged(read, old, new)


def _status(*, mtime_ns: int, changed_ns: int) -> os.stat_result:
    whole = (0o100644, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    exact = {"st_mtime_ns": mtime_ns, "st_ctime_ns": changed_ns}
    return os.stat_result(whole, exact)


def test_a_file_whose_time_changed_is_left_alone(photo: Path) -> None:
    with pytest.raises(MetadataError, match="changed meanwhile"):
        _replace(photo, mtime_ns=photo.stat().st_mtime_ns - 1)


def test_a_sidecar_that_appeared_meanwhile_is_left_alone(photo: Path) -> None:
    with pytest.raises(MetadataError, match="changed meanwhile"):
        replace(str(photo), _NEW, None, mtime_ns=None, keep_times=False)
    assert photo.read_bytes() == _OLD


def test_a_file_that_vanished_is_a_failure_of_this_photo(photo: Path) -> None:
    photo.unlink()

    with pytest.raises(MetadataError, match="not writable"):
        _replace(photo)
    assert os.listdir(photo.parent) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_stops_the_run_and_leaves_the_photo(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open
    full = lambda path, *rest: real_open("/dev/full" if str(path).endswith(".tmp") else path, *_plain(*rest))  # noqa: E731
    monkeypatch.setattr(os, "open", full)

    with pytest.raises(DiskError, match="make room"):
        _replace(photo)
    assert photo.read_bytes() == _OLD


def _plain(flags: int, *mode: int) -> tuple[int, ...]:
    return flags & ~os.O_EXCL & ~os.O_CREAT, *mode


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead = tmp_path / f".phototag-{ended.pid}-0123abcd.tmp"
    living = tmp_path / f".phototag-{os.getppid()}-0123abcd.tmp"
    stale = tmp_path / f".phototag-{os.getppid()}-ffffffff.tmp"
    foreign = tmp_path / ".phototag-notes.tmp"
    for path in (dead, living, stale, foreign):
        path.touch()
    os.utime(stale, (time.time() - 7200,) * 2)

    assert clean_leftovers(str(tmp_path)) == 2

    assert sorted(tmp_path.iterdir()) == sorted([living, foreign])
    assert clean_leftovers(str(tmp_path / "absent")) == 0


_CHILD = """
import os, runpy, sys
replace = runpy.run_path(sys.argv[2])["replace"]
mtime_ns = os.stat(sys.argv[1]).st_mtime_ns
os.path.exists("/begin")
replace(sys.argv[1], b"new" * 200000, b"old" * 5000, mtime_ns=mtime_ns, keep_times=True)
os.path.exists("/end")
"""


def _trace(photo: Path, log: Path, *options: str) -> "subprocess.CompletedProcess[bytes]":
    module = sys.modules[replace.__module__].__file__ or ""  # run by itself: the package would load slowly each time
    command = ["strace", "-o", str(log), *options, sys.executable, "-c", _CHILD, str(photo), module]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


def _calls_of_a_write(photo: Path, log: Path) -> list[tuple[str, int]]:
    """The system calls of one write, each with how many of its name the process had made by then."""
    if _trace(photo, log).returncode != 0:
        pytest.skip("this machine does not let strace trace")
    counts: Counter[str] = Counter()
    calls, is_within = [], False
    for line in log.read_text().splitlines():
        name = line.partition("(")[0]
        counts[name] += 1
        if '"/end"' in line:
            break
        if is_within:
            calls.append((name, counts[name]))
        is_within = is_within or '"/begin"' in line
    return calls


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(
    ("fault", "names"),
    [
        pytest.param("signal=KILL", None, id="killed"),
        pytest.param("error=EIO", {"write", "fsync", "rename", "close"}, id="disk error"),
        pytest.param("error=ENOSPC", {"openat", "write", "fsync"}, id="disk full"),
    ],
)
def test_a_fault_at_any_system_call_of_a_write_leaves_the_photo_old_or_new(
    photo: Path, tmp_path_factory: pytest.TempPathFactory, fault: str, names: set[str] | None
) -> None:
    log = tmp_path_factory.mktemp("strace") / "log"
    calls = [call for call in _calls_of_a_write(photo, log) if names is None or call[0] in names]
    assert {"write", "fsync"} <= {name for name, _ in calls}
    outcomes = set()

    for name, count in calls:
        photo.write_bytes(_OLD)
        run = _trace(photo, log, "-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={count}")
        outcomes.add((photo.read_bytes() == _LARGE, run.returncode == 0))
        assert photo.read_bytes() in (_OLD, _LARGE), (name, count)
        clean_leftovers(str(photo.parent))
        assert os.listdir(photo.parent) == ["photo.jpg"], (name, count)

    assert (False, False) in outcomes, "no fault struck before the replacement"
