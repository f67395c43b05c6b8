"""The right backbone is opened, and the wrong one says why not."""

import logging
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import phototag.backbone
from phototag.backbone import open_backbone
from phototag.backbone.litert import LiteRTBackbone
from phototag.backbone.tensorflow import TensorFlowBackbone
from phototag.errors import ModelError
from phototag.records import Network

_GPU = bool(tf.config.list_physical_devices("GPU"))


def test_an_unknown_device_is_refused(lite0: Network) -> None:
    with pytest.raises(ModelError, match="unknown device 'tpu': choose auto, cpu or gpu"):
        open_backbone(lite0, "tpu")  # type: ignore[arg-type]


@pytest.mark.skipif(_GPU, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named_with_the_way_out(lite0: Network) -> None:
    with pytest.raises(ModelError, match="finds no GPU it can use: use --device cpu, or install"):
        open_backbone(lite0, "gpu")


@pytest.mark.skipif(_GPU, reason="this machine has a GPU")
def test_a_gpu_that_does_not_work_leaves_the_work_to_the_cpu(
    lite0: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(phototag.backbone, "shown_gpus", lambda: ["0000:01:00.0"])
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_backbone(lite0, "auto"), LiteRTBackbone)
    assert "the CPU does the work: TensorFlow finds no GPU" in caplog.text


@pytest.mark.skipif(not _GPU, reason="this machine has no GPU")
def test_a_gpu_computes_what_the_cpu_does(lite0: Network) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (70, 224, 224, 3), np.uint8)
    on_gpu = open_backbone(lite0, "gpu").embed(pixels)
    np.testing.assert_allclose(on_gpu, TensorFlowBackbone(lite0, "cpu").embed(pixels), atol=0.05)


def test_a_batch_size_that_was_asked_for_is_taken(lite0: Network) -> None:
    assert open_backbone(lite0, "cpu").batch_size == 8
    assert open_backbone(lite0, "cpu", batch_size=3).batch_size == 3


def test_the_cpu_needs_neither_tensorflow_nor_keras() -> None:
    code = (
        "import sys; from phototag.backbone import open_backbone; from phototag.bundle import find_network;"
        "open_backbone(find_network('efficientnet-lite0'), 'cpu'); print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_keras_set_to_another_backend_is_refused(lite0: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ModelError, match="Keras is set to torch: unset KERAS_BACKEND, or use --device cpu"):
        TensorFlowBackbone(lite0, "cpu")
