"""One request to fine-tune in; single training runs, each exported as a network that scans, out."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from phototag.backbone import Backbone, open_backbone
from phototag.backbone.convert import write_network
from phototag.backbone.lower import open_lower
from phototag.backbone.parts import Parts, split
from phototag.backbone.pretrained import load_pretrained
from phototag.decide import layer_logits
from phototag.decode import decode
from phototag.errors import PhotoError
from phototag.records import Dense, Failed, Network, Vectors
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import Labelled
from phototag.train.embed import Example, embed
from phototag.train.examples import Vocabulary
from phototag.train.finetune_network import Pupil, Task, train_network
from phototag.train.finetune_views import Views
from phototag.train.history import Epoch
from phototag.train.request import Request, TuneSettings

_CALIBRATION_PHOTOS = 200
_EXPORT_S = 40.0
"""Kept back for the export of each run; converting Lite2 takes half of that on two cores."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A network that was trained, and what it says.

    Attributes:
        model: the network, in Keras.
        layers: the head.
        history: every epoch.
        learned: the photos learned from, as the network sees them.
        tried: the photos to check with, as it sees them.
    """

    model: Any
    layers: tuple[Dense, ...]
    history: tuple[Epoch, ...]
    learned: list[Example]
    tried: list[Example]

    @property
    def logits(self) -> Vectors:
        """What it says of the photos to check with, `(tried, classes) float32`."""
        if not self.tried:
            return np.empty((0, self.layers[-1].bias.shape[0]), np.float32)
        return layer_logits(np.stack([example.embedding for example in self.tried]), self.layers)


class Bench:
    """What all runs of one fine-tuning share: the views of the photos, the classes, the time.

    Args:
        folder: where everything is kept while this lasts.
        learned: photos to learn from, ordered by content.
        checked: photos to check with, ordered by content.
        words: what is on them.
        backbone: the network as it is.
        request: how.
        tell: is told what is being done.

    Raises:
        PhotoError: a photo cannot be read any more.
        ModelError: the network cannot be trained here.
    """

    def __init__(
        self,
        folder: Path,
        learned: Sequence[Example],
        checked: Sequence[Example],
        words: Vocabulary,
        backbone: Backbone,
        request: Request,
        tell: Callable[[str], None],
    ) -> None:
        self._folder, self._words, self._request, self._tell = folder, words, request, tell
        tell("looking closer")
        self._network, self._device = backbone.network, backbone.device
        photos = [*learned, *checked]
        self._row = {example.content_hash: n for n, example in enumerate(photos)}
        self._targets = words.targets(photos)
        self._deadline = time.monotonic() + request.tune.time_budget_s
        lower = self._fresh()[1].lower
        self._views = Views(
            folder / "views",
            photos,
            self._network,
            open_lower(lower, self._device) if lower else None,
            learned=len(learned),
            allowed=request.tune.augmentation,
            seed=request.tune.seed,
            workers=request.workers,
        )

    def train(self, name: str, learn: Sequence[Example], check: Sequence[Example], *, settings: TuneSettings) -> Run:
        """Train once.

        Args:
            name: of its checkpoint.
            learn: photos to learn from.
            check: photos to check with; may be none.
            settings: how.
        """
        model, parts = self._fresh(mixed=self._device == "gpu")
        pupil = Pupil(parts.upper, len(self._words.categories), self._words.activation, settings)
        learn_rows, check_rows = self._rows(learn), self._rows(check)
        task = Task(self._views, self._targets, learn_rows, check_rows, self._words.activation)
        until = self._deadline - _EXPORT_S
        trained = train_network(pupil, task, settings, self._folder / f"{name}.npz", until, self._tell)
        seen, tried = (
            [
                replace(example, embedding=vector)
                for example, vector in zip(part, pupil.embed(self._views.plain[rows]), strict=True)
            ]
            for part, rows in ((learn, learn_rows), (check, check_rows))
        )
        return Run(model, trained.layers, trained.history, seen, tried)

    def export(self, run: Run, name: str, *, int8: bool) -> Network:
        """Write a trained network down as one that scans; the graphs are made of the weights as they are written.

        Args:
            run: whose network.
            name: of its folder.
            int8: also in whole numbers, for the CPU.
        """
        self._tell("writing the network")
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        size, fit = self._network.image_size, self._network.fit
        every = max(len(run.learned) // _CALIBRATION_PHOTOS, 1)
        chosen = run.learned[::every][:_CALIBRATION_PHOTOS] if int8 else []
        return write_network(folder, run.model, fit, [decode(example.ref, size, fit).pixels for example in chosen])

    def opened(self, run: Run, network: Network) -> tuple[Backbone, Run]:
        """The exported network, and the run with photos as that sees them: as a scan will."""
        backbone = open_backbone(network, "gpu" if self._device == "gpu" else "cpu")
        with closing(EmbeddingCache(self._folder / "embeddings", network, backbone.device)) as cache:
            learned, tried = (self._embedded(part, backbone, cache) for part in (run.learned, run.tried))
        return backbone, replace(run, learned=learned, tried=tried)

    def _embedded(self, examples: Sequence[Example], backbone: Backbone, cache: EmbeddingCache) -> list[Example]:
        """The same photos as another network sees them."""
        photos = [Labelled(example.ref, example.categories) for example in examples]
        found: list[Example] = []
        for item in embed(photos, backbone, cache, workers=self._request.workers, progress=lambda done: None):
            if isinstance(item, Failed):
                raise PhotoError(item.reason, f"{item.ref.path} {item.detail}")
            found.append(item)
        return found

    def _rows(self, examples: Sequence[Example]) -> npt.NDArray[np.intp]:
        return np.array([self._row[example.content_hash] for example in examples], np.intp)

    def _fresh(self, *, mixed: bool = False) -> tuple[Any, Parts]:
        """The network as it is, whole and in its two parts."""
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_float16" if mixed else "float32")
        try:
            model = load_pretrained(self._network)
        finally:
            keras.config.set_dtype_policy(policy)
        return model, split(model, whole=self._request.from_scratch)
