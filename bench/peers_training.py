#!/usr/bin/env python3
"""`phototag train` beside two recipes of the field on the same photos, network and weights: accuracy at equal time.

    python bench/peers_training.py LEARN CHECK [--torch-python PYTHON] [--seeds 1]

LEARN and CHECK hold a folder for each category. `phototag train LEARN --validation CHECK` runs as it is, from nothing
cached. Each recipe then gets as many seconds of training as that took altogether; reading its photos, building its
network and trying it after each epoch are not counted, and its best epoch on CHECK is the one that counts.

- **Keras**: keras.io's "Image classification via fine-tuning with EfficientNet" on EfficientNet-Lite2: a new top on the
  frozen network with Adam at 0.01 in the first half of the time, then its last twenty layers but batch normalisation
  at 0.00001.
- **PyTorch**, as timm's training script does it by default: the whole network, AdamW, a short rise and a half cosine
  wave, random crops, flips and colours, label smoothing, batch normalisation in training mode. It needs a Python with
  torch, numpy and pillow:

    python -m venv peers
    peers/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    peers/bin/pip install numpy pillow
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lite_torch import LITE2, network

SIZE, BATCH = LITE2.size, 32
TIMM_RATE, TIMM_DECAY, SMOOTHING = 5e-4, 0.05, 0.1
WEIGHTS = Path(__file__).resolve().parents[1] / "models" / "efficientnet-lite2" / "weights.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("learn", type=Path)
    parser.add_argument("check", type=Path)
    parser.add_argument("--torch-python", help="a Python with torch, numpy and pillow")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--recipe", choices=["keras", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.recipe:
        recipe = {"keras": keras_recipe, "torch": torch_recipe}[given.recipe]
        print(json.dumps(recipe(given.learn, given.check, given.seconds, given.seeds)))
        return
    print("| seed | what | accuracy | minutes | epochs |\n|---|---|---|---|---|")
    for seed in range(given.seeds):
        own, seconds = phototag(given.learn, given.check, seed)
        line(seed, "phototag train", own, seconds, "")
        for name, python in (("Keras", sys.executable), ("PyTorch", given.torch_python)):
            if python:
                said = as_peer(python, name, given, seconds, seed)
                line(seed, name, max(said["accuracy"]), said["seconds"], str(len(said["accuracy"])))


def line(seed: int, what: str, accuracy: float, seconds: float, epochs: str) -> None:
    print(f"| {seed} | {what} | {accuracy:.1%} | {seconds / 60:.1f} | {epochs} |", flush=True)


def phototag(learn: Path, check: Path, seed: int) -> tuple[float, float]:
    """Accuracy on the photos to check with, and seconds from start to end, from nothing cached."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "phototag", "train", str(learn), "--validation", str(check)]
        command += ["--output", f"{folder}/model", "--seed", str(seed), "--json"]
        began = time.perf_counter()
        environment = {**os.environ, "PHOTOTAG_CACHE": f"{folder}/cache"}
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
        return json.loads(run.stdout)["metrics"]["accuracy"], time.perf_counter() - began


def as_peer(python: str, name: str, given: argparse.Namespace, seconds: float, seed: int) -> Any:
    recipe = {"Keras": "keras", "PyTorch": "torch"}[name]
    command = [python, __file__, str(given.learn), str(given.check), "--recipe", recipe]
    command += ["--seconds", str(seconds), "--seeds", str(seed)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(run.stdout.splitlines()[-1])


def photos(folder: Path) -> list[tuple[Path, int]]:
    """Paths and the number of their category."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return [(path, n) for n, name in enumerate(names) for path in sorted((folder / name).iterdir())]


class Clock:
    """Counts the time of training alone."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.spent, self.accuracy = seconds, 0.0, list[float]()

    @property
    def part(self) -> float:
        return self.spent / self.seconds

    def batches(self, batches: Any) -> Iterator[Any]:
        """The batches of an epoch, until the time is up."""
        began = time.perf_counter()
        for batch in batches:
            yield batch
            now = time.perf_counter()
            self.spent, began = self.spent + now - began, now
            if self.part >= 1:
                return

    def said(self) -> dict[str, Any]:
        return {"accuracy": self.accuracy, "seconds": self.spent}


def keras_recipe(learn: Path, check: Path, seconds: float, seed: int) -> dict[str, Any]:
    """https://keras.io/examples/vision/image_classification_efficientnet_fine_tuning/, its epochs replaced by time."""
    import keras
    import numpy as np

    from phototag.backbone.pretrained import load_pretrained
    from phototag.bundle import find_network

    keras.utils.set_random_seed(seed)

    def read(folder: Path) -> Any:
        return keras.utils.image_dataset_from_directory(
            folder,
            label_mode="categorical",
            image_size=(SIZE, SIZE),
            crop_to_aspect_ratio=True,
            batch_size=BATCH,
            seed=seed,
            verbose=False,
        ).cache()

    # The set is cached by one pass; each further pass shuffles it.
    known, held = read(learn), read(check)
    count = sum(len(y) for _, y in known)
    known = known.unbatch().shuffle(count, seed=seed).batch(BATCH, drop_remainder=True).prefetch(2)
    truths = np.concatenate([y for _, y in held])
    network = load_pretrained(find_network("efficientnet-lite2"))
    network.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    x = inputs
    for layer in (
        keras.layers.RandomRotation(0.15),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.RandomFlip(),
        keras.layers.RandomContrast(0.1),
    ):
        x = layer(x)
    x = keras.layers.BatchNormalization()(network(x, training=False))
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(inputs, keras.layers.Dense(truths.shape[1], activation="softmax")(x))
    clock = Clock(seconds)
    for rate, until in ((1e-2, 0.5), (1e-5, 1.0)):
        if until == 1:
            network.trainable = True
            for layer in network.layers:
                last = layer in network.layers[-20:]
                layer.trainable = last and not isinstance(layer, keras.layers.BatchNormalization)
        model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        while clock.part < until:
            for pixels, labels in clock.batches(known):
                model.train_on_batch(pixels, labels)
            said = np.concatenate([model.predict_on_batch(pixels) for pixels, _ in held])
            clock.accuracy.append(float((said.argmax(1) == truths.argmax(1)).mean()))
    return clock.said()


def torch_recipe(learn: Path, check: Path, seconds: float, seed: int) -> dict[str, Any]:
    """As timm's `train.py` trains a pretrained network on a small set, its epochs replaced by time."""
    import torch

    torch.manual_seed(seed)
    random.seed(seed)
    known, held = photos(learn), photos(check)
    model = torch_network(1 + max(n for _, n in known))
    decayed = [one for one in model.parameters() if one.ndim > 1]
    others = [one for one in model.parameters() if one.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": TIMM_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, TIMM_RATE)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)

    def loader(pairs: Sequence[tuple[Path, int]], *, varied: bool) -> Any:
        data = Views(pairs, varied=varied)
        return torch.utils.data.DataLoader(data, BATCH, shuffle=varied, drop_last=varied, num_workers=2)

    clock, batches, checked = Clock(seconds), loader(known, varied=True), loader(held, varied=False)
    while clock.part < 1:
        model.train()
        for pixels, labels in clock.batches(batches):
            rising, falling = clock.part / 0.1, 0.5 * (1 + math.cos(math.pi * min(clock.part, 1)))
            for group in optimizer.param_groups:
                group["lr"] = TIMM_RATE * min(rising + 0.01, 1) * falling
            optimizer.zero_grad()
            loss_of(model(pixels), labels).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            right = sum(int((model(pixels).argmax(1) == labels).sum()) for pixels, labels in checked)
        clock.accuracy.append(right / len(held))
    return clock.said()


class Views:
    """A data set for the DataLoader: random crops of 35 to 100 % of the area, flips and colours, or the middle."""

    def __init__(self, pairs: Sequence[tuple[Path, int]], *, varied: bool) -> None:
        self.pairs, self.varied = pairs, varied

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, at: int) -> Any:
        import numpy as np
        from PIL import Image, ImageEnhance, ImageOps

        path, label = self.pairs[at]
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        if not self.varied:
            image = ImageOps.fit(image, (SIZE, SIZE), Image.Resampling.BICUBIC)
        else:
            image = image.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=random_box(*image.size))
            if random.random() < 0.5:
                image = ImageOps.mirror(image)
            for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
                image = change(image).enhance(random.uniform(0.6, 1.4))
        pixels = (np.asarray(image, np.float32) - 127) / 128
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)), label


def random_box(width: int, height: int) -> tuple[float, float, float, float]:
    """As torchvision's RandomResizedCrop chooses: 35 to 100 % of the area, 3:4 to 4:3."""
    for _ in range(10):
        area = width * height * random.uniform(0.35, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        wide, high = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if wide <= width and high <= height:
            left, top = random.uniform(0, width - wide), random.uniform(0, height - high)
            return left, top, left + wide, top + high
    return 0, 0, width, height


def torch_network(classes: int) -> Any:
    """EfficientNet-Lite2 with the weights that phototag has and a new last layer."""
    import numpy as np
    import torch
    from torch import nn

    made = network(LITE2, classes, dropout=0.3)
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        found = iter([torch.from_numpy(arrays[key].astype(np.float32)) for key in arrays.files])
    with torch.no_grad():
        for module in made.modules():  # in the order in which Keras lists them
            if isinstance(module, nn.Conv2d):
                kernel = next(found)
                module.weight.copy_(kernel.permute((2, 3, 0, 1) if module.groups > 1 else (3, 2, 0, 1)))
            elif isinstance(module, nn.BatchNorm2d):
                for own in (module.weight, module.bias, module.running_mean, module.running_var):
                    own.copy_(next(found))
    return made


if __name__ == "__main__":
    main()
