"""`phototag tags`: the index in, its words with their counts out."""

import json

import click

from phototag.cli import settings_of
from phototag.cli.text import shown
from phototag.index import open_index


@click.command("tags", short_help="List the words in the index, each with its count.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each word: word, photos, source.")
@click.pass_context
def command(ctx: click.Context, /, *, as_json: bool) -> None:
    """List the words in the index, each with its count, the most frequent first.

    A word that you gave yourself is marked "me"; one that both you and phototag gave has a line for each.
    """
    index = open_index(settings_of(ctx).index, readonly=True)
    try:
        for tag in index.tags():
            if as_json:
                print(json.dumps({"word": tag.word, "photos": tag.photos, "source": tag.source}, ensure_ascii=False))
            else:
                print(f"{tag.photos:>9,}  {shown(tag.word)}{'  (me)' if tag.source == 'me' else ''}")
    finally:
        index.close()
