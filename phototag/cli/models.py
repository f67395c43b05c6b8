"""`phototag models`: the model folders in, what can be used and how good it is out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from phototag.bundle import Bundle, find_bundle, list_bundles
from phototag.cli import settings_of
from phototag.cli.text import counted, rounded, shown
from phototag.errors import ModelError

_FIGURES_SHOWN = 4


@click.command("models", short_help="List the models that can be used, with their figures.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each model, with all of its figures.")
@click.pass_context
def command(ctx: click.Context, /, *, as_json: bool) -> None:
    """List the models that can be used, with their figures.

    The one marked with a star is used unless `--model` names another.
    """
    settings = settings_of(ctx)
    default = _default(settings.model, settings.models)
    for item in list_bundles(settings.models):
        if isinstance(item, ModelError):
            line = json.dumps({"error": str(item)}) if as_json else f"! {shown(str(item))}"
        else:
            is_default = item.folder == default
            line = json.dumps(_as_dict(item, is_default), ensure_ascii=False) if as_json else _as_text(item, is_default)
        print(line)


def _default(model: str | None, models: Path) -> Path | None:
    """The folder of the model that a scan would use."""
    try:
        return find_bundle(model, models).folder
    except ModelError as exc:
        click.echo(f"phototag: {shown(str(exc))}", err=True)
        return None


def _as_text(bundle: Bundle, is_default: bool) -> str:
    words = counted(len(bundle.classifier.labels), "word")
    made = bundle.created.partition("T")[0]
    figures = _figures(bundle.metrics)
    return f"{'*' if is_default else ' '} {shown(bundle.name)}: {words}, {bundle.network.name}, {made}{figures}"


def _figures(metrics: Mapping[str, Any]) -> str:
    """The accuracy where there is one, else the first few figures that are numbers."""
    numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    if "accuracy" in numbers:
        return f", accuracy {numbers['accuracy']:.1%}"
    some = [f"{key}={rounded(value)}" for key, value in list(numbers.items())[:_FIGURES_SHOWN]]
    return f", {' '.join(some)}" if some else ""


def _as_dict(bundle: Bundle, is_default: bool) -> dict[str, Any]:
    return {
        "name": bundle.name,
        "default": is_default,
        "words": len(bundle.classifier.labels),
        "network": bundle.network.name,
        "created": bundle.created,
        "folder": str(bundle.folder),
        "metrics": dict(bundle.metrics),
    }
