"""A bundle and its answers in, the page about it out: what `train` puts beside a model and `evaluate --html` writes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from phototag.bundle import Bundle
from phototag.train.answers import Answers
from phototag.train.evaluate import Evaluation
from phototag.train.report.charts import Frame, Point, dot, drawing, line
from phototag.train.report.figures import calibration_error, confusion, mistakes, reliability, trades
from phototag.train.report.page import (
    definitions,
    page,
    paragraph,
    photo,
    photos,
    section,
    table,
    text,
    tiles,
)
from phototag.train.report.thumbnails import thumbnails

_MISTAKES_SHOWN = 24
_CLASSES_MOST = 40
_TRADES_MOST = 24


def model_page(bundle: Bundle, answers: Answers, evaluation: Evaluation, *, about: str, workers: int) -> str:
    """A page that shows how good a model is and where it errs.

    Args:
        bundle: the model.
        answers: what it says of photos it has not learned from.
        evaluation: figures on these.
        about: which photos these are, a sentence.
        workers: threads that decode the thumbnails.
    """
    parts = [
        paragraph(about, "soft"),
        _tiles(evaluation, answers),
        _categories(evaluation, bundle),
        *_promises(bundle.metrics.get("promises", ()), bundle.settings.get("precision")),
        *_confusion(answers),
        *_mistakes(answers, workers),
        _reliability(answers),
        *_trades(answers),
        *_curves(bundle.history),
        *_tried(bundle.settings.get("tried")),
        _settings(bundle),
    ]
    return page(f"How well {bundle.name} knows its categories", parts)


def _tiles(evaluation: Evaluation, answers: Answers) -> str:
    figures = [(f"{evaluation.checked:,}", "photos checked with")]
    if evaluation.accuracy is not None:
        figures.append((f"{evaluation.accuracy:.1%}", "right, if the likeliest category always counts"))
    if evaluation.mean_average_precision is not None:
        figures.append((f"{evaluation.mean_average_precision:.3f}", "mean average precision"))
        figures.append((f"{evaluation.micro_f1 or 0:.3f}", "micro-F1"))
    figures += [
        (f"{evaluation.right:.1%}", "get the right tags and no other"),
        (f"{evaluation.wrong:.1%}", "get a wrong tag"),
        (f"{evaluation.untagged:.1%}", "get no tag"),
        (f"{calibration_error(reliability(answers)):.3f}", "expected calibration error"),
    ]
    return tiles(figures)


def _categories(evaluation: Evaluation, bundle: Bundle) -> str:
    thresholds = {"/".join((*label.broader, label.word)): label.threshold for label in bundle.classifier.labels}
    rows = [
        (
            one.name,
            "-" if one.learned is None else f"{one.learned:,}",
            f"{one.checked:,}",
            "-" if one.precision is None else f"{one.precision:.2f}",
            "-" if one.recall is None else f"{one.recall:.2f}",
            f"{thresholds.get(one.name, 0):.2f}",
        )
        for one in evaluation.categories
    ]
    return section(
        "Categories",
        paragraph(
            "Precision: of the photos that get the tag, the part that has it. Recall: of the photos that have it, the "
            "part that gets the tag. Said from: the score a photo must reach."
        ),
        table(("category", "learned from", "checked with", "precision", "recall", "said from"), rows),
    )


def _promises(promises: Sequence[Mapping[str, Any]], precision: Any) -> Iterator[str]:
    """What the precision that training was asked to promise costs."""
    if promises:
        rows = [
            (
                str(one["name"]),
                f"{one['threshold']:.2f}",
                *("-" if one[key] is None else f"{one[key]:.2f}" for key in ("recall", "recall_before")),
                "" if one["kept"] else "too few photos to promise",
            )
            for one in promises
        ]
        yield section(
            f"What a precision of {precision:g} costs",
            table(("category", "said from", "recall", "recall without the promise", ""), rows),
        )


def _confusion(answers: Answers) -> Iterator[str]:
    if not answers.exclusive or len(answers.classes) > _CLASSES_MOST:
        return
    rows, counts = confusion(answers)
    lines = [
        '<div class="scroll" tabindex="0">\n<table class="matrix">'
        "<caption>Rows: what is on the photo. Columns: the tag it gets.</caption><thead><tr><th></th>"
    ]
    lines += [f'<th scope="col">{text(name)}</th>' for name in (*answers.classes, "no tag")]
    lines.append("</tr></thead><tbody>")
    for name, row in zip(rows, counts, strict=True):
        cells = "".join(
            f'<td style="background: rgb(var(--cell) / {0.6 * count / max(row.sum(), 1):.2f})">{count or ""}</td>'
            for count in row
        )
        lines.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    yield section("Which tags they get", "\n".join([*lines, "</tbody></table></div>"]))


def _mistakes(answers: Answers, workers: int) -> Iterator[str]:
    found = mistakes(answers, _MISTAKES_SHOWN)
    if not found:
        return
    pictures = thumbnails((one.ref for one in found), workers=workers)
    figures = []
    for one in found:
        kept = "" if one.tagged else ", not tagged"
        caption = (
            f'<span class="right">{text(one.truth)}</span> taken for <b class="wrong">{text(one.said)}</b> '
            f'{one.score:.0%}{kept}<br><span class="path">{text(_short(one.ref.path))}</span>'
        )
        about = f"{one.truth} taken for {one.said}: {_short(one.ref.path)}"
        figures.append(photo(pictures.get(one.ref.path), about, caption))
    yield section(
        "The most confident mistakes",
        paragraph("Some of them may be the label's mistake and not the model's: correct the photo's folder then."),
        photos(figures),
    )


def _reliability(answers: Answers) -> str:
    bins = reliability(answers)
    frame = Frame(320, 280, (0, 1), (0, 1), ("how sure it is", "how often it is right"))
    total = max((one.count for one in bins), default=1)
    marks = [line(frame, [(0, 0), (1, 1)], "guide")]
    marks.append(line(frame, [(one.confidence, one.right) for one in bins]))
    marks += [
        dot(
            frame,
            (one.confidence, one.right),
            f"{one.count:,} answers: {one.confidence:.0%} sure, {one.right:.0%} right",
            radius=2.5 + 4 * (one.count / total) ** 0.5,
        )
        for one in bins
    ]
    error = calibration_error(bins)
    about = f"Reliability diagram; expected calibration error {error:.3f}"
    rows = [(f"{one.confidence:.0%}", f"{one.right:.0%}", f"{one.count:,}") for one in bins]
    return section(
        "Does its confidence mean what it says?",
        paragraph(
            f"On the dashed line it does: of the answers it is 80 % sure of, 80 % are right. Larger dots stand for "
            f"more answers. Expected calibration error: {error:.3f}."
        ),
        f'<div class="charts">{drawing(frame, about, marks)}<details><summary>As a table</summary>'
        + table(("sure", "right", "answers"), rows)
        + "</details></div>",
    )


def _trades(answers: Answers) -> Iterator[str]:
    """Precision against recall; of many words those that gain the least."""
    found = sorted(trades(answers), key=lambda one: (np.mean(one.precisions), one.name))[:_TRADES_MOST]
    if not found:
        return
    frame = Frame(170, 150, (0, 1), (0, 1), ("recall", "precision"))
    figures = []
    for one in sorted(found, key=lambda one: one.name):
        points: list[Point] = [(0, one.precisions[0]), *zip(one.recalls, one.precisions, strict=True)]
        marks = [line(frame, _thinned(points))]
        about = f"{one.name}: precision against recall"
        if one.chosen is not None:
            about += f"; chosen: precision {one.chosen[1]:.2f} at recall {one.chosen[0]:.2f}"
            marks.append(dot(frame, one.chosen, about, "second", 4))
        figures.append(
            f"<figure>{drawing(frame, about, marks)}"
            f"<figcaption><b>{text(one.name)}</b> said from {one.threshold:.2f}</figcaption></figure>"
        )
    some = f" The {len(figures)} weakest are shown." if len(figures) < len(answers.labels) else ""
    yield section(
        "What thresholds trade",
        paragraph(
            "A higher threshold moves the dot to the left: fewer photos get the tag, and more of those do have it. "
            "Photos unlike all examples get no tag whatever their score; that is not in these curves." + some
        ),
        f'<div class="charts many">{"".join(figures)}</div>',
    )


def _curves(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Loss and accuracy of each epoch, of the photos learned from and of those checked with; a row for each stage."""
    figures = []
    for stage in dict.fromkeys(str(epoch["stage"]) for epoch in history):
        epochs = [epoch for epoch in history if epoch["stage"] == stage]
        for what in ("loss", "accuracy"):
            series = [
                [(float(epoch["number"]), float(epoch[key])) for epoch in epochs if epoch.get(key) is not None]
                for key in (what, f"check_{what}")
            ]
            values = [y for points in series for _, y in points]
            if len(series[0]) < 2:
                continue
            low, high = (0.0, max(values)) if what == "loss" else (min(values), 1.0)
            frame = Frame(320, 220, (series[0][0][0], series[0][-1][0]), (low, high), ("epoch", what))
            about = f"{what.capitalize()} by epoch of training the {stage}"
            marks = [line(frame, points, kind) for points, kind in zip(series, ("first", "second"), strict=True)]
            figures.append(f"<figure>{drawing(frame, about, marks)}<figcaption>{text(about)}</figcaption></figure>")
    if figures:
        yield section(
            "How it learned",
            '<p><span class="key">photos learned from</span> <span class="key other">photos checked with</span></p>',
            f'<div class="charts">{"".join(figures)}</div>',
        )


def _tried(sweep: Mapping[str, Any] | None) -> Iterator[str]:
    """Settings of the head that were tried, and which of them was chosen."""
    if not sweep:
        return
    rows = [
        (
            f"{one['hidden']:,}" if one["hidden"] else "none",
            f"{one['learning_rate']:g}",
            f"{one['dropout']:g}",
            f"{one['right']:.1%}",
            f"{one['surprise']:.3f}",
            "chosen" if number == sweep["chosen"] else "",
        )
        for number, one in enumerate(sweep["tried"])
    ]
    yield section(
        "Settings that were tried",
        paragraph("Of the head alone, on photos held out in turn; loss counts how surprising the right answers were."),
        table(("inner layer", "learning rate", "dropout", "right", "loss", ""), rows),
    )


def _settings(bundle: Bundle) -> str:
    facts = [
        ("model", bundle.name),
        ("made", bundle.created),
        ("fingerprint", bundle.fingerprint),
        ("network", f"{bundle.network.name}, {bundle.network.image_size} pixels, {bundle.network.fit}"),
        ("network's fingerprint", bundle.network.fingerprint),
    ]
    if bundle.classifier.neighbours is not None:
        near = bundle.classifier.neighbours
        measured = f"distance to the {near.k} nearest examples"
        if near.span is not None:
            measured = "distance to the span of the examples"
        elif near.votes is not None:
            measured += ", and what the strongest vote lacks"
        facts.append(("none of these", f"beyond {near.threshold:.3f}: {measured}"))
    facts += [(key.replace("_", " "), str(value)) for key, value in bundle.settings.items() if key != "tried"]
    return section("Settings", definitions(facts))


def _thinned(points: Sequence[Point], most: int = 200) -> Sequence[Point]:
    """No more points than can be seen."""
    step = -(-len(points) // most)
    return [*points[::step], points[-1]]


def _short(path: str) -> str:
    """The last two parts of a path."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])
