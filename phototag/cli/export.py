"""`phototag export`: a model and a format in, a folder for other programs out."""

import json
import logging
import re
from pathlib import Path

import click

from phototag.bundle import find_bundle
from phototag.cli import settings_of
from phototag.cli.text import shown

_TARGETS = ("onnx", "tflite", "savedmodel", "photoprism")


@click.command("export", short_help="Write a model so that other programs can use it.")
@click.argument("model", metavar="MODEL")
@click.option("--to", "target", type=click.Choice(_TARGETS), required=True, help="What to write.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder to make [default: MODEL-FORMAT, here].",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_context
def command(ctx: click.Context, /, *, model: str, target: str, out: Path | None, as_json: bool) -> None:
    """Write a model so that other programs can use it: network, head and calibration in one, pixels in, scores out.

    MODEL is a name from `phototag models`, or a model's folder. What is written is tried on pictures first, and kept
    only if its scores are phototag's own. The folder also holds the words (labels.txt) and their thresholds
    (model.json); "none of these" by distance is not part of it. Writing ONNX needs `pip install 'phototag[onnx]'`.
    """
    from phototag.train.export import TARGETS, export

    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    bundle = find_bundle(model, settings_of(ctx).models)
    folder = out or Path(re.sub(r"[^\w.-]+", "-", f"{bundle.name}-{target}"))
    made = export(bundle, next(known for known in TARGETS if known == target), folder.absolute())
    if as_json:
        about = {"model": bundle.name, "to": target, "folder": str(made.folder), "difference": made.difference}
        click.echo(json.dumps(about, ensure_ascii=False))
        return
    click.echo(f"{bundle.name} is in {shown(str(made.folder))}: its scores differ by {made.difference:.1g} at most.")
    if target == "photoprism":
        click.echo("vision.yml there says where PhotoPrism wants it, and what its own vision.yml must say.")
