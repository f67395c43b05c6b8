"""Labelled photos in, a bundle out: the whole of training, on one screen.

dataset → embed → examples → check → teach (head) → finetune (network) → calibrate → evaluate → bundle → report
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import phototag
from phototag.backbone import Backbone, open_backbone
from phototag.bundle import Bundle, check_output, save_bundle
from phototag.errors import TrainingDataError
from phototag.records import Failed
from phototag.train.cache import EmbeddingCache
from phototag.train.calibrate import Trial, calibrate
from phototag.train.check import warn
from phototag.train.dataset import Listing, read_dataset
from phototag.train.embed import Example, embed
from phototag.train.evaluate import Evaluation, answers_of, evaluate
from phototag.train.examples import check_known, leave_out, settle, vocabulary
from phototag.train.few import with_views
from phototag.train.finetune import Attempt, finetuned
from phototag.train.keywords import KeywordsFound, leave_out_unsure, read_keywords
from phototag.train.network import network_for
from phototag.train.promise import Promise
from phototag.train.report import write_report
from phototag.train.request import Request
from phototag.train.sweep import Swept, sweep
from phototag.train.teach import teach

Progress = Callable[[int, int], None]
"""Is told how many more photos are done, and how many there are."""
Tell = Callable[[str], None]
"""Is told what is being done, where that takes minutes."""


def _say_nothing(what: str) -> None:
    """What the command line is told, nobody else needs to hear."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a training run.

    Attributes:
        evaluation: figures on photos not learned from; None where there was none to check with.
        failed: photos that could not be read, and were left out.
        keywords: what became of a library's keywords; None where something else was learned from.
        promises: what a wanted precision came to, a word each; none where none was wanted or nothing was held out.
        attempt: what training the network itself came to; None where it was not tried.
        swept: what trying settings of the head came to; None where none were.
    """

    bundle: Bundle
    evaluation: Evaluation | None
    failed: tuple[Failed, ...]
    attempt: Attempt | None
    promises: tuple[Promise, ...] = ()
    keywords: KeywordsFound | None = None
    swept: Swept | None = None


def train(request: Request, progress: Progress, tell: Tell = _say_nothing) -> Outcome:
    """Learn categories from labelled photos and write a bundle that scans with them.

    The same photos, settings and machine give the same bundle apart from its date, whatever the photos' names. What
    is left out, and why, is logged as a warning.

    Raises:
        TrainingDataError: the photos cannot be learned from as they are.
        ModelError: the network does not run, or the bundle cannot be written.
    """
    check_output(request.output)
    to_learn, to_check, keywords = _read(request)
    one_category = keywords is None and to_learn.one_category and to_check.one_category
    network = network_for(request, tell, one_category=one_category)
    backbone = open_backbone(network, request.device)
    learned, checked, failed = _embed(to_learn, to_check, backbone, request, progress)

    words = vocabulary(learned, one_category=one_category)
    check_known((photo.categories for photo in checked), words.categories)
    if keywords is not None:
        learned, unsure = leave_out_unsure(learned, words, request.head.seed)
        keywords = replace(keywords, without=keywords.without - unsure, unsure=unsure)
    elif not request.from_scratch:  # whose embeddings tell nothing yet; nor does a keyword that is not there
        warn(learned, request.root)
    if not request.from_scratch:
        with _cache(request, backbone) as cache:
            learned = with_views(learned, backbone, cache, workers=request.workers, tell=tell)
    swept = sweep(learned, checked, words, request.head, request.sweep, tell) if request.sweep else None
    taught = swept.taught if swept else teach(learned, checked, words, request.head)
    with finetuned(taught, learned, checked, words, backbone, request, tell) as attempt:
        if attempt is not None and attempt.tuned is not None:
            backbone, learned, taught = attempt.tuned.backbone, attempt.tuned.learned, attempt.tuned.taught
        classifier, trial = calibrate(taught, learned, words, request.head.seed, request.precision)
        evaluation = evaluate(classifier, words, learned, trial) if trial.examples else None
        bundle = save_bundle(
            request.output,
            name=request.name,
            network=backbone.network,
            classifier=classifier,
            metrics=_metrics(evaluation, trial),
            settings=_settings(request, backbone, swept, attempt),
            history=[epoch.as_dict() for epoch in taught.history],
        )
        if evaluation is not None:
            write_report(bundle, answers_of(classifier, words, trial), evaluation, workers=request.workers)
    return Outcome(bundle, evaluation, failed, attempt, trial.promises, keywords, swept)


def _read(request: Request) -> tuple[Listing, Listing, KeywordsFound | None]:
    """What lies in the folder to learn from and in the one to check with."""
    if request.keywords is not None:
        to_learn, found = read_keywords(request.root, request.keywords, workers=request.workers, seed=request.head.seed)
        return to_learn, Listing((), ()), found
    to_learn = read_dataset(request.root, request.labels)
    if request.validation is None:
        return to_learn, Listing((), ()), None
    labels = None if request.labels is None else request.validation / request.labels.name
    to_check = read_dataset(request.validation, labels)
    check_known((photo.categories for photo in to_check.photos), to_learn.categories)
    return to_learn, to_check, None


def _embed(
    to_learn: Listing, to_check: Listing, backbone: Backbone, request: Request, progress: Progress
) -> tuple[list[Example], list[Example], tuple[Failed, ...]]:
    """Examples to learn from and to check with, and what could not be read."""
    failed = [*to_learn.failed, *to_check.failed]
    total = len(to_learn.photos) + len(to_check.photos)
    found: list[list[Example]] = []
    with _cache(request, backbone) as cache:
        for listing in (to_learn, to_check):
            examples: list[Example] = []
            for item in embed(
                listing.photos, backbone, cache, workers=request.workers, progress=lambda done: progress(done, total)
            ):
                if isinstance(item, Failed):
                    failed.append(item)
                else:
                    examples.append(item)
            found.append(settle(examples))
    for folder, listing, examples in zip((request.root, request.validation), (to_learn, to_check), found, strict=True):
        if listing.photos and not examples:
            raise TrainingDataError(f"none of the {len(listing.photos)} photos in {folder} can be learned from")
    return leave_out(found[0], found[1]), found[1], tuple(failed)


def _cache(request: Request, backbone: Backbone) -> AbstractContextManager[EmbeddingCache]:
    return closing(EmbeddingCache(request.cache / "embeddings", backbone.network, backbone.device))


def _metrics(evaluation: Evaluation | None, trial: Trial) -> dict[str, Any]:
    """What a bundle keeps of the figures."""
    metrics = evaluation.as_dict() if evaluation else {}
    if trial.promises:
        metrics["promises"] = [asdict(one) for one in trial.promises]
    return metrics


def _settings(request: Request, backbone: Backbone, swept: Swept | None, attempt: Attempt | None) -> dict[str, Any]:
    tuned = attempt is not None and attempt.tuned is not None
    return {
        **asdict(swept.settings if swept else request.head),
        "tried": swept.as_dict() if swept else None,
        "fine_tuning": {**asdict(request.tune), "before": attempt.before, "after": attempt.after, "kept": tuned}
        if attempt
        else None,
        "weights": request.weights if isinstance(request.weights, str) else request.weights.name,
        "device": backbone.device,
        "validation": request.validation is not None,
        "precision": request.precision,
        "phototag": phototag.__version__,
    }
