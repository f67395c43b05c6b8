"""Small labelled photos, made on the spot: a pattern and a number in, a JPEG below a folder out."""

from pathlib import Path

import numpy as np
from PIL import Image

from phototag.records import PhotoRef, Vectors
from phototag.train.dataset import NONE, Category
from phototag.train.embed import Example
from tests.photos import make_jpeg


def make_image(pattern: str, number: int) -> Image.Image:
    """A picture of `stripes`, `checks` or `noise`, each number a different one."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:96, :96] + random.integers(0, 40)
    wide = random.integers(8, 12)
    shape = {
        "stripes": (x // wide) % 2,
        "checks": ((x // wide) + (y // wide)) % 2,
        "noise": random.integers(0, 2, (96, 96)),
    }[pattern]
    dark, light = random.integers(0, 80, 3), random.integers(170, 255, 3)
    return Image.fromarray(np.where(shape[..., None] == 0, dark, light).astype(np.uint8))


def save_photo(path: Path, pattern: str, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_jpeg(make_image(pattern, number)))
    return path


def save_patterns(root: Path, count: int, patterns: tuple[str, ...] = ("stripes", "checks", "noise")) -> Path:
    """A folder for each pattern, with `count` photos in each."""
    for pattern in patterns:
        for number in range(count):
            save_photo(root / pattern / f"{number}.jpg", pattern, number)
    return root


def example(number: int, *categories: str, embedding: "Vectors | None" = None, content: int | None = None) -> Example:
    """An example named by its number, whose content is that number too unless another is given; "" is `NONE`."""
    said: frozenset[Category] = frozenset(tuple(name.split("/")) if name else NONE for name in categories)
    vector = np.full(4, number, np.float32) if embedding is None else embedding
    hashed = (number if content is None else content).to_bytes(32, "big")
    return Example(PhotoRef(f"/{number}.jpg", 1, 1), said, hashed, vector)


def clusters(counts: dict[str, int], *, size: int = 16, spread: float = 0.5, seed: int = 0) -> list[Example]:
    """Examples of each category around a centre of its own; names like "a+b" are photos of both, "-" of neither."""
    random = np.random.default_rng(seed)
    centres: dict[str, Vectors] = {}
    found: list[Example] = []
    for name, count in counts.items():
        words = [] if name == "-" else name.split("+")
        for word in words:
            centres.setdefault(word, random.normal(size=size).astype(np.float32))
        centre = sum((centres[word] for word in words), np.zeros(size, np.float32))
        for _ in range(count):
            vector = (centre + spread * random.normal(size=size)).astype(np.float32)
            found.append(example(len(found) + 1000 * seed, *words, embedding=vector))
    return found
