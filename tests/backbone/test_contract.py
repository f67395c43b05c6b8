"""Every backbone keeps the promises of the `Backbone` protocol."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from phototag.backbone import Backbone
from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.pretrained import load_pretrained
from phototag.backbone.tensorflow import TensorFlowBackbone
from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors
from tests.backbone.conftest import cosines


@pytest.fixture(scope="module", params=["litert-int8", "litert-float32", "tensorflow"])
def backbone(request: pytest.FixtureRequest, lite0: Network) -> Backbone:
    if request.param == "tensorflow":
        return TensorFlowBackbone(lite0, device="cpu", batch_size=4)
    return LiteRTBackbone(lite0, graph="int8" if request.param == "litert-int8" else "float32")


@pytest.fixture(scope="module")
def expected(lite0: Network, pictures: Pixels) -> Vectors:
    """What the Keras model itself says."""
    vectors: Vectors = load_pretrained(lite0)(pictures, training=False).numpy()
    return vectors


def test_a_batch_gives_one_float32_embedding_a_photo(backbone: Backbone, pictures: Pixels) -> None:
    embeddings = backbone.embed(pictures[:3])
    assert embeddings.shape == (3, backbone.network.embedding_size)
    assert embeddings.dtype == np.float32


def test_embeddings_are_those_of_the_network(backbone: Backbone, pictures: Pixels, expected: Vectors) -> None:
    found = backbone.embed(pictures)
    assert cosines(found, expected).min() > 0.98
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(expected), rel=0.05)


@pytest.mark.parametrize("count", [1, 2, 4, 9, 11])
def test_a_photo_has_the_same_embedding_in_any_batch(backbone: Backbone, pictures: Pixels, count: int) -> None:
    alone = np.concatenate([backbone.embed(pictures[n : n + 1]) for n in range(count)])
    np.testing.assert_allclose(backbone.embed(pictures[:count]), alone, atol=2e-3)


def test_pixels_need_not_lie_in_one_piece(backbone: Backbone, pictures: Pixels) -> None:
    mirrored = pictures[:2, :, ::-1]
    np.testing.assert_allclose(backbone.embed(mirrored), backbone.embed(mirrored.copy()), atol=2e-3)


def test_threads_may_share_it(backbone: Backbone, pictures: Pixels) -> None:
    alone = [backbone.embed(pictures[: n + 1]) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda n: backbone.embed(pictures[: n + 1]), range(4)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((224, 224, 3), np.uint8), id="no batch"),
        pytest.param(np.zeros((0, 224, 224, 3), np.uint8), id="empty batch"),
        pytest.param(np.zeros((1, 260, 260, 3), np.uint8), id="another network's size"),
        pytest.param(np.zeros((1, 224, 224, 1), np.uint8), id="grey"),
        pytest.param(np.zeros((1, 224, 224, 3), np.float32), id="floating point"),
    ],
)
def test_pixels_it_does_not_take_are_refused(backbone: Backbone, pixels: Pixels) -> None:
    with pytest.raises(ModelError, match=r"takes pixels of shape \(1 or more, 224, 224, 3\) and type uint8"):
        backbone.embed(pixels)
