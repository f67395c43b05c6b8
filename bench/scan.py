#!/usr/bin/env python3
"""How fast a CPU scan is, beside its own ideal and beside other ways, on the same photos in one run.

Usage: scan.py LIBRARY [--photos N] [--rounds N] [--peers PYTHON]

Prints photos a second of
  decode alone      every core decoding, nothing else
  embed alone       the network on all cores, on pixels that are there already
  ideal             what the two together allow: 1 / (1/decode + 1/embed)
  scan --no-write   the real thing, into an empty index
  scan              the same with keywords written into the photos
  a photo at a time Pillow decodes in full, Keras `predict` on one photo, one after the other
  tf.data           TensorFlow decodes in full in parallel, batches of 32 to Keras `predict`
  PyTorch           the same network there, with a DataLoader
  ONNX Runtime      the same network there, decoding with Pillow's `draft`
and of scan and tf.data on 500 px photos made of the same ones.

The photos are copied first, and are in the page cache before anything is timed. Scans come last, when the copies have
been at rest for a minute, as photos in a library have: younger ones are compared once more before they are replaced.
Of several rounds the best counts for each row. Beside phototag's own rows stands the processor time of a photo, which
other programs on the machine change less than the rate. The simpler ways are timed once, on a quarter of the photos,
each in a process of its own. PyTorch and ONNX Runtime are not among phototag's dependencies: `--peers` names the Python
of an environment that has them (bench/peers.py says how to make one); without it their rows are left out.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from phototag.backbone import open_backbone
from phototag.bundle import BUILT_IN, find_bundle
from phototag.cores import usable_cores
from phototag.decide import Rules
from phototag.decode import decode
from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import PhotoRef, Tagged
from phototag.scan import Job, scan
from phototag.walk import walk

_CORES = usable_cores()
_AT_REST_S = 61
_SMALL = 500
_SMALL_OF_EACH = 4


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("library", type=Path)
    ask.add_argument("--photos", type=int, default=96)
    ask.add_argument("--rounds", type=int, default=2)
    ask.add_argument("--peers", metavar="PYTHON", help="a Python that has torch, onnx, onnxruntime and pillow")
    args = ask.parse_args()
    refs = [item for item in walk([str(args.library)]) if isinstance(item, PhotoRef)][: args.photos]
    with tempfile.TemporaryDirectory(dir=args.library.absolute().parent) as scratch:
        copies = [_copy(refs, Path(scratch, f"copy{number}")) for number in range(args.rounds)]
        small = _shrink(refs[: max(1, len(refs) // 2)], Path(scratch, "small"))
        if hasattr(os, "sync"):  # the copies are not to be written out while the scans are timed
            os.sync()
        made = time.monotonic()
        simple, simple_small = _others(refs[: max(1, len(refs) // 4)], _files(small), args.peers)
        time.sleep(max(0.0, made + _AT_REST_S - time.monotonic()))
        rates, spent_ms, rate_small = _own(refs, copies, small)
    print(f"{len(refs)} photos, {_CORES} cores")
    for name, rate in (rates | simple).items():
        spent = f"   {spent_ms[name]:6.1f} ms of processor time a photo" if name in spent_ms else ""
        print(f"{name:20} {rate:8.1f} photos/s   {rate / rates['ideal']:6.2f} of the ideal{spent}")
    bare, whole = "scan --no-write", "scan"
    print(f"{bare} is " + ", ".join(f"{rates[bare] / rate:.1f} x {name}" for name, rate in simple.items()))
    by_clock, by_processor = rates[bare] / rates[whole] - 1, spent_ms[whole] / spent_ms[bare] - 1
    print(f"writing adds {by_clock:.0%} to the time of a scan, {by_processor:.0%} to its processor time")
    ratio = rate_small / simple_small
    print(f"of {_SMALL} px: scan --no-write {rate_small:.1f} photos/s, {ratio:.1f} x tf.data with {simple_small:.1f}")


class _Clock:
    """Measures from now on."""

    def __init__(self) -> None:
        self._start, self._processor = time.perf_counter(), time.process_time()

    def per(self, photos: int) -> tuple[float, float]:
        """Photos a second until now, and milliseconds of this process's processor time a photo."""
        spent, seconds = time.process_time() - self._processor, time.perf_counter() - self._start
        return photos / seconds, spent / photos * 1e3


def _own(
    refs: Sequence[PhotoRef], copies: Sequence[Path], small: Path
) -> tuple[dict[str, float], dict[str, float], float]:
    """phototag's own rates, its milliseconds of processor time a photo, and its rate on small photos; the best each."""
    rates: dict[str, float] = {}
    spent_ms: dict[str, float] = {}
    for copy in copies:
        for name, (rate, spent) in {
            "decode alone": _decode_alone(refs),
            "embed alone": _embed_alone(refs),
            "scan --no-write": _scan(copy, write=False),
            "scan": _scan(copy, write=True),
            "small": _scan(small, write=False),
        }.items():
            rates[name] = max(rates.get(name, 0), rate)
            spent_ms[name] = min(spent_ms.get(name, spent), spent)
    rate_small = rates.pop("small")
    for of in (rates, spent_ms):
        decode, embed = of.pop("decode alone"), of.pop("embed alone")
        ideal = decode + embed if of is spent_ms else 1 / (1 / decode + 1 / embed)
        scans = dict(of)
        of.clear()
        of |= {"decode alone": decode, "embed alone": embed, "ideal": ideal, **scans}
    return rates, spent_ms, rate_small


def _others(refs: Sequence[PhotoRef], small: Sequence[str], peers: str | None) -> tuple[dict[str, float], float]:
    """The other ways' rates, and that of tf.data on small photos."""
    paths = [ref.path for ref in refs]
    rates = {"a photo at a time": _keras(paths, _one_at_a_time), "tf.data": _keras(paths, _tf_data)}
    if peers is None:
        print("PyTorch and ONNX Runtime are left out: --peers names a Python that has them")
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as listed:
            json.dump(paths, listed)
            listed.flush()
            command = [peers, str(Path(__file__).with_name("peers.py")), listed.name, str(_CORES)]
            told = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]
        for name, rate in json.loads(told).items():
            if isinstance(rate, str):
                print(f"{name} is left out: {rate}")
            else:
                rates[name] = rate
    return rates, _keras(small, _tf_data)


def _copy(refs: Sequence[PhotoRef], folder: Path) -> Path:
    folder.mkdir()
    for number, ref in enumerate(refs):
        shutil.copy(ref.path, folder / f"{number:06}.jpg")
    return folder


def _shrink(refs: Sequence[PhotoRef], folder: Path) -> Path:
    """Photos of 500 px, several of each, no two the same."""
    folder.mkdir()
    for number, ref in enumerate(refs):
        with Image.open(ref.path) as image:
            for more in range(_SMALL_OF_EACH):
                smaller = image.convert("RGB").resize((_SMALL, _SMALL * image.height // image.width + more))
                smaller.save(folder / f"{number:06}-{more}.jpg", quality=90)
    return folder


def _files(folder: Path) -> list[str]:
    return sorted(map(str, folder.iterdir()))


def _decode_alone(refs: Sequence[PhotoRef]) -> tuple[float, float]:
    network = find_bundle(BUILT_IN, Path()).network
    with ThreadPoolExecutor(_CORES) as pool:
        clock = _Clock()
        for _ in pool.map(lambda ref: decode(ref, network.image_size, network.fit).pixels, refs):
            pass
        return clock.per(len(refs))


def _embed_alone(refs: Sequence[PhotoRef]) -> tuple[float, float]:
    network = find_bundle(BUILT_IN, Path()).network
    backbone = open_backbone(network, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (len(refs), network.image_size, network.image_size, 3), np.uint8)
    backbone.embed(pixels[: backbone.batch_size])
    clock = _Clock()
    backbone.embed(pixels)
    return clock.per(len(refs))


def _scan(library: Path, *, write: bool) -> tuple[float, float]:
    bundle = find_bundle(BUILT_IN, Path())
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        index = open_index(Path(scratch, "index.sqlite"))
        job = Job(
            model=bundle.name,
            decision="bench",
            classifier=bundle.classifier,
            rules=Rules(0.01 if write else None, 2),  # the best of 1,000 classes has more: every photo is written
            backbone=open_backbone(bundle.network, "cpu"),
            writer=open_writer(),
            index=index,
            workers=_CORES + 1,
            write=write,
        )
        clock = _Clock()
        done = [event for event in scan([str(library)], job) if isinstance(event, Tagged)]
        figures = clock.per(len(done))
        index.close()
    assert len(done) == len(list(library.iterdir())), "not every photo was tagged"
    assert all(event.changed == write for event in done), "not every photo was written"
    return figures


def _keras(paths: Sequence[str], way: Callable[..., None]) -> float:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_time_keras, paths, way).result()


def _time_keras(paths: Sequence[str], way: Callable[..., None]) -> float:
    from phototag.backbone.pretrained import load_pretrained

    network = find_bundle(BUILT_IN, Path()).network
    model = load_pretrained(network)
    size = network.image_size
    model.predict(np.zeros((1, size, size, 3), np.uint8), verbose=0)
    start = time.perf_counter()
    way(model, paths, size)
    return len(paths) / (time.perf_counter() - start)


def _one_at_a_time(model: "object", paths: Sequence[str], size: int) -> None:
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize((size, size)))
        model.predict(pixels[None], verbose=0)  # type: ignore[attr-defined]


def _tf_data(model: "object", paths: Sequence[str], size: int) -> None:
    import tensorflow as tf

    def load(path: "tf.Tensor") -> "tf.Tensor":
        pixels = tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), (size, size))
        return tf.cast(pixels, tf.uint8)

    photos = tf.data.Dataset.from_tensor_slices(list(paths)).map(load, num_parallel_calls=tf.data.AUTOTUNE)
    model.predict(photos.batch(32).prefetch(tf.data.AUTOTUNE), verbose=0)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
