"""`phototag scan` as its users run it: the built-in model on real photos, cron's bare environment, kill -9."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phototag.decode.underway import UnderWay
from phototag.index.lock import scan_lock
from phototag.metadata import open_writer
from phototag.records import PhotoRef
from tests.conftest import Run
from tests.models import save_always
from tests.photos import make_jpeg, make_photo


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    for n in range(5):
        (folder / f"{n}.jpg").write_bytes(make_jpeg(size=(320 + n, 240)))
    return folder


@pytest.fixture
def always(home: Path) -> None:
    """Make the newest trained model, and so the default, one that always answers."""
    save_always(home / "models" / "always", "first word", "second word")


@pytest.mark.usefixtures("always")
def test_the_summary_counts_what_happened(phototag: Run, library: Path) -> None:
    (library / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    run = phototag("scan", library)
    assert run.returncode == 1
    assert "tagging with the model always" in run.stderr
    assert "6 photos seen" in run.stdout
    assert "5 tagged (5 in the photo)" in run.stdout
    assert "1 failed" in run.stdout
    assert str(library / "broken.jpg") in run.stdout
    again = phototag("scan", library)
    assert again.returncode == 0
    assert "6 unchanged (1 of them failed before)" in again.stdout


@pytest.mark.usefixtures("always")
def test_json_is_a_line_an_event_and_the_summary_last(phototag: Run, library: Path) -> None:
    (library / "broken.jpg").write_bytes(b"")
    run = phototag("scan", "--json", library)
    events = [json.loads(line) for line in run.stdout.splitlines()]
    photos = [event for event in events if event["event"] == "photo"]
    assert len(photos) == 5
    assert {tag["word"] for tag in photos[0]["tags"]} == {"first word", "second word"}
    assert [event["reason"] for event in events if event["event"] == "failed"] == ["empty file"]
    assert events[-1]["event"] == "summary"
    assert (events[-1]["tagged"], events[-1]["failed"], events[-1]["seen"]) == (5, 1, 6)


@pytest.mark.usefixtures("always")
def test_a_dry_run_says_what_it_would_do_and_does_nothing(phototag: Run, library: Path, home: Path) -> None:
    before = {path: path.read_bytes() for path in library.iterdir()}
    run = phototag("scan", "--dry-run", library)
    assert f"{library / '0.jpg'}: first word 1.00, second word 1.00" in run.stdout
    assert "5 would be tagged" in run.stdout
    assert before == {path: path.read_bytes() for path in library.iterdir()}
    assert not (home / "index.sqlite").exists()


@pytest.mark.usefixtures("always")
def test_no_write_keeps_the_tags_in_the_index(phototag: Run, library: Path) -> None:
    before = {path: path.read_bytes() for path in library.iterdir()}
    assert "5 tagged (5 in the index only)" in phototag("scan", "--no-write", library).stdout
    assert before == {path: path.read_bytes() for path in library.iterdir()}
    assert len(phototag("search", "first").stdout.splitlines()) == 5


@pytest.mark.usefixtures("always")
def test_max_tags_and_min_confidence_bound_the_tags(phototag: Run, library: Path) -> None:
    run = phototag("scan", "--json", "--dry-run", "--max-tags", "1", library)
    assert {len(json.loads(line)["tags"]) for line in run.stdout.splitlines()[:-1]} == {1}
    run = phototag("scan", "--json", "--dry-run", "--min-confidence", "1", library)
    assert {len(json.loads(line)["tags"]) for line in run.stdout.splitlines()[:-1]} == {0}


@pytest.mark.usefixtures("always")
def test_rescan_workers_and_device(phototag: Run, library: Path) -> None:
    phototag("scan", library)
    run = phototag("scan", "--rescan", "--workers", "1", "--device", "cpu", library)
    assert "5 tagged" in run.stdout
    assert "0 unchanged" in run.stdout
    summary = json.loads(phototag("scan", "--json", library).stdout.splitlines()[-1])
    assert (summary["files_written"], summary["device"], summary["batch_size"]) == (0, None, None)


@pytest.mark.usefixtures("always")
def test_batch_size_and_workers_say_how_much_is_decoded_ahead(phototag: Run, library: Path, home: Path) -> None:
    log = home / "scan.log"
    run = phototag("scan", "--json", "--workers", "2", "--batch-size", "3", "--log-file", log, library)
    summary = json.loads(run.stdout.splitlines()[-1])
    assert {name: summary[name] for name in ("tagged", "device", "workers", "batch_size", "queue")} == {
        "tagged": 5, "device": "cpu", "workers": 2, "batch_size": 3, "queue": 8
    }  # fmt: skip
    assert "2 threads, cpu, batches of 3, up to 8 decoded ahead" in log.read_text()
    assert "2 threads, batches of 3" in phototag("runs").stdout
    (of_run,) = [json.loads(line)["scan"]["counts"] for line in phototag("runs", "--json").stdout.splitlines()]
    assert (of_run["workers"], of_run["batch_size"], of_run["queue"]) == (2, 3, 8)


@pytest.mark.usefixtures("always")
def test_model_chooses_among_models(phototag: Run, library: Path) -> None:
    run = phototag("scan", "--dry-run", "--model", "imagenet", library)
    assert "tagging with the model imagenet" in run.stderr
    assert "first word" not in run.stdout


@pytest.mark.usefixtures("always")
def test_quiet_says_nothing_unless_something_is_wrong(phototag: Run, library: Path) -> None:
    run = phototag("scan", "--quiet", library)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)
    (library / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    run = phototag("scan", "--quiet", library)
    assert run.stdout == ""
    assert run.stderr.startswith(str(library / "broken.jpg"))
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.usefixtures("always")
def test_bounds_timeout_and_priority(phototag: Run, library: Path) -> None:
    run = phototag("scan", "--max-photos", "2", "--max-time", "1h30m", "--nice", "--timeout", "30s", library)
    assert run.returncode == 0
    assert "2 tagged" in run.stdout
    assert "stopped by --max-photos, as asked" in run.stdout
    events = [json.loads(line) for line in phototag("scan", "--json", "--max-time", "1s", library).stdout.splitlines()]
    assert [event["event"] for event in events][-2:] in (["stopped", "summary"], ["photo", "summary"])
    run = phototag("scan", "--max-time", "soon", library)
    assert run.returncode == 2
    assert "say 90s, 30m, 2h or 1h30m" in run.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.usefixtures("always")
def test_a_photo_that_kills_the_scan_is_found_out_by_the_next_one(
    phototag: Run, library: Path, tmp_path: Path, home: Path
) -> None:
    (library / "2.jpg").write_bytes(make_jpeg() + b"KILL")
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "sitecustomize.py").write_text(_FAULTY_PILLOW)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "faulty"), *filter(None, sys.path)])}
    assert phototag("scan", library, env=env).returncode == -signal.SIGABRT
    run = phototag("scan", library, env=env)
    assert run.returncode == 1
    assert f"{library / '2.jpg'}: crashed the decoder" in run.stdout
    assert "4 tagged" in run.stdout
    note, status = home / "index.sqlite.decoding", (library / "2.jpg").stat()
    assert not note.exists()
    decoding = UnderWay(note).noted(PhotoRef(str(library / "2.jpg"), status.st_size, status.st_mtime_ns))
    decoding.__enter__()  # and it was killed after the index knew the photo, before the note went
    assert phototag("scan", library, env=env).returncode == 0
    assert not note.exists()
    assert "0 failed" in phototag("scan", "--retry-failed", library).stdout
    assert sorted(path.name for path in library.iterdir()) == [f"{n}.jpg" for n in range(5)]


@pytest.mark.usefixtures("always")
def test_a_share_that_never_answers_costs_a_line_and_the_scan_still_ends(
    phototag: Run, library: Path, tmp_path: Path
) -> None:
    (library / "share").mkdir()
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "sitecustomize.py").write_text(_DEAD_SHARE)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "faulty"), *filter(None, sys.path)])}
    run = phototag("scan", "--timeout", "1s", library, env=env, timeout=60)
    assert run.returncode == 1
    assert f"{library / 'share'}: took too long: no answer after 2 s" in run.stdout
    assert "5 tagged" in run.stdout


_DEAD_SHARE = """
import os, threading

scandir = os.scandir
os.scandir = lambda path: threading.Event().wait() if str(path).endswith("/share") else scandir(path)
"""


_FAULTY_PILLOW = """
import os
from PIL import JpegImagePlugin

load = JpegImagePlugin.JpegImageFile.load
def faulty(image):
    if image.fp and image.fp.getvalue().endswith(b"KILL"):
        os.abort()
    return load(image)
JpegImagePlugin.JpegImageFile.load = faulty
"""


@pytest.mark.usefixtures("always")
def test_a_scan_that_finds_nothing_new_loads_neither_network_nor_decoders(
    phototag: Run, library: Path, tmp_path: Path
) -> None:
    assert phototag("scan", library).returncode == 0
    for name in ("tensorflow", "ai_edge_litert", "PIL", "pi_heif", "rawpy", "lxml"):
        (tmp_path / "poison" / name).mkdir(parents=True)
        (tmp_path / "poison" / name / "__init__.py").write_text(f"raise ImportError('{name} is poisoned')")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "poison"), os.environ.get("PYTHONPATH", "")])}
    run = phototag("scan", library, env=env)
    assert run.returncode == 0, run.stderr
    assert "5 unchanged" in run.stdout
    (library / "0.jpg").touch()
    assert "is poisoned" in phototag("scan", library, env=env).stderr


def test_a_second_scan_says_so_and_leaves_with_3(phototag: Run, library: Path, home: Path) -> None:
    with scan_lock(home / "index.sqlite"):
        run = phototag("scan", library)
    assert run.returncode == 3
    assert "another scan is at work" in run.stderr


def test_a_missing_folder_is_a_failure_with_its_reason(phototag: Run, tmp_path: Path) -> None:
    run = phototag("scan", tmp_path / "nowhere")
    assert run.returncode == 1
    assert "not found: there is no such folder" in run.stdout


@pytest.mark.skipif(os.name == "nt", reason="cron's environment is POSIX")
@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("with_home", [True, False], ids=["cron's variables", "no HOME at all"])
def test_it_runs_in_crons_bare_environment(library: Path, home: Path, with_home: bool) -> None:
    places = {f"PHOTOTAG_{name}": os.environ[f"PHOTOTAG_{name}"] for name in ("INDEX", "MODELS", "CACHE")}
    bare = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "x"} | ({"HOME": str(home)} if with_home else {})
    (library / "grün.jpg").write_bytes(make_jpeg(size=(64, 64)))
    command = f"{Path(sys.executable).with_name('phototag')} scan --quiet {library}"
    run = subprocess.run(
        ["/bin/sh", "-c", command],
        env=bare | places,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    assert set(open_writer().read(str(library / "grün.jpg")).photo) == {"first word", "second word"}


@pytest.mark.usefixtures("always")
def test_only_the_chosen_fields_are_written_and_the_time_changes_on_request(phototag: Run, library: Path) -> None:
    photo = library / "0.jpg"
    os.utime(photo, (1, 1))
    assert phototag("scan", "--fields", "dc", "--touch", library).returncode == 0
    assert b"first word" in photo.read_bytes()
    assert "first word".encode("utf-16-le") not in photo.read_bytes()
    assert photo.stat().st_mtime > 1


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("fields", "message"), [("dc,colour", "unknown: colour"), ("xp", "dc must be among them"), ("", "unknown")]
)
def test_a_wrong_list_of_fields_is_wrong_usage(phototag: Run, library: Path, fields: str, message: str) -> None:
    run = phototag("scan", "--fields", fields, library)
    assert run.returncode == 2
    assert message in run.stderr


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("options", "sidecars"),
    [
        pytest.param([], ["b.xmp"], id="where a photo takes no tags inside"),
        pytest.param(["--sidecar", "always"], ["a.xmp", "b.xmp"], id="always"),
        pytest.param(["--sidecar", "always", "--sidecar-name", "full"], ["a.jpg.xmp", "b.gif.xmp"], id="full names"),
        pytest.param(["--sidecar", "never"], [], id="never"),
    ],
)
def test_the_owner_says_where_sidecars_are_wanted(
    phototag: Run, tmp_path: Path, options: list[str], sidecars: list[str]
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "a.jpg").write_bytes(make_jpeg())
    (library / "b.gif").write_bytes(make_photo("GIF"))
    assert phototag("scan", *options, library).returncode == 0
    assert sorted(path.name for path in library.glob("*.xmp")) == sidecars
    assert ((library / "a.jpg").read_bytes() == make_jpeg()) == ("always" in options)
    assert len(phototag("search", "first").stdout.splitlines()) == 2


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")
def test_a_kill_at_any_point_leaves_each_photo_old_or_new_and_the_next_run_finishes(
    home: Path, tmp_path: Path, phototag: Run
) -> None:
    save_always(home / "models" / "always", "word")
    library = tmp_path / "library"
    library.mkdir()
    old = {f"{n:03}.jpg": make_jpeg(size=(400 + n, 300)) for n in range(150)}
    reference = tmp_path / "reference"
    reference.mkdir()
    for folder in (library, reference):
        for name, data in old.items():
            (folder / name).write_bytes(data)
    elsewhere = os.environ | {"PHOTOTAG_INDEX": str(tmp_path / "reference.sqlite")}
    assert phototag("scan", reference, env=elsewhere).returncode == 0
    new = {name: (reference / name).read_bytes() for name in old}
    chance = random.Random(1)
    for _ in range(6):
        written = sum((library / name).read_bytes() != data for name, data in old.items())
        with subprocess.Popen([sys.executable, "-m", "phototag", "scan", "--quiet", str(library)]) as process:
            end = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < end:
                if sum((library / name).read_bytes() != data for name, data in old.items()) > written:
                    time.sleep(chance.random() * 0.1)
                    break
            process.kill()
        for name, data in old.items():
            assert (library / name).read_bytes() in (data, new[name]), name
    assert phototag("scan", library).returncode == 0
    assert {name: (library / name).read_bytes() for name in old} == new
    assert sorted(path.name for path in library.iterdir()) == sorted(old)
    assert len(phototag("search", "--limit", "1000", "word").stdout.splitlines()) == len(old)
    assert "owner" not in phototag("tags", "--json").stdout


def test_the_built_in_model_finds_the_dogs(real_photos: Path, tmp_path: Path, phototag: Run) -> None:
    library = tmp_path / "library"
    shutil.copytree(real_photos / "pets", library / "pets")
    for path in sorted((real_photos / "unknown").iterdir())[::5]:
        shutil.copy(path, library)
    run = phototag("scan", library)
    assert run.returncode == 0, run.stdout
    found = phototag("search", "dog", "--limit", "20").stdout.splitlines()
    assert len(found) == 20
    assert not [path for path in found if "/cat" in path]


def test_every_broken_file_is_named_with_its_reason(real_photos: Path, tmp_path: Path, phototag: Run) -> None:
    shutil.copytree(real_photos / "broken", tmp_path / "broken")
    run = phototag("scan", tmp_path / "broken")
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    listed = [line for line in run.stdout.splitlines() if line.startswith(str(tmp_path / "broken"))]
    assert len(listed) == len(list((tmp_path / "broken").iterdir()))
    assert all(re.search(r"broken/[^:]+: [a-z ]+: ", line) for line in listed)
