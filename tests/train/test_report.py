"""The page about a model: its figures are right, it shows what there is, and needs nothing from elsewhere."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_curve

from phototag.bundle import DEFAULT_NETWORK, Bundle, find_network
from phototag.records import Classifier, Dense, Label, Neighbours
from phototag.train.answers import FOREIGN, Answers
from phototag.train.evaluate import measure
from phototag.train.report import model_page
from phototag.train.report.figures import calibration_error, confusion, mistakes, reliability, trades
from tests.train.labelled import example, save_patterns

_VOID = {"meta", "img", "br", "circle", "path", "polyline", "rect", "link"}


def _answers(count: int = 200, *, foreign: int = 0) -> Answers:
    """Random answers about cats, dogs and roses, right more often than not and honest about it."""
    random = np.random.default_rng(0)
    chances = random.dirichlet([0.5, 0.5, 0.5], count).astype(np.float32)
    true = np.array([random.choice(3, p=row / row.sum()) for row in chances.astype(float)])
    true[:foreign] = FOREIGN
    labels = tuple(Label(word, (n,), (), 0.6) for n, word in enumerate(["cat", "<dog>", "rose"]))
    return Answers(
        refs=tuple(example(n).ref for n in range(count)),
        exclusive=True,
        classes=tuple(label.word for label in labels),
        class_labels=np.arange(3),
        chances=chances,
        true_class=true,
        labels=labels,
        scores=chances,
        truths=true[:, None] == np.arange(3),
        said=chances >= 0.6,
    )


def _bundle() -> Bundle:
    classifier = Classifier(
        (Dense(np.zeros((4, 3), np.float32), np.zeros(3, np.float32)),),
        "softmax",
        _answers().labels,
        Neighbours(np.eye(4, dtype=np.float32), 5, 0.4),
    )
    history = [
        {
            "stage": stage,
            "number": n,
            "loss": 1 / n,
            "accuracy": 1 - 1 / n,
            "check_loss": check,
            "check_accuracy": check,
        }
        for stage, check in (("head", 0.5), ("network", None))
        for n in (1, 2, 3)
    ]
    network = find_network(DEFAULT_NETWORK)
    promise = {"name": "cat", "threshold": 0.87, "recall": 0.66, "recall_before": None, "kept": False}
    metrics, settings = {"promises": [promise]}, {"seed": 7, "precision": 0.95}
    return Bundle("pets & co", Path(), "f" * 64, network, classifier, "2026", metrics, settings, tuple(history))


def test_honest_confidence_lies_on_the_line_and_boasting_does_not() -> None:
    answers = _answers(20_000)
    assert calibration_error(reliability(answers)) < 0.02
    boasting = answers.chances**3 / (answers.chances**3).sum(axis=1, keepdims=True)
    assert calibration_error(reliability(replace(answers, chances=boasting))) > 0.05
    assert sum(one.count for one in reliability(answers)) == 20_000


def test_precision_and_recall_agree_with_scikit_learn() -> None:
    answers = _answers()
    for n, one in enumerate(trades(answers)):
        precisions, recalls, _ = precision_recall_curve(answers.truths[:, n], answers.scores[:, n])
        known = dict(zip(np.round(recalls, 9)[::-1], precisions[::-1], strict=True))  # of equal recalls the best
        ours = dict(zip(np.round(one.recalls, 9), one.precisions, strict=True))
        assert all(known[recall] <= precision + 1e-9 for recall, precision in ours.items())
        assert one.chosen == pytest.approx(
            (
                answers.said[answers.truths[:, n], n].mean(),
                answers.truths[answers.said[:, n], n].mean(),
            )
        )


def test_the_confusion_matrix_counts_tags_and_photos_without() -> None:
    answers = replace(_answers(), said=np.eye(3, dtype=bool)[_answers().likeliest])
    rows, counts = confusion(answers)
    assert rows == answers.classes
    assert counts[:, :3].tolist() == confusion_matrix(answers.true_class, answers.likeliest).tolist()
    assert not counts[:, 3].any()
    rows, counts = confusion(_answers(foreign=9))
    assert rows[-1] == "none of these"
    assert counts[-1].sum() == 9
    assert counts[:, 3].sum() == (~_answers().said.any(axis=1)).sum()


def test_the_most_confident_wrong_tags_come_first() -> None:
    answers = _answers()
    found = mistakes(answers, 1000)
    wrong_tags = (answers.said & ~answers.truths).any(axis=1).sum()
    assert [one.tagged for one in found] == [True] * wrong_tags + [False] * (len(found) - wrong_tags)
    assert len(found) == (answers.likeliest != answers.true_class).sum()
    scores = [one.score for one in found if one.tagged]
    assert scores == sorted(scores, reverse=True)
    assert len(mistakes(answers, 3)) == 3


class _Checker(HTMLParser):
    """Notes what a page would load, and complains about tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        assert tag not in ("script", "iframe", "object")
        assert tag != "img" or dict(attrs).get("alt")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    answers = _answers()
    worst = mistakes(answers, 1)[0]
    photo = next(iter(sorted(save_patterns(tmp_path, 1, ("noise",)).rglob("*.jpg"))))
    refs = [replace(ref, path=str(photo)) if ref == worst.ref else ref for ref in answers.refs]
    answers = replace(answers, refs=tuple(refs))
    html = model_page(_bundle(), answers, measure(answers), about="Of <these>.", workers=1)
    checker = _Checker()
    checker.feed(html)
    assert checker.open == []
    assert len(checker.loads) == 1  # the other photos are not there
    assert checker.loads[0].startswith("data:image/jpeg;base64,")
    assert not re.search(r"https?://|url\(|@import", html)
    for shown in (
        "pets &amp; co",
        "&lt;dog&gt;",
        "Of &lt;these&gt;.",
        "noise/0.jpg",
        "f" * 64,
        "seed",
        "</svg>",
        "too few photos to promise",
    ):
        assert shown in html
    for title in (
        "Categories",
        "What a precision of 0.95 costs",
        "Which tags they get",
        "The most confident mistakes",
        "How it learned",
        "Settings",
    ):
        assert f"<h2>{title}</h2>" in html
    assert html.count("Loss by epoch of training the head") == 2  # said to screen readers and below the curve
    assert "Loss by epoch of training the network" in html


def test_a_page_without_mistakes_history_or_known_photos_is_shorter() -> None:
    answers = _answers(foreign=200)
    answers = replace(answers, said=np.zeros_like(answers.said))
    html = model_page(replace(_bundle(), history=()), answers, measure(answers), about="", workers=1)
    assert "The most confident mistakes" not in html
    assert "How it learned" not in html
