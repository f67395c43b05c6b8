"""TensorFlow's backbone, on its CPU device: several devices, precisions, XLA, and what it does when it fails."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import phototag.backbone
from phototag.backbone import Backbone, WhileItWorks, open_backbone
from phototag.backbone import tensorflow as backend
from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.tensorflow import TensorFlowBackbone
from phototag.errors import ModelError
from phototag.records import Network, Pixels, Vectors
from tests.backbone.conftest import cosines, cut_pictures

_TWO_DEVICES = """
import sqlite3
import keras
import numpy as np
import tensorflow as tf
from phototag.backbone import tensorflow as backend
from phototag.records import Network

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

def build(network):
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, strides=4, kernel_initializer=keras.initializers.RandomNormal(seed=1))(pixels)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D(dtype="float32")(x))

backend.load_pretrained = build
network = Network("tiny", "0" * 64, "", {}, image_size=32, embedding_size=4, fit="crop")
two = backend.TensorFlowBackbone(network, "cpu", 5)
pictures = np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3), np.uint8)
parts = [replica(pictures) for replica in two._replicas]
print(two.batch_size, *[part.device[-5:] for part in parts])
print(np.abs(two.embed(pictures) - parts[0].numpy()).max() / np.abs(parts[0].numpy()).max())
"""


@pytest.fixture
def tiny(lite0: Network, monkeypatch: pytest.MonkeyPatch) -> Network:
    """A network of one layer, quickly opened."""
    keras.utils.set_random_seed(0)

    def build(network: Network) -> keras.Model:
        pixels = keras.Input((32, 32, 3))
        x = keras.layers.Conv2D(4, 3, strides=4)(keras.layers.Rescaling(1 / 255)(pixels))
        return keras.Model(pixels, keras.layers.GlobalAveragePooling2D(dtype="float32")(x))

    monkeypatch.setattr(backend, "load_pretrained", build)
    return replace(lite0, image_size=32, embedding_size=4)


@pytest.fixture(scope="module")
def small_pictures() -> Pixels:
    return cut_pictures(11, 32)


def test_two_devices_give_the_embeddings_of_one() -> None:
    run = subprocess.run([sys.executable, "-c", _TWO_DEVICES], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    places, difference = run.stdout.splitlines()
    assert places == "6 CPU:0 CPU:1"
    assert float(difference) < 1e-5


def test_half_precision_and_xla_give_nearly_the_same_and_change_nothing_else(
    tiny: Network, small_pictures: Pixels
) -> None:
    policy = keras.config.dtype_policy().name
    keras.utils.set_random_seed(0)
    exact = TensorFlowBackbone(tiny, "cpu", 4).embed(small_pictures)
    for how in ({"precision": "mixed_float16"}, {"precision": "mixed_bfloat16"}, {"xla": True}):
        keras.utils.set_random_seed(0)
        other = TensorFlowBackbone(tiny, "cpu", 4, **how)  # type: ignore[arg-type]
        found = other.embed(small_pictures)
        assert found.dtype == np.float32
        assert cosines(found, exact).min() > 0.999
        assert other.xla is ("xla" in how)
    assert keras.config.dtype_policy().name == policy


def test_a_network_whose_numbers_float16_does_not_hold_is_computed_in_float32(
    tiny: Network, small_pictures: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(network: Network) -> keras.Model:
        pixels = keras.Input((32, 32, 3))
        large = keras.layers.ReLU()(keras.layers.Rescaling(1e4)(pixels))  # so that the two factors are not made one
        return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1e-6)(large)))

    monkeypatch.setattr(backend, "load_pretrained", build)
    backbone = TensorFlowBackbone(replace(tiny, embedding_size=3), "cpu", 4, precision="mixed_float16")
    assert backbone.precision == "mixed_float16"
    found = backbone.embed(small_pictures)
    np.testing.assert_allclose(found, small_pictures.mean(axis=(1, 2)) / 100, rtol=1e-3)
    assert backbone.precision == "float32"
    assert found.dtype == np.float32


def test_photos_that_do_not_fill_a_batch_cost_no_new_trace(tiny: Network, small_pictures: Pixels) -> None:
    traces = []
    load = backend.load_pretrained

    class Traced(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            traces.append(x.shape[0])  # runs when TensorFlow traces, and not when it computes
            return x

    def traced(network: Network) -> keras.Model:
        model = load(network)
        return keras.Model(model.input, Traced()(model.output))

    backend.load_pretrained = traced
    backbone = TensorFlowBackbone(tiny, "cpu", 8)
    del traces[:]
    for count in (1, 3, 8, 11):
        assert len(backbone.embed(small_pictures[:count])) == count
    assert traces == []


def _failing(after: int, exc: tf.errors.OpError, only_xla: bool = False) -> Callable[..., Any]:
    """`_compiled`, but that the device fails from its so many-th batch on."""
    compiled, calls = backend._compiled, [0]

    def fail(model: Any, place: str, *, xla: bool) -> Any:
        run = compiled(model, place, xla=False)

        def compute(pixels: Pixels) -> Any:
            calls[0] += 1
            if calls[0] > after and (xla or not only_xla):
                raise exc
            return run(pixels)

        return compute

    return fail


def test_a_first_batch_that_fails_is_one_clear_error(tiny: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tf.errors.InternalError(None, None, "cudaGetDevice() failed\nand forty lines more")
    monkeypatch.setattr(backend, "_compiled", _failing(0, broken))
    with pytest.raises(ModelError, match=r"failed on the CPU \(cudaGetDevice\(\) failed\): use --device cpu"):
        TensorFlowBackbone(tiny, "cpu", 4)


def test_where_xla_alone_fails_tensorflow_does_without(
    tiny: Network, small_pictures: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_libdevice = tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc")
    monkeypatch.setattr(backend, "_compiled", _failing(0, no_libdevice, only_xla=True))
    backbone = TensorFlowBackbone(tiny, "cpu", 4, xla=True)
    assert not backbone.xla
    assert len(backbone.embed(small_pictures)) == 11


def test_a_gpu_that_fails_in_the_middle_leaves_the_rest_to_the_cpu_with_one_warning(
    lite0: Network, pictures: Pixels, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails:
        network, device, batch_size = lite0, "gpu", 64

        def embed(self, pixels: Pixels) -> Vectors:
            raise ModelError("efficientnet-lite0 failed on the GPU (CUDA_ERROR_ECC_UNCORRECTABLE): use --device cpu")

    def open_gpu(network: Network, batch_size: int | None) -> Backbone:
        return Fails()

    monkeypatch.setattr(phototag.backbone, "shown_gpus", lambda: ["0000:01:00.0"])
    monkeypatch.setattr(phototag.backbone, "_open_gpu", open_gpu)
    backbone = open_backbone(lite0, "auto", batch_size=4)
    assert (backbone.device, backbone.batch_size) == ("gpu", 64)
    with caplog.at_level(logging.WARNING):
        found = [backbone.embed(pictures[:2]) for _ in range(3)]
    np.testing.assert_array_equal(found[0], LiteRTBackbone(lite0).embed(pictures[:2]))
    assert (backbone.device, backbone.batch_size) == ("cpu", 4)
    assert caplog.text.count("the GPU is left aside, the CPU does the work") == 1
    with pytest.raises(ModelError, match="takes pixels of shape"):
        backbone.embed(pictures[0])
    with pytest.raises(ModelError, match="ECC"):
        WhileItWorks(Fails(), Fails).embed(pictures[:1])
