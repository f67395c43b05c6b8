#!/usr/bin/env python3
"""How fast a CPU scan is, beside its own ideal and beside simpler ways, on the same photos in one run.

Usage: scan.py LIBRARY [--photos N]

Prints photos a second of
  decode alone      every core decoding, nothing else
  embed alone       the network on all cores, on pixels that are there already
  ideal             what the two together allow: 1 / (1/decode + 1/embed)
  scan --no-write   the real thing, into an empty index
  scan              the same with keywords written into copies of the photos
  a photo at a time Pillow decodes in full, Keras `predict` on one photo, one after the other
  tf.data           TensorFlow decodes in full in parallel, batches of 32 to Keras `predict`

The photos are in the page cache before anything is timed; the simpler ways are timed on a quarter of them.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from phototag.backbone import open_backbone
from phototag.bundle import BUILT_IN, find_bundle
from phototag.cores import usable_cores
from phototag.decide import Rules
from phototag.decode import decode
from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import PhotoRef
from phototag.scan import Job, scan
from phototag.walk import walk

_CORES = usable_cores()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("library", type=Path)
    ask.add_argument("--photos", type=int, default=96)
    args = ask.parse_args()
    refs = [item for item in walk([str(args.library)]) if isinstance(item, PhotoRef)][: args.photos]
    for ref in refs:
        Path(ref.path).read_bytes()
    few = refs[: max(1, len(refs) // 4)]
    rates = {"decode alone": _rate(_decode_alone, refs), "embed alone": _rate(_embed_alone, refs)}
    rates["ideal"] = 1 / (1 / rates["decode alone"] + 1 / rates["embed alone"])
    rates["scan --no-write"] = _scan(refs, write=False)
    rates["scan"] = _scan(refs, write=True)
    rates["a photo at a time"] = _keras(few, _one_at_a_time)
    rates["tf.data"] = _keras(few, _tf_data)
    print(f"{len(refs)} photos, {_CORES} cores")
    for name, rate in rates.items():
        print(f"{name:20} {rate:8.1f} photos/s   {rate / rates['ideal']:6.2f} of the ideal")
    print(f"scan --no-write is {rates['scan --no-write'] / rates['a photo at a time']:.1f} times a photo at a time,")
    print(f"                   {rates['scan --no-write'] / rates['tf.data']:.1f} times tf.data")
    print(f"writing takes      {rates['scan --no-write'] / rates['scan'] - 1:.0%} of the time of a scan without it")


def _rate(work: Callable[[Sequence[PhotoRef]], float], refs: Sequence[PhotoRef]) -> float:
    return len(refs) / work(refs)


def _decode_alone(refs: Sequence[PhotoRef]) -> float:
    network = find_bundle(BUILT_IN, Path()).network
    with ThreadPoolExecutor(_CORES) as pool:
        start = time.perf_counter()
        for _ in pool.map(lambda ref: decode(ref, network.image_size, network.fit), refs):
            pass
        return time.perf_counter() - start


def _embed_alone(refs: Sequence[PhotoRef]) -> float:
    network = find_bundle(BUILT_IN, Path()).network
    backbone = open_backbone(network, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (len(refs), network.image_size, network.image_size, 3), np.uint8)
    backbone.embed(pixels[: backbone.batch_size])
    start = time.perf_counter()
    backbone.embed(pixels)
    return time.perf_counter() - start


def _scan(refs: Sequence[PhotoRef], *, write: bool) -> float:
    bundle = find_bundle(BUILT_IN, Path())
    with tempfile.TemporaryDirectory(dir=Path(refs[0].path).parents[1]) as scratch:
        library = Path(scratch, "library")
        library.mkdir()
        for number, ref in enumerate(refs):
            shutil.copy(ref.path, library / f"{number:06}.jpg")
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
        if hasattr(os, "sync"):  # the copies are not to be written out while the scan is timed
            os.sync()
        start = time.perf_counter()
        for _ in scan([str(library)], job):
            pass
        seconds = time.perf_counter() - start
        index.close()
    return len(refs) / seconds


def _keras(refs: Sequence[PhotoRef], way: Callable[..., None]) -> float:
    import keras

    from phototag.backbone.pretrained import load_pretrained

    network = find_bundle(BUILT_IN, Path()).network
    model = load_pretrained(network)
    size = network.image_size
    model.predict(np.zeros((1, size, size, 3), np.uint8), verbose=0)
    start = time.perf_counter()
    way(model, [ref.path for ref in refs], size)
    seconds = time.perf_counter() - start
    keras.backend.clear_session()
    return len(refs) / seconds


def _one_at_a_time(model: "object", paths: Sequence[str], size: int) -> None:
    from PIL import Image

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
