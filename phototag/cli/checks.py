"""Settings in, what phototag needs of this machine, each checked and with how to mend it, out."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from phototag.errors import PhotoTagError
from phototag.records import Place
from phototag.settings import Settings

State = Literal["ok", "note", "wrong"]

_LEAST_FREE_BYTES = 1 << 30
_LATEST_SKEW_S = 2.0
_TENSORFLOW_TIMEOUT_S = 120
_TENSORFLOW = "import tensorflow as tf; print(tf.__version__, len(tf.config.list_physical_devices('GPU')))"
_EMBED_ON_GPU = """
import sys
from pathlib import Path
from phototag.backbone import open_backbone
from phototag.bundle import find_bundle
from phototag.errors import PhotoTagError
try:
    backbone = open_backbone(find_bundle(sys.argv[1] or None, Path(sys.argv[2])).network, "gpu")
except PhotoTagError as exc:
    sys.exit(str(exc))
print(f"a scan embeds on {len(backbone.devices)}, in {backbone.precision}{' with XLA' if backbone.xla else ''}")
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        state: "ok"; "note": phototag works without it; "wrong": something will fail.
        found: what was found.
        mend: what to do about it; empty where all is well.
    """

    name: str
    state: State
    found: str
    mend: str = ""


def check_all(settings: Settings, folders: Sequence[str]) -> Iterator[Check]:
    """Check everything, what costs least first."""
    yield _python()
    yield _clock(settings.beside.parent)
    yield from _places(settings)
    yield _index(settings.index, settings.beside)
    yield _models(settings)
    yield from _formats()
    yield _network(settings)
    yield _exiftool()
    yield _tensorflow()
    yield _gpu(settings)
    for folder in folders:
        yield _library(folder)


def _python() -> Check:
    found = f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}"
    if sys.maxsize < 1 << 32:
        return Check("python", "wrong", f"{found}, 32 bits", "install a Python of 64 bits")
    return Check("python", "ok", found)


def _clock(folder: Path) -> Check:
    """Compare the clock with that of the disk under the index, and with the age of what is installed."""
    if time.time() < Path(__file__).stat().st_mtime - 86400:
        mend = "set the clock: a photo counts as unchanged by its time"
        return Check("clock", "wrong", f"it says {time.ctime()}, but phototag was installed later", mend)
    nearest = _nearest(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=nearest) as file:
            skew_s = os.fstat(file.fileno()).st_mtime - time.time()
    except OSError:
        return Check("clock", "ok", time.ctime())
    if abs(skew_s) > _LATEST_SKEW_S:
        mend = "set both clocks, by NTP best: photos on their way here are told by their time"
        return Check("clock", "note", f"the disk of {nearest} is {skew_s:+.0f} s off", mend)
    return Check("clock", "ok", time.ctime())


def _places(settings: Settings) -> Iterator[Check]:
    for name, folder in (
        ("index folder", settings.beside.parent),
        ("models", settings.models),
        ("cache", settings.cache),
    ):
        there = _nearest(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            yield Check(name, "wrong", f"{there} cannot be written", "give this user the right, or name another place")
        else:
            yield _space(name, folder, there)


def _space(name: str, folder: Path, there: Path) -> Check:
    free = shutil.disk_usage(there).free
    found = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LEAST_FREE_BYTES:
        return Check(name, "wrong", found, "make room: a photo is written beside the old one before it takes its place")
    return Check(name, "ok", found)


def _index(place: Place, beside: Path) -> Check:
    from phototag.index import is_there, open_index
    from phototag.index.care import disk_bytes

    try:
        if not is_there(place):
            return Check("index", "note", f"there is none yet ({place})", "phototag scan DIR makes it")
        index = open_index(place, readonly=True)
        count, size = index.photo_count(), disk_bytes(place, beside)
        index.close()
    except PhotoTagError as exc:
        return Check("index", "wrong", str(exc), "as it says; `phototag scan` makes a new one")
    return Check("index", "ok", f"{place}, {count:,} photos, {size / 1e6:.1f} MB")


def _models(settings: Settings) -> Check:
    from phototag.bundle import find_bundle

    try:
        bundle = find_bundle(settings.model, settings.models)
    except PhotoTagError as exc:
        return Check("model", "wrong", str(exc), "`phototag models` lists those that can be used")
    return Check("model", "ok", f"{bundle.name}, {len(bundle.classifier.labels):,} words, {bundle.network.name}")


def _formats() -> Iterator[Check]:
    from phototag.decode.selftest import decoders

    for name, found, missing in decoders():
        mend = "" if missing is None else "install phototag again; photos of this format fail until then"
        yield Check(f"decoding {name}", "ok" if missing is None else "wrong", missing or found, mend)


def _network(settings: Settings) -> Check:
    """Embed one empty photo on the CPU."""
    try:
        import numpy as np

        from phototag.backbone import open_backbone
        from phototag.bundle import find_bundle

        network = find_bundle(settings.model, settings.models).network
        backbone = open_backbone(network, "cpu")
        pixels = np.zeros((1, network.image_size, network.image_size, 3), np.uint8)
        began = time.perf_counter()
        backbone.embed(pixels)
        took_ms = (time.perf_counter() - began) * 1000
    except (PhotoTagError, ImportError) as exc:
        return Check("LiteRT", "wrong", str(exc), "pip install --force-reinstall ai-edge-litert")
    return Check("LiteRT", "ok", f"{_version('ai-edge-litert')}, {network.name} took {took_ms:.0f} ms for a photo")


def _exiftool() -> Check:
    found = shutil.which("exiftool")
    if found is None:
        return Check("exiftool", "note", "not installed", "not needed; handy for looking at what a photo holds")
    return Check("exiftool", "ok", f"{found} (not needed)")


def _tensorflow() -> Check:
    """Load TensorFlow in a process of its own: it takes seconds, and can bring a process down."""
    mend = "pip install --force-reinstall tensorflow; needed for training and on a GPU, not for scanning on a CPU"
    try:
        run = _python_apart(_TENSORFLOW)
    except subprocess.TimeoutExpired:
        return Check("TensorFlow", "note", f"not loaded after {_TENSORFLOW_TIMEOUT_S} s", mend)
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
        return Check("TensorFlow", "note", f"does not load: {lines[-1]}", mend)
    number, gpus = run.stdout.split()[-2:]
    return Check("TensorFlow", "ok", f"{number}, sees {gpus} GPUs" if gpus != "1" else f"{number}, sees a GPU")


def _gpu(settings: Settings) -> Check:
    """Embed a photo on the GPU as a scan does, in a process of its own: broken drivers bring processes down."""
    from phototag.backbone import LEFT_ASIDE, shown_gpus

    shown = shown_gpus()
    if not shown:
        return Check("GPU", "ok", "none; the CPU does the work")
    if settings.device == "cpu":
        return Check("GPU", "ok", f"{len(shown)} by the driver; not used, for `device` is set to cpu")
    try:
        run = _python_apart(_EMBED_ON_GPU, settings.model or "", str(settings.models))
    except subprocess.TimeoutExpired:
        why = f"no photo was embedded in {_TENSORFLOW_TIMEOUT_S} s"
    else:
        if not run.returncode:
            return Check("GPU", "ok", f"{len(shown)} by the driver; {run.stdout.strip().splitlines()[-1]}")
        why = (run.stderr.strip().splitlines() or [f"it ended a process with exit code {run.returncode}"])[-1]
    mend = 'as it says; `--device cpu`, or device = "cpu" in the settings, says no more of it'
    return Check("GPU", "wrong" if settings.device == "gpu" else "note", LEFT_ASIDE % why, mend)


def _python_apart(code: str, *args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=_TENSORFLOW_TIMEOUT_S, check=False)


def _library(folder: str) -> Check:
    """Whether a library can be listed, read and written, as far as that shows without writing."""
    path = Path(folder).absolute()
    name = f"library {path}"
    tests: list[tuple[Callable[[], bool], str]] = [
        (path.is_dir, "there is no such folder; is its disk mounted?"),
        (lambda: os.access(path, os.R_OK | os.X_OK), "it cannot be listed"),
        (lambda: any(path.iterdir()), "it is empty; is its disk mounted?"),
        (lambda: os.access(path, os.W_OK), "it cannot be written: tags can stand in the index alone (--no-write)"),
    ]
    for passes, problem in tests:
        if not passes():
            return Check(name, "wrong", problem, "mount it, or give this user the right")
    return _space(name, path, path)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((path for path in (folder, *folder.parents) if path.is_dir()), Path(folder.anchor))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of no known version"
