"""Settings in; the index, the stored embeddings and the model that the commands by sight work with out."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click

from phototag.backbone import Device
from phototag.bundle import Bundle, find_bundle
from phototag.cli import settings_of
from phototag.index import Index, open_index
from phototag.vectors import VectorFile, vectors_path
from phototag.vectors.nearest import Shelf


@dataclass(frozen=True, slots=True)
class Sight:
    """What it takes to compare photos.

    Attributes:
        index: opened to read.
        vectors: the stored embeddings of the model's network, opened to read.
        shelf: the same, to be looked through.
        bundle: the model.
        device: where its network runs, if need be.
    """

    index: Index
    vectors: VectorFile
    shelf: Shelf
    bundle: Bundle
    device: Device


@contextmanager
def opened(ctx: click.Context, model: str | None) -> Iterator[Sight]:
    """Open what comparing photos needs; nothing is changed, and no scan is waited for.

    Raises:
        IndexFileError: there is no index, or it cannot be opened.
        ModelError: the model is not there.
    """
    settings = settings_of(ctx, model=model)
    bundle = find_bundle(settings.model, settings.models)
    with ExitStack() as stack:
        index = open_index(settings.index, readonly=True)
        stack.callback(index.close)
        vectors = VectorFile(vectors_path(settings.beside, bundle.network), bundle.network, readonly=True)
        stack.callback(vectors.close)
        yield Sight(index, vectors, stack.enter_context(Shelf(vectors)), bundle, settings.device)


def say_what_is_missing(sight: Sight) -> None:
    """Say on stderr how to store embeddings, if there are none."""
    if not len(sight.shelf.rows):
        name = sight.bundle.name
        click.echo(f"no embedding by the network of the model {name} is stored: `phototag scan --rescan DIR`", err=True)


def is_for_people(*formats: bool) -> bool:
    """Whether results are read by people: on a terminal, and none of the formats for programs was asked for."""
    if sum(formats) > 1:
        raise click.UsageError("only one of --paths, --json and --null can be had")
    return sys.stdout.isatty() and not any(formats)
