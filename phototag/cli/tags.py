"""`phototag tags`: the index in, its words with their counts out, by frequency or as a tree."""

import json
from collections.abc import Iterator, Sequence

import click

from phototag.cli import settings_of
from phototag.cli.text import shown
from phototag.index import TagCount, open_index


@click.command("tags", short_help="List the words in the index, each with its count.")
@click.option("--tree", is_flag=True, help="Put each word under the broader one that it stands under.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each word: word, photos, source, broader.")
@click.pass_context
def command(ctx: click.Context, /, *, tree: bool, as_json: bool) -> None:
    """List the words in the index, each with its count, the most frequent first.

    A word that you gave yourself is marked "me"; one that both you and phototag gave has a line for each.
    """
    index = open_index(settings_of(ctx).index, readonly=True)
    try:
        tags = list(index.tags())
    finally:
        index.close()
    for depth, tag in in_tree(tags) if tree else ((0, tag) for tag in tags):
        if as_json:
            line = {"word": tag.word, "photos": tag.photos, "source": tag.source, "broader": tag.broader}
            print(json.dumps(line, ensure_ascii=False))
        else:
            print(f"{tag.photos:>9,}  {'  ' * depth}{shown(tag.word)}{'  (me)' if tag.source == 'me' else ''}")


def in_tree(tags: Sequence[TagCount]) -> Iterator[tuple[int, TagCount]]:
    """The words with their depths, each behind the one that it stands under; alike ones keep their order."""
    by_phototag = {tag.word for tag in tags if tag.source == "phototag"}
    below: dict[str | None, list[TagCount]] = {}
    for tag in tags:
        parents = [word for word in tag.broader if word in by_phototag and word != tag.word]
        below.setdefault(parents[-1] if parents else None, []).append(tag)
    given: set[str] = set()

    def walk(tag: TagCount, depth: int) -> Iterator[tuple[int, TagCount]]:
        if tag.source == "phototag":
            if tag.word in given:
                return
            given.add(tag.word)
        yield depth, tag
        if tag.source == "phototag":
            for child in below.get(tag.word, ()):
                yield from walk(child, depth + 1)

    for tag in below.get(None, ()):
        yield from walk(tag, 0)
    for tag in tags:  # two models may each put one word under the other: such words have no top
        if tag.source == "phototag":
            yield from walk(tag, 0)
