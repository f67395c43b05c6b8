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

from phototag.decode import LARGE_PHOTO, decode, underway
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


def faulty_decoder(under_way: UnderWay | None = None, timeout_s: float = 30.0) -> SafeDecoder:
    processes = Processes(timeout_s, LARGE_PHOTO, (sys.executable, "-c", _FAULTY))
    return SafeDecoder(timeout_s, under_way, processes=processes)


@pytest.fixture
def faulty() -> Iterator[SafeDecoder]:
    with faulty_decoder(timeout_s=2.0) as decoder:
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
    decoder = faulty_decoder()
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


def begin(note: Path, *refs: PhotoRef) -> list[object]:
    """Note photos as being decoded, as if the process died then: as long as what is returned is kept."""
    under_way = UnderWay(note)
    decoding = [under_way.noted(ref) for ref in refs]
    for one in decoding:
        one.__enter__()
    return [*decoding]


def test_what_was_decoding_when_a_scan_died_is_suspect_until_it_was_decoded_apart(tmp_path: Path) -> None:
    note, ref, other = (
        tmp_path / "note",
        photo(tmp_path, "a.png", b"CRASH", "PNG"),
        photo(tmp_path, "b.png", kind="PNG"),
    )
    died = begin(note, ref, other)
    with faulty_decoder(UnderWay(note)) as decoder:
        with pytest.raises(UndecodableError, match="crashed the decoder"):
            decoder(ref, 32, "crop")
        assert decoder(ref, 32, "crop").facts.format == "PNG", "it had its turn, and is no longer suspect"
    assert note.exists(), "the other one was not met"
    last = UnderWay(note)
    assert (last.is_suspect(other), last.is_suspect(ref)) == (True, False)
    assert len(died) == 2
    with last.noted(other):
        pass
    last.close()
    assert not note.exists()


_KILLED = """
import sys
from pathlib import Path
from phototag.decode import LARGE_PHOTO, underway
from phototag.decode.apart import Processes
from phototag.decode.safe import SafeDecoder
from phototag.records import PhotoRef
underway._TICK_S = 0.05
note, program, path, size, mtime = sys.argv[1:]
processes = Processes(5.0, LARGE_PHOTO, (sys.executable, "-c", program))
SafeDecoder(5.0, underway.UnderWay(Path(note)), processes=processes)(PhotoRef(path, int(size), int(mtime)), 32, "crop")
"""


def spent_s(note: Path) -> float:
    """How long the one photo in a note has been under way."""
    seconds: float = underway._read(note.read_bytes(), 0).spent_s if note.exists() else 0.0
    return seconds


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_photo_that_hangs_scans_that_are_killed_is_passed_by_once_it_took_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, ref = tmp_path / "note", photo(tmp_path, "a.tif", b"HANG")
    monkeypatch.setattr(underway, "PATIENCE_S", 0.4)
    whose = [str(note), _FAULTY, ref.path, str(ref.size_bytes), str(ref.mtime_ns)]
    for enough in (0.2, 0.4):  # each scan adds what it has spent
        assert UnderWay(note).reason(ref) is None
        with subprocess.Popen([sys.executable, "-c", _KILLED, *whose]) as scan:
            end = time.monotonic() + 20
            while spent_s(note) < enough:
                assert time.monotonic() < end and scan.poll() is None
                time.sleep(0.02)
            scan.kill()
    for _ in range(2):  # also where this scan, too, is killed before the index knows the photo
        third = UnderWay(note)
        with pytest.raises(UndecodableError, match="took too long") as caught:
            SafeDecoder(30.0, third, processes=Processes(30.0, LARGE_PHOTO, ("no such program",)))(ref, 32, "crop")
        assert "--retry-failed" in caught.value.detail
    third.close()
    assert not note.exists()


def test_a_photo_that_a_kill_met_by_chance_is_decoded_by_the_next_scan(tmp_path: Path) -> None:
    note, ref = tmp_path / "note", photo(tmp_path, "a.tif")
    died = [begin(note, ref) for _ in range(5)]
    with faulty_decoder(UnderWay(note)) as decoder:
        assert decoder(ref, 32, "crop").facts.format == "TIFF"
    assert len(died) == 5
    assert not note.exists()


def test_what_crashed_a_decoder_is_not_tried_again_by_a_scan_after_a_kill_unless_on_request(tmp_path: Path) -> None:
    note, ref = tmp_path / "note", photo(tmp_path, "a.tif", b"CRASH")
    decoder = faulty_decoder(UnderWay(note))
    with pytest.raises(UndecodableError, match="crashed the decoder"):
        decoder(ref, 32, "crop")
    assert UnderWay(note).reason(ref) == "crashed the decoder", "as a scan finds it that begins after a kill"
    assert UnderWay(note, forgive=True).reason(ref) is None
    assert UnderWay(note, forgive=True).is_suspect(ref)
    decoder.close()
    assert not note.exists()


def test_a_photo_that_took_the_place_of_a_suspect_one_is_not_suspect_and_the_note_goes(tmp_path: Path) -> None:
    note, replaced, gone = tmp_path / "note", photo(tmp_path, "a.tif", b"HANG"), photo(tmp_path, "b.tif", b"HANG")
    died = begin(note, replaced, gone)
    newcomer = photo(tmp_path, "a.tif")
    Path(gone.path).unlink()
    again = UnderWay(note)
    assert (again.is_suspect(newcomer), again.is_suspect(replaced)) == (False, True)
    assert len(died) == 2
    again.close()
    assert not note.exists()


def test_a_damaged_note_blames_nobody(tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_bytes(underway._HEAD.pack(1, 5, 99.0, 0, 0) + b"a\0bcd" + b"\xff" * 5000)
    UnderWay(note).close()
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
        os.utime(path)
        began = time.monotonic()
        assert decoder(listed(path), 32, "crop").facts.format == "PNG"
        assert 0.2 < time.monotonic() - began < 2
