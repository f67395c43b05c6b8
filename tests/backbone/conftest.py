"""What the backbone tests share: squares of real photos, and network folders changed on purpose."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from phototag.bundle import DEFAULT_NETWORK, find_network, load_network
from phototag.records import Network, Pixels, Vectors


@pytest.fixture(scope="session")
def lite0() -> Network:
    return find_network(DEFAULT_NETWORK)


@pytest.fixture(scope="session")
def pictures() -> Pixels:
    """Eleven different squares of real photos, `(11, 224, 224, 3)`."""
    return cut_pictures(11, 224)


def cut_pictures(count: int, size: int) -> Pixels:
    """Squares of the two photos that come with scikit-learn, each larger and further right than the one before it."""
    photos = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    cut = []
    for n in range(count):
        side = 300 + 10 * n
        left = (640 - side) * n // count
        cut.append(np.asarray(photos[n % 2].resize((size, size), box=(left, 10, left + side, 10 + side))))
    return np.stack(cut)


def cosines(a: Vectors, b: Vectors) -> Vectors:
    """The cosine between each row of `a` and the same row of `b`."""
    found: Vectors = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return found


@pytest.fixture
def with_file(tmp_path: Path, lite0: Network) -> Callable[[str, bytes], Network]:
    """`with_file("int8", data)`: Lite0 with other bytes for one of its files, and their hash in its manifest."""

    def change(role: str, data: bytes) -> Network:
        folder = Path(shutil.copytree(lite0.folder, tmp_path / "network"))
        manifest = json.loads((folder / "network.json").read_text())
        (folder / manifest["files"][role]["file"]).write_bytes(data)
        manifest["files"][role]["sha256"] = hashlib.sha256(data).hexdigest()
        (folder / "network.json").write_text(json.dumps(manifest))
        return load_network(folder)

    return change
