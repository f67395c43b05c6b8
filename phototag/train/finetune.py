"""A head's trial and its photos in; a network fine-tuned for them out, if the photos to check with say it is better.

train the network → export it → try it on photos held out → better than the head alone?
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from phototag.backbone import Backbone
from phototag.errors import PhotoError, TrainingDataError
from phototag.records import Network, Vectors
from phototag.train.calibrate import calibrate
from phototag.train.embed import Example
from phototag.train.evaluate import merit
from phototag.train.examples import Vocabulary, fold
from phototag.train.request import Request, TuneSettings
from phototag.train.teach import Taught

if TYPE_CHECKING:
    from phototag.train.finetune_bench import Bench

_log = logging.getLogger(__name__)

_FOLDS = 5
ENOUGH_TO_HOLD_OUT = 250
"""Photos of which a fifth can be held out to judge by, and the rest still make a network better."""
ENOUGH_TO_PROMISE = 60
"""Photos of a category to check with, that tell whether a precision of 0.95 is kept. To fine-tune, a fifth is held out
only; for the head alone, all photos are checked in turn."""
_WELL_ENOUGH = 0.9
"""Where the head alone is so often right, training the network brought nothing, and photos of other things are harder
to tell afterwards, see docs/training.md."""
_INT8_LOSES_MOST = 0.005
_EPOCHS_FROM_SCRATCH, _PATIENCE_FROM_SCRATCH = 60, 15
_KEPT_DAYS = 7
_VERSION = 1
"""To be raised whenever old views or checkpoints would not do any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """A network of the owner's own.

    Attributes:
        backbone: the network, opened; its folder is to be copied into the bundle.
        learned: the photos that vote, as this network sees them: those learned from, and those of them that were held
            out to judge by.
        taught: the head and its trial.
    """

    backbone: Backbone
    learned: list[Example]
    taught: Taught


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """What fine-tuning came to.

    Attributes:
        before: accuracy of the head alone on the photos to check with (mean average precision where a photo may have
            several words).
        after: the same, fine-tuned.
        tuned: the network; None where it was not better.
    """

    before: float
    after: float
    tuned: Tuned | None


@contextmanager
def finetuned(
    taught: Taught,
    learned: Sequence[Example],
    checked: Sequence[Example],
    words: Vocabulary,
    backbone: Backbone,
    request: Request,
    tell: Callable[[str], None],
) -> Iterator[Attempt | None]:
    """Train the upper part of a network together with its head, and keep it if that is better.

    What is computed on the way is kept on disk while this runs; after a kill, the same request goes on from there.
    Inside the `with` the network's files are there, afterwards they are gone.

    Args:
        taught: the head on the network as it is, and its trial.
        learned: photos to learn from, ordered by content.
        checked: photos to check with, ordered by content; may be none: then a fifth of those to learn from is held
            out.
        words: what is on them.
        backbone: the network as it is.
        request: how.
        tell: is told what is being done.

    Yields:
        What came of it; None where it was not tried.
    """
    if not _worth_trying(request, taught, learned, words):
        yield None
        return
    from phototag.train.finetune_bench import Bench  # loads TensorFlow

    photos = [*learned, *checked]
    place = request.cache / "finetune"
    place.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    folder = place / _key(photos, backbone.network, request)
    with FileLock(f"{folder}.lock"):
        try:
            bench = Bench(folder, learned, checked, words, backbone, request, tell)
            attempt = _attempt(bench, taught, learned, checked, words, _settings(request))
        except PhotoError as exc:
            _log.warning("the network stays as it was: a photo cannot be read any more: %s", exc)
            attempt = None
        yield attempt
        shutil.rmtree(folder, ignore_errors=True)  # not after an interruption: what was done serves the next run


def _worth_trying(request: Request, taught: Taught, learned: Sequence[Example], words: Vocabulary) -> bool:
    if not request.from_scratch and request.tune.mode == "off":
        return False
    if not taught.tried and request.from_scratch:
        raise TrainingDataError(f"{request.network} must be trained, and there is no photo to check with: add photos")
    if not taught.tried:
        _log.warning("the network stays as it was: no photos to check with whether training it would help")
        return False
    if request.from_scratch or request.tune.mode == "on":
        return True
    wanting = merit(taught.logits, words.targets(taught.tried), words.activation).right < _WELL_ENOUGH
    promised = 0 if request.precision is None else ENOUGH_TO_PROMISE * len(words.categories)
    return wanting and (taught.apart or len(learned) >= max(ENOUGH_TO_HOLD_OUT, _FOLDS * promised))


def _settings(request: Request) -> TuneSettings:
    """A network that begins with nothing needs more time."""
    if not request.from_scratch:
        return request.tune
    return replace(request.tune, usual_epochs=_EPOCHS_FROM_SCRATCH, patience=_PATIENCE_FROM_SCRATCH)


def _attempt(
    bench: "Bench",
    taught: Taught,
    learned: Sequence[Example],
    checked: Sequence[Example],
    words: Vocabulary,
    settings: TuneSettings,
) -> Attempt:
    """Train the network; if it does better on photos held out than the head alone, both calibrated, take it."""
    learn, check = (list(learned), list(checked)) if checked else _held_out(learned)
    run = bench.train("trial", learn, check, settings=settings)
    targets = words.targets(check)
    exact = run.logits
    backbone, opened = bench.opened(run, bench.export(run, "int8", int8=True))
    lost = merit(exact, targets, words.activation).right - merit(opened.logits, targets, words.activation).right
    if lost >= _INT8_LOSES_MOST:
        _log.warning("in whole numbers the network would lose half a point or more: it runs in floating point")
        backbone, opened = bench.opened(run, bench.export(run, "float32", int8=False))
    history = (*taught.history, *run.history)
    made = Taught(opened.layers, tuple(opened.tried), opened.logits, apart=True, history=history, by_heart=True)
    before = merit(_said(taught, learned, check, words, settings), targets, words.activation)
    seen = opened.learned if checked else sorted([*opened.learned, *opened.tried], key=lambda one: one.content_hash)
    after = merit(_said(made, seen, check, words, settings), targets, words.activation)
    tuned = Tuned(backbone, seen, made) if after > before else None
    return Attempt(before.right, after.right, tuned)


def _held_out(learned: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Four fifths of the photos to learn from, and one to check with."""
    dealt = fold(learned, _FOLDS)
    rest = [example for example, where in zip(learned, dealt, strict=True) if where != 0]
    return rest, [example for example, where in zip(learned, dealt, strict=True) if where == 0]


def _said(
    taught: Taught, learned: Sequence[Example], check: Sequence[Example], words: Vocabulary, settings: TuneSettings
) -> Vectors:
    """What a model says of some of the photos it was tried on, calibrated, with its neighbours' votes."""
    _, trial = calibrate(taught, learned, words, settings.seed)
    row = {example.content_hash: n for n, example in enumerate(trial.examples)}
    return trial.logits[[row[example.content_hash] for example in check]]


def _key(photos: Sequence[Example], network: Network, request: Request) -> str:
    """The same for the same work."""
    said = [[sorted(map(list, example.categories)), example.content_hash.hex()] for example in photos]
    asked = {**asdict(request.tune), "mode": None, "time_budget_s": None, "head": asdict(request.head)}
    decides = [_VERSION, said, asked, network.fingerprint, request.validation is not None, request.from_scratch]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _sweep(place: Path) -> None:
    """Remove what runs left that were killed a week ago or more and not begun again."""
    for folder in place.iterdir():
        try:
            old = folder.stat().st_mtime < time.time() - _KEPT_DAYS * 86400
        except OSError:
            continue
        if old and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        elif old:
            folder.unlink(missing_ok=True)
