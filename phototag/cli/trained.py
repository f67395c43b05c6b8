"""What training came to in; lines for people, or a dictionary for JSON, out."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from phototag.cli.text import counted, shown
from phototag.records import Failed

if TYPE_CHECKING:
    from phototag.train import Outcome, Request
    from phototag.train.evaluate import Evaluation
    from phototag.train.finetune import Attempt
    from phototag.train.keywords import KeywordsFound
    from phototag.train.promise import Promise
    from phototag.train.sweep import Swept

_LISTED = 20


def complaint(failed: Failed) -> str:
    """A photo that could not be read, and why."""
    return f"{shown(failed.ref.path)}: {failed.reason}" + (f": {failed.detail}" if failed.detail else "")


def as_dict(outcome: "Outcome") -> dict[str, Any]:
    """For JSON."""
    return {
        "name": outcome.bundle.name,
        "folder": str(outcome.bundle.folder),
        "fingerprint": outcome.bundle.fingerprint,
        "metrics": dict(outcome.bundle.metrics),
        "tried": outcome.bundle.settings["tried"],
        "fine_tuning": outcome.bundle.settings["fine_tuning"],
        "failed": [
            {"path": failed.ref.path, "reason": failed.reason, "detail": failed.detail} for failed in outcome.failed
        ],
    }


def report(outcome: "Outcome", request: "Request") -> Iterator[str]:
    """What training came to, for people."""
    if outcome.keywords is not None:
        yield from _found(outcome.keywords)
        yield ""
    if outcome.evaluation is None:
        yield "No category has a second photo, so nothing could be checked."
    else:
        yield from category_table(outcome.evaluation)
        how = "held out in turn" if request.validation is None else "kept apart"
        learned, checked = outcome.evaluation.learned or 0, outcome.evaluation.checked
        yield ""
        yield f"Learned from {counted(learned, 'photo')}, checked with {counted(checked, 'photo')} ({how})."
        yield from summary(outcome.evaluation)
    if request.precision is not None:
        yield ""
        yield from _promises(outcome.promises, request.precision)
    if outcome.swept is not None:
        yield _sweep(outcome.swept, one_category=outcome.bundle.classifier.activation == "softmax")
    if outcome.attempt is not None:
        one_category = outcome.bundle.classifier.activation == "softmax"
        yield _tuning(outcome.attempt, one_category=one_category, from_scratch=request.from_scratch)
    if outcome.failed:
        yield f"{counted(len(outcome.failed), 'photo')} could not be read and were left out."
    name = outcome.bundle.name
    found_by_name = outcome.bundle.folder.parent.samefile(request.output.parent) and request.output.name == name
    yield ""
    yield f"The model is in {shown(str(outcome.bundle.folder))}, and report.html there shows what it knows. To use it:"
    yield f"  phototag scan --model {name if found_by_name else shown(str(outcome.bundle.folder))} ~/Pictures"


def _sweep(swept: "Swept", *, one_category: bool) -> str:
    others = f"Tried the head with {counted(len(swept.tried) - 1, 'other setting')}"
    if not swept.chosen:
        return f"{others}; none did better than the usual ones."
    usual, chosen = swept.tried[0], swept.tried[swept.chosen]
    inner = f"an inner layer of {chosen.settings.hidden:,}" if chosen.settings.hidden else "no inner layer"
    return (
        f"{others}; chosen: {inner}, learning rate {chosen.settings.learning_rate:g}, dropout "
        f"{chosen.settings.dropout:g} ({_what(one_category)} {usual.merit.right:.1%} before and "
        f"{chosen.merit.right:.1%} after, on photos held out in turn)."
    )


def _what(one_category: bool) -> str:
    return "accuracy" if one_category else "mean average precision"


def _tuning(attempt: "Attempt", *, one_category: bool, from_scratch: bool) -> str:
    change = f"{_what(one_category)} {attempt.before:.1%} before and {attempt.after:.1%} after"
    if attempt.tuned is None:
        return f"Fine-tuning did not make it better ({change}); the network stays as it was."
    return f"The network was {'trained from nothing' if from_scratch else 'fine-tuned'}: {change}."


def category_table(figures: "Evaluation") -> Iterator[str]:
    """A line for each category, for people."""
    width = max(len("category"), *(len(shown(one.name)) for one in figures.categories))
    yield f"{'category':<{width}}  learned  checked  precision  recall"
    for one in figures.categories:
        learned = "-" if one.learned is None else f"{one.learned:,}"
        numbers = f"{learned:>7}  {one.checked:>7,}  {_part(one.precision):>9}  {_part(one.recall):>6}"
        yield f"{shown(one.name):<{width}}  {numbers}"


def summary(figures: "Evaluation") -> Iterator[str]:
    """What a scan would do, for people."""
    yield (
        f"A scan would tag {figures.right:.1%} of them right, give {figures.wrong:.1%} a wrong tag "
        f"and {figures.untagged:.1%} none."
    )
    if figures.accuracy is not None:
        yield f"Accuracy, if the likeliest category always counted: {figures.accuracy:.1%}"
    if figures.mean_average_precision is not None:
        yield f"Mean average precision {figures.mean_average_precision:.3f}, micro-F1 {figures.micro_f1:.3f}"
    if figures.confused:
        pairs = ", ".join(f"{shown(true)} taken for {shown(best)} {n} times" for true, best, n in figures.confused)
        yield f"Most confused: {pairs}"


def _found(keywords: "KeywordsFound") -> Iterator[str]:
    """What became of the keywords in a library."""
    yield f"{counted(keywords.photos, 'photo')} looked at; {counted(keywords.rare, 'keyword')} not learned."
    if keywords.merged:
        pairs = [f"{shown(spelling)} as {shown(word)}" for spelling, word in keywords.merged]
        more = f" and {len(pairs) - _LISTED:,} more" if len(pairs) > _LISTED else ""
        yield f"Taken for one: {', '.join(pairs[:_LISTED])}{more}."
    if keywords.own:
        yield f"{counted(keywords.own, 'word')} written by phototag itself passed over."
    yield (
        f"A keyword that is not there is unknown, not a no: {counted(keywords.without, 'photo')} without any of them "
        f"learned from as none of these, {keywords.unsure:,} left out that look as if one were missing."
    )


def _promises(promises: "Sequence[Promise]", precision: float) -> Iterator[str]:
    """What the wanted precision costs, and where it cannot be promised."""
    if not promises:
        yield f"There is no photo to check with, so a precision of {precision:g} cannot be promised for any word."
        return
    width = max(len("category"), *(len(shown(one.name)) for one in promises))
    yield f"For a precision of {precision:g}:"
    yield f"{'category':<{width}}  said from  recall  without"
    for one in promises:
        numbers = f"{one.threshold:>9.2f}  {_part(one.recall):>6}  {_part(one.recall_before):>7}"
        yield f"{shown(one.name):<{width}}  {numbers}" + ("" if one.kept else "  too few photos to promise")


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
