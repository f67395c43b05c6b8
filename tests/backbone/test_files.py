"""The networks that are shipped are whole and as good as measured, and damage to them is told apart."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.pretrained import imagenet_classifier, load_pretrained
from phototag.bundle import find_network, network_file, shipped_models
from phototag.errors import ModelError
from phototag.records import Network
from tests.backbone.conftest import cosines, cut_pictures

_TOP = Path(__file__).parents[2]
_NETWORKS = ["efficientnet-lite0", "efficientnet-lite2"]

Change = Callable[[str, bytes], Network]


@pytest.mark.parametrize("name", _NETWORKS)
def test_a_shipped_network_is_whole(name: str) -> None:
    network = find_network(name)
    for role in ("weights", "float32", "int8"):
        assert network_file(network, role).stat().st_size > 1_000_000
    classifier = imagenet_classifier(network)
    assert classifier.kernel.shape == (1280, 1000)
    assert classifier.bias.shape == (1000,)


@pytest.mark.parametrize("name", _NETWORKS)
def test_graphs_and_weights_are_the_same_network(name: str) -> None:
    network = find_network(name)
    pictures = cut_pictures(2, network.image_size)
    expected = load_pretrained(network)(pictures, training=False).numpy()
    for graph, least in (("float32", 0.9999), ("int8", 0.98)):
        found = LiteRTBackbone(network, graph=graph).embed(pictures)
        assert cosines(found, expected).min() > least


def test_all_files_together_stay_below_60_mb() -> None:
    files = [path for name in _NETWORKS for path in (shipped_models() / name).iterdir()]
    assert sum(path.stat().st_size for path in files) < 60_000_000


def test_lite0_knows_imagenet_and_int8_hardly_less(real_photos: Path) -> None:
    command = [sys.executable, _TOP / "bench" / "top1.py", real_photos / "unknown"]
    options = ["--network", "efficientnet-lite0", "--fit", "crop"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    match = re.search(r"efficientnet-lite0 +crop +([\d.]+) +([\d.]+)", run.stdout)
    assert match, run.stdout
    exact, quick = map(float, match.groups())
    assert exact >= 0.80
    assert quick >= exact - 0.02


@pytest.mark.parametrize(
    "data", [pytest.param(b"", id="empty"), pytest.param(b"TFL3 but nothing else", id="not a graph")]
)
def test_a_graph_that_is_none_is_refused(with_file: Change, data: bytes) -> None:
    with pytest.raises(ModelError, match=r"int8\.tflite does not run in LiteRT"):
        LiteRTBackbone(with_file("int8", data))


def test_another_networks_graph_is_refused(with_file: Change) -> None:
    other = network_file(find_network("efficientnet-lite2"), "int8").read_bytes()
    with pytest.raises(ModelError, match=r"int8\.tflite is not a graph of efficientnet-lite0"):
        LiteRTBackbone(with_file("int8", other))


def test_a_changed_file_is_noticed_by_its_hash(with_file: Change) -> None:
    network = with_file("int8", b"as it was")
    (Path(network.folder) / network.files["int8"]).write_bytes(b"as it is now")
    with pytest.raises(ModelError, match="is damaged"):
        LiteRTBackbone(network)


def test_another_networks_weights_are_refused(with_file: Change) -> None:
    other = network_file(find_network("efficientnet-lite2"), "weights").read_bytes()
    with pytest.raises(ModelError, match="does not hold the weights of efficientnet-lite0"):
        load_pretrained(with_file("weights", other))


def test_weights_that_are_no_arrays_are_refused(with_file: Change) -> None:
    with pytest.raises(ModelError, match=r"weights\.npz cannot be read"):
        load_pretrained(with_file("weights", b"PK\x03\x04 and no more"))


def test_weights_without_an_imagenet_classifier_say_so(with_file: Change) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{"stem/kernel": np.zeros((3, 3, 3, 32), np.float16)})
    with pytest.raises(ModelError, match="holds no ImageNet classifier"):
        imagenet_classifier(with_file("weights", buffer.getvalue()))


def test_weights_with_arrays_left_over_are_refused(with_file: Change, lite0: Network) -> None:
    buffer = io.BytesIO()
    with np.load(network_file(lite0, "weights")) as arrays:
        np.savez(buffer, **arrays, **{"block99_expand/kernel": np.zeros(1, np.float16)})
    with pytest.raises(ModelError, match="has no place for: block99_expand/kernel"):
        load_pretrained(with_file("weights", buffer.getvalue()))
