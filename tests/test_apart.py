"""Photos that crash or hang a decoder: it takes a process of its own with it, and nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from phototag.decode import LARGE_PHOTO, decode
from phototag.decode.apart import Processes
from phototag.decode.safe import SafeDecoder
from phototag.decode.underway import UnderWay
from phototag.errors import UndecodableError, UnfinishedError, UnreadableError
from phototag.records import PhotoRef
from tests.photos import make_noise, make_photo

# A worker whose decoder does what a photo's last bytes say. It stands in for a faulty library at the decoder's border.
_FAULTY = """
import os, sys, time
from phototag.decode import decode_bytes
from phototag.decode.worker import serve

def decode(ref, data, *how):
    if data.endswith(b"HANG"):
        time.sleep(600)
    if data.endswith(b"CRASH"):
        os.abort()
    if data.endswith(b"PID"):
        from phototag.errors import UndecodableError
        raise UndecodableError(str(os.getpid()))
    return decode_bytes(ref, data, *how)

serve(sys.stdin.buffer, sys.stdout.buffer, decode)
"""


def listed(path: Path) -> PhotoRef:
    status = path.stat()
    return PhotoRef(str(path), status.st_size, status.st_mtime_ns)


def photo(folder: Path, name: str, end: bytes = b"", kind: str = "TIFF") -> PhotoRef:
    path = folder / name
    path.write_bytes(make_photo(kind, make_noise((40, 30))) + end)
    os.utime(path, (1, 1))
    return listed(path)


@pytest.fixture
def faulty() -> Iterator[SafeDecoder]:
    program = (sys.executable, "-c", _FAULTY)
    with SafeDecoder(2.0, processes=Processes(2.0, LARGE_PHOTO, program)) as decoder:
        yield decoder


def test_pixels_and_facts_from_a_process_apart_are_the_same(tmp_path: Path) -> None:
    ref = photo(tmp_path, "a.tif")
    with SafeDecoder(60.0) as decoder:
        apart, here = decoder(ref, 32, "crop"), decode(ref, 32, "crop")
    assert np.array_equal(apart.pixels, here.pixels)
    assert (apart.ref, apart.content_hash, apart.facts) == (here.ref, here.content_hash, here.facts)


def test_a_crash_and_a_hang_fail_their_photo_and_the_next_one_is_well(tmp_path: Path, faulty: SafeDecoder) -> None:
    for end, reason in ((b"CRASH", "crashed the decoder"), (b"HANG", "took too long")):
        with pytest.raises(UndecodableError) as caught:
            faulty(photo(tmp_path, "bad.tif", end), 32, "crop")
        assert caught.value.reason == reason
        assert "--retry-failed" in caught.value.detail
        assert faulty(photo(tmp_path, "good.tif"), 32, "crop").facts.format == "TIFF"


def test_an_error_of_the_photo_costs_no_process_and_a_sound_format_needs_none(
    tmp_path: Path, faulty: SafeDecoder
) -> None:
    pids = set()
    for name in ("a.tif", "b.tif"):
        with pytest.raises(UndecodableError) as caught:
            faulty(photo(tmp_path, name, b"PID"), 32, "crop")
        pids.add(caught.value.reason)
    assert len(pids) == 1
    assert faulty(photo(tmp_path, "c.png", b"CRASH", "PNG"), 32, "crop").facts.format == "PNG"


def test_no_process_is_left_when_the_scan_ends_in_the_middle_of_a_photo(tmp_path: Path) -> None:
    decoder = SafeDecoder(60.0, processes=Processes(60.0, LARGE_PHOTO, (sys.executable, "-c", _FAULTY)))
    with pytest.raises(UndecodableError) as caught:
        decoder(photo(tmp_path, "a.tif", b"PID"), 32, "crop")
    hanging = threading.Thread(target=_swallow, args=(decoder, photo(tmp_path, "b.tif", b"HANG")))
    hanging.start()
    time.sleep(0.3)
    decoder.close()
    hanging.join(10)
    assert not hanging.is_alive()
    assert not Path(f"/proc/{caught.value.reason}").exists()


def _swallow(decoder: SafeDecoder, ref: PhotoRef) -> None:
    with pytest.raises((UndecodableError, UnreadableError)):
        decoder(ref, 32, "crop")


@pytest.mark.skipif(os.name == "nt", reason="an alarm of POSIX")
def test_a_process_that_hangs_ends_although_the_scan_was_killed(tmp_path: Path) -> None:
    ref = photo(tmp_path, "a.tif", b"HANG")
    code = f"""
import sys
from phototag.decode import LARGE_PHOTO, Limits
from phototag.decode.apart import Processes
from phototag.records import PhotoRef
processes = Processes(1.0, LARGE_PHOTO, (sys.executable, "-c", {_FAULTY!r}))
process = processes._take()
print(process._process.pid, flush=True)
processes._give_back(process)
processes.decode(PhotoRef({ref.path!r}, 0, 0), open({ref.path!r}, "rb").read(), 32, "crop", Limits())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as scan:
        assert scan.stdout is not None
        pid = int(scan.stdout.readline())
        time.sleep(0.3)
        os.kill(scan.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while _is_running(pid):
        assert time.monotonic() < end, "the process outlives its scan"
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_what_was_decoding_when_a_scan_died_is_suspect_until_it_was_decoded_apart(tmp_path: Path) -> None:
    note, ref = tmp_path / "note", photo(tmp_path, "a.png", b"CRASH", "PNG")
    died = UnderWay(note)
    decoding = [died.noted(ref.path), died.noted("another")]
    for one in decoding:
        one.__enter__()  # and it never comes back
    again = UnderWay(note)
    program = (sys.executable, "-c", _FAULTY)
    with SafeDecoder(30.0, again, processes=Processes(30.0, LARGE_PHOTO, program)) as decoder:
        with pytest.raises(UndecodableError, match="crashed the decoder"):
            decoder(ref, 32, "crop")
        assert decoder(ref, 32, "crop").facts.format == "PNG", "it had its turn, and is no longer suspect"
    assert note.exists(), "the other one was not met"
    last = UnderWay(note)
    assert last.is_suspect("another")
    assert not last.is_suspect(ref.path)
    last.clear_suspect("another")
    last.close()
    assert not note.exists()


def test_a_photo_that_is_still_growing_waits_for_the_next_scan(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    whole = make_photo("PNG")
    path.write_bytes(whole[:200])
    ref = listed(path)
    grows = threading.Timer(0.2, path.write_bytes, [whole])
    grows.start()
    with SafeDecoder(60.0, settle_s=0.5) as decoder:
        with pytest.raises(UnfinishedError):
            decoder(ref, 32, "crop")
        grows.join()
        began = time.monotonic()
        assert decoder(listed(path), 32, "crop").facts.format == "PNG"
        assert 0.2 < time.monotonic() - began < 2
