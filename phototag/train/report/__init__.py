"""Figures and findings in, pages of HTML out that need nothing but themselves: no script, no remote resource."""

import logging

from phototag.bundle import Bundle
from phototag.train.answers import Answers
from phototag.train.evaluate import Evaluation
from phototag.train.report.model import model_page

__all__ = ["REPORT", "model_page", "write_report"]

_log = logging.getLogger(__name__)

REPORT = "report.html"


def write_report(bundle: Bundle, answers: Answers, evaluation: Evaluation, *, workers: int) -> None:
    """Put a page about a model into its folder; if it cannot be written there, say so, and leave it at that.

    Args:
        bundle: as saved.
        answers: what it says of the photos held out.
        evaluation: figures on these.
        workers: threads that decode the thumbnails.
    """
    held_out = "held out in turn" if not bundle.settings.get("validation") else "kept apart for checking"
    about = f"Measured on {evaluation.checked:,} photos that were {held_out}: it had not learned from them."
    path = bundle.folder / REPORT
    try:
        path.write_text(model_page(bundle, answers, evaluation, about=about, workers=workers), encoding="utf-8")
    except OSError as exc:
        _log.warning("the report cannot be written to %s (%s); the model is there", path, exc.strerror or exc)
