"""`phototag train`: labelled photos and options in, a model, its figures and an exit code out."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from phototag.backbone import FROM_SCRATCH
from phototag.bundle import BUILT_IN
from phototag.cli import settings_of
from phototag.cli.options import device_option, json_figures_option, quiet_option
from phototag.cli.params import AUGMENTS, SHIPPED, Augments, NetworkName, duration
from phototag.cli.progress import LearningProgress
from phototag.cli.trained import as_dict, complaint, report
from phototag.cores import usable_cores
from phototag.records import Place

if TYPE_CHECKING:
    from phototag.train import KeywordWish, Request

_SOME_FAILED = 1
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("train", short_help="Learn your categories from folders of labelled photos.")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Take the labels from a CSV file (path,labels) and not from the folders; several are joined by |.",
)
@click.option(
    "--from-keywords", is_flag=True, help="Learn from the keywords that the photos below DIR carry, not from folders."
)
@click.option(
    "--min-photos",
    type=click.IntRange(2),
    help="With --from-keywords: learn keywords that so many photos carry [default: 20].",
)
@click.option("--words", metavar="A,B,C", help="With --from-keywords: learn these keywords alone.")
@click.option("--validation", type=_FOLDER, metavar="DIR", help="Photos to check with, laid out in the same way.")
@click.option("--name", metavar="NAME", help="What `scan --model` will call it [default: the folder's name].")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to put the model [default: with the other models].",
)
@click.option(
    "--network",
    "--backbone",
    type=NetworkName(),
    help="What looks at the photos: efficientnet-lite0 or -lite2, which come with phototag; small-cnn, which learns "
    "from your photos alone; or any network of keras.applications, such as Xception [default: efficientnet-lite2; with "
    "--fine-tune off, or several labels a photo, efficientnet-lite0].",
)
@click.option(
    "--weights",
    metavar="FILE",
    help="A file of that network's ImageNet weights, as Keras offers it for download; none for random weights "
    "[default: its own].",
)
@click.option(
    "--image-size",
    type=click.IntRange(22, 1024),
    metavar="PIXELS",
    help="Side of the square that photos are cut to [default: the one the network was made for].",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="PART",
    help="Say a word only where this part of the words said is right, 0.95 perhaps [default: no promise].",
)
@click.option(
    "--fine-tune",
    type=click.Choice(["auto", "off", "on"]),
    default="auto",
    show_default=True,
    help="Train the network too, and keep it if it is better; auto: where the head alone is right on less than 90 % "
    "and enough photos can be held out.",
)
@click.option(
    "--time-budget",
    "time_budget_s",
    type=duration,
    default="10m",
    show_default=True,
    metavar="TIME",
    help="What fine-tuning may take: 90s, 10m, 1h.",
)
@click.option(
    "--augment",
    type=Augments(),
    metavar="LIST",
    help=f"How photos are varied while the network learns, joined by commas, of {', '.join(AUGMENTS)}; or none "
    "[default: flip,crop,rotate,colour].",
)
@click.option(
    "--stop-at-accuracy",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="PART",
    help="Stop when so large a part of the photos learned from is right.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Train so many epochs at most [default: of the network 7, of one that "
    "begins with nothing 60, of the head alone 100].",
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, max_open=True),
    help="Leave out this part of the inputs [default: 0.3, of the head alone 0.5].",
)
@click.option(
    "--inner-units",
    "--hidden",
    "hidden",
    type=click.IntRange(0),
    metavar="N",
    help="Add an inner layer of this width to the head [default: 0, none].",
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), help="Size of the learning steps [default: 0.001]."
)
@click.option(
    "--tune",
    is_flag=True,
    help="Try widths of an inner layer, learning rates and dropouts of the head first, and keep what does best on "
    "photos held out; what is given by an option of its own is not varied.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Start of the random numbers [default: 0].")
@device_option
@json_figures_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    folder: Path,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Learn your categories from folders of labelled photos.

    DIR holds a folder with photos for each category: DIR/dog, DIR/cat. Folders inside folders are narrower categories:
    a photo in DIR/animal/dog is tagged dog and animal. Ten photos a category make a start. What the network sees in a
    photo is kept, so that training again is quick.

    Exit code: 0 all is well, 1 some photos could not be read (they are listed), 6 the photos cannot be learned from.
    """
    from phototag.train import train

    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # its warnings are for those who program with it
    request = _request(ctx, folder, options)
    with LearningProgress(visible=not quiet and not as_json) as bar:
        outcome = train(request, bar.advance, bar.tell)
    for failed in outcome.failed:
        click.echo(complaint(failed), err=True)
    if as_json:
        click.echo(json.dumps(as_dict(outcome), ensure_ascii=False))
    elif not quiet:
        click.echo("\n".join(report(outcome, request)))
    return _SOME_FAILED if outcome.failed else 0


_LEARNING = ("epochs", "dropout", "hidden", "learning_rate", "stop_at_accuracy", "seed")
_SHARED = ("hidden", "seed")
_TUNING = ("time_budget_s",)
_SWEPT = {"hidden": "hidden", "learning_rate": "learning_rates", "dropout": "dropouts"}


def _request(ctx: click.Context, folder: Path, options: dict[str, Any]) -> "Request":
    """What the options ask for, on top of the settings. How to learn is said of the network, if that is trained."""
    from phototag.train import HeadSettings, Request
    from phototag.train.augment import Augmentation
    from phototag.train.request import Sweep, TuneSettings

    given = {key: value for key, value in options.items() if value is not None}
    settings = settings_of(ctx, device=options["device"])
    called = _name(options["name"] or folder.resolve().name)
    alone = options["fine_tune"] == "off"
    if options["network"] == FROM_SCRATCH or options["weights"] == "none":
        if alone:
            raise click.UsageError(
                "a network that begins with random weights must be trained: leave out --fine-tune off"
            )
        if options["tune"]:
            raise click.UsageError("--tune tries settings on what a network sees, and this one sees nothing yet")
    learning = {key: given[key] for key in _LEARNING if key in given}
    tuning = {key: given[key] for key in _TUNING if key in given}
    head = {key: value for key, value in learning.items() if alone or key in _SHARED}
    varied = {field: () for option, field in _SWEPT.items() if option in head}
    if "augment" in given:
        tuning["augmentation"] = Augmentation(**{one: one in given["augment"] for one in AUGMENTS})
    return Request(
        root=folder,
        labels=options["labels"],
        validation=options["validation"],
        name=called,
        output=(options["output"] or settings.models / called).absolute(),
        cache=settings.cache,
        network=options["network"],
        image_size=options["image_size"],
        weights=_weights(options["weights"], options["network"]),
        device=settings.device,
        workers=settings.workers or usable_cores(),
        precision=options["precision"],
        keywords=_keywords(settings.index, options["labels"] or options["validation"], dict(options)),
        head=HeadSettings(**head),
        sweep=Sweep(**varied) if options["tune"] else None,
        tune=TuneSettings(mode=options["fine_tune"], **tuning, **({} if alone else learning)),
    )


def _weights(given: str | None, network: str | None) -> "Path | Literal['own', 'none']":
    """Where the network's weights come from."""
    if given is None:
        return "own"
    if network is None or network in SHIPPED or network == FROM_SCRATCH:
        raise click.UsageError("--weights goes with --backbone and the name of a network of keras.applications")
    return "none" if given == "none" else Path(given)


def _keywords(index: Place, others: Path | None, options: dict[str, Any]) -> "KeywordWish | None":
    """Which keywords to learn from; takes its options out of the others."""
    from phototag.index import is_there
    from phototag.train import KeywordWish

    wanted, min_photos, words = (options.pop(name) for name in ("from_keywords", "min_photos", "words"))
    if not wanted:
        if min_photos or words:
            raise click.UsageError("--min-photos and --words go with --from-keywords")
        return None
    if others is not None:
        raise click.UsageError("--from-keywords takes the labels from the photos: leave out --labels and --validation")
    named = tuple(word.strip() for word in (words or "").split(",") if word.strip())
    chosen = KeywordWish(words=named, index=index if is_there(index) else None)
    return chosen if min_photos is None else replace(chosen, min_photos=min_photos)


def _name(wanted: str) -> str:
    """A model's name that is safe as a folder's and on a command line."""
    name = re.sub(r"[^\w.-]+", "-", wanted).strip("-.")
    if not name:
        raise click.UsageError("the model needs a name: choose one with --name")
    if name == BUILT_IN:
        raise click.UsageError(f"{BUILT_IN} is the name of the built-in model: choose another with --name")
    return name
