#!/usr/bin/env python3
"""What a GPU brings, and whether it says the same as the CPU: on the same photos in one run.

Usage: gpu.py LIBRARY [--photos N] [--model NAME] [--rounds N]

First, with or without a GPU, the same photos are embedded in LiteRT int8 (what a scan on a CPU does), in LiteRT float32
and in TensorFlow (what a scan on a GPU does), there in float32 and in mixed float16 and bfloat16. Printed is how far
embeddings are from float32, how many photos get the very same tags as by int8, the same best tag, how many of all tags
are the same, and how many photos keep their tags when they are decided from embeddings that were stored.

Then, where TensorFlow can use a GPU: photos a second of
  scan, GPU           `phototag scan --no-write` into an empty index, the network on the GPU, a batch size of its own
  scan, CPU           the same with the network in LiteRT on all cores
  embed, GPU          the network alone, on pixels that are there already
  embed, CPU          the same in LiteRT
  model.predict       the same in Keras on the GPU, in batches of 32
of several rounds the best each, and their ratios. Where there is no GPU it says so, and nothing is made up.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from phototag.backbone import Backbone, open_backbone
from phototag.backbone.litert import LiteRTBackbone
from phototag.bundle import BUILT_IN, Bundle, find_bundle
from phototag.cores import usable_cores
from phototag.decide import Rules, decide
from phototag.decode import decode
from phototag.errors import ModelError, PhotoError
from phototag.index import open_index
from phototag.metadata import open_writer
from phototag.records import Embedded, Facts, PhotoRef, Pixels, Tagged, Vectors
from phototag.scan import Job, scan
from phototag.vectors.quantise import pack, unpack
from phototag.walk import walk

_FACTS = Facts("JPEG", 1, 1, None, None)
_ON_GPU, _ON_CPU = 4096, 512
"""Squares of pixels that the network alone is timed on."""
_ROUNDS_WARM = 20
"""Full batches before anything is timed: by then the GPU's batch size is found."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("library", type=Path)
    ask.add_argument("--photos", type=int, default=400)
    ask.add_argument("--model", default=BUILT_IN)
    ask.add_argument("--models", type=Path, default=Path(), help="the folder of trained models")
    ask.add_argument("--rounds", type=int, default=3)
    args = ask.parse_args()
    bundle = find_bundle(args.model, args.models)
    refs = [item for item in walk([str(args.library)]) if isinstance(item, PhotoRef)]
    refs = refs[:: max(1, len(refs) // args.photos)][: args.photos]
    print_agreement(bundle, _decoded(bundle, refs))
    try:
        gpu = open_backbone(bundle.network, "gpu")
    except ModelError as exc:
        print(f"no speed was measured: {exc}")
        return
    print_speed(bundle, refs, gpu, args.rounds)


def print_agreement(bundle: Bundle, pixels: Pixels) -> None:
    """How far each way of embedding is from what a scan on the CPU does."""
    from phototag.backbone.tensorflow import TensorFlowBackbone

    network = bundle.network
    found = {
        "LiteRT int8": LiteRTBackbone(network).embed(pixels),
        "LiteRT float32": LiteRTBackbone(network, graph="float32").embed(pixels),
        "TensorFlow float32": TensorFlowBackbone(network, "cpu", 32).embed(pixels),
    }
    for precision in ("mixed_float16", "mixed_bfloat16"):
        found[f"TensorFlow {precision}"] = TensorFlowBackbone(network, "cpu", 32, precision=precision).embed(pixels)
    exact, usual = found["TensorFlow float32"], _tags(found["LiteRT int8"], bundle)
    each = np.mean([len(words) for words in usual])
    print(f"{len(pixels)} photos, model {bundle.name}, network {network.name}, {each:.1f} tags a photo")
    print(f"{'':25} cosine to float32  photos with the tags of int8: all, the best, and of all tags; kept when stored")
    for name, vectors in found.items():
        near, said, kept = _cosines(vectors, exact), _tags(vectors, bundle), pack(vectors)
        stored = _tags(unpack(kept.codes, kept.scale, kept.offset), bundle)
        pairs = list(zip(usual, said, strict=True))
        figures = (
            np.mean([set(a) == set(b) for a, b in pairs]),
            np.mean([a[:1] == b[:1] for a, b in pairs]),
            sum(len({*a} & {*b}) for a, b in pairs) / max(sum(len({*a} | {*b}) for a, b in pairs), 1),
            np.mean([set(a) == set(b) for a, b in zip(said, stored, strict=True)]),
        )
        shares = "".join(f"{share:11.1%}" for share in figures)
        print(f"{name:25} {near.mean():.5f} {near.min():.5f}   {shares}", flush=True)


def print_speed(bundle: Bundle, refs: Sequence[PhotoRef], gpu: Backbone, rounds: int) -> None:
    """Photos a second on the GPU, beside the CPU and plain Keras."""
    from phototag.backbone.pretrained import load_pretrained

    network = bundle.network
    cpu, model = open_backbone(network, "cpu"), load_pretrained(network)
    size = network.image_size
    many = np.random.default_rng(0).integers(0, 256, (_ON_GPU, size, size, 3), np.uint8)
    for _ in range(_ROUNDS_WARM):
        gpu.embed(many[: gpu.batch_size])
    ways: dict[str, Callable[[], float]] = {
        "embed, GPU": lambda: _rate(lambda: gpu.embed(many), len(many)),
        "embed, CPU": lambda: _rate(lambda: cpu.embed(many[:_ON_CPU]), _ON_CPU),
        "model.predict": lambda: _rate(lambda: model.predict(many, batch_size=32, verbose=0), len(many)),
        "scan, GPU": lambda: _scan(bundle, refs, gpu),
        "scan, CPU": lambda: _scan(bundle, refs, cpu),
    }
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            best[name] = max(best.get(name, 0.0), way())
    print(f"{usable_cores()} cores, batches of {gpu.batch_size} on the GPU")
    for name, rate in best.items():
        print(f"{name:20} {rate:8.1f} photos/s")
    for one, other in (("scan, GPU", "scan, CPU"), ("embed, GPU", "embed, CPU"), ("embed, GPU", "model.predict")):
        print(f"{one} is {best[one] / best[other]:.2f} x {other}")


def _decoded(bundle: Bundle, refs: Sequence[PhotoRef]) -> Pixels:
    found = []
    for ref in refs:
        try:
            found.append(decode(ref, bundle.network.image_size, bundle.network.fit).pixels)
        except PhotoError as exc:
            print(f"{ref.path} is left out: {exc}")
    return np.stack(found)


def _tags(vectors: Vectors, bundle: Bundle) -> list[tuple[str, ...]]:
    """The words that each photo gets, the likeliest first."""
    ref = PhotoRef("", 0, 0)
    photos = [Embedded(ref, b"", _FACTS, vector) for vector in vectors]
    decided = decide(photos, bundle.classifier, Rules(None, None))
    return [tuple(tag.word for tag in one.tags) for one in decided]


def _cosines(a: Vectors, b: Vectors) -> Vectors:
    found: Vectors = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return found


def _rate(work: Callable[[], object], photos: int) -> float:
    began = time.perf_counter()
    work()
    return photos / (time.perf_counter() - began)


def _scan(bundle: Bundle, refs: Sequence[PhotoRef], backbone: Backbone) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        index = open_index(Path(scratch, "index.sqlite"))
        job = Job(
            model=bundle.name,
            decision="bench",
            classifier=bundle.classifier,
            rules=Rules(None, None),
            backbone=backbone,
            writer=open_writer(),
            index=index,
            workers=usable_cores() + 1,
            write=False,
        )
        began = time.perf_counter()
        done = sum(isinstance(event, Tagged) for event in scan([ref.path for ref in refs], job))
        seconds = time.perf_counter() - began
        index.close()
    return done / seconds


if __name__ == "__main__":
    main()
