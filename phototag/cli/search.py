"""`phototag search`: words in, the photos that have them out, best first."""

import json
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice

import click

from phototag.cli import settings_of
from phototag.cli.text import rounded, shown, write_path
from phototag.index import Hit, Index, open_index

_SHOWN = 50
_NOTHING_FOUND = 1
_OPERATORS = ("OR", "AND")


class _QueryCommand(click.Command):
    """A command whose arguments are a query: what begins with one `-` is a word to leave out, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options, words = self._split(args)
        return super().parse_args(ctx, [*options, "--", *words])

    def _split(self, args: Sequence[str]) -> tuple[list[str], list[str]]:
        """Tell options, with their values, from words."""
        known = [option for option in self.params if isinstance(option, click.Option)]
        short = {name for option in known for name in option.opts if not name.startswith("--")}
        valued = {name for option in known if not option.is_flag for name in option.opts}
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                words += rest
            elif arg in valued:
                options += [arg, *islice(rest, 1)]
            elif arg.startswith("--") or arg in short or arg == "-h":
                options.append(arg)
            else:
                words.append(arg)
        return options, words


@click.command("search", cls=_QueryCommand, short_help="Find photos by their tags and keywords.")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--limit",
    type=click.IntRange(0),
    metavar="N",
    help=f"The best N photos; 0: all [default: {_SHOWN} on a terminal, all in a pipe].",
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each photo: path, score, tags.")
@click.option("--null", "-0", "null", is_flag=True, help="Paths alone, each ended by a NUL byte, for `xargs -0`.")
@click.pass_context
def command(ctx: click.Context, /, *, words: tuple[str, ...], limit: int | None, as_json: bool, null: bool) -> int:
    """Find photos by their tags and your own keywords, the best first.

    \b
    phototag search dog beach         both words
    phototag search "hot dog"         these words side by side
    phototag search dog OR cat        one of them
    phototag search dog -beach        the one without the other
    phototag search 'beac*'           words that begin so
    phototag search '(dog OR cat) -beach'

    Upper and lower case, accents and the plural make no difference. Broader words find what is below them: "animal"
    finds dogs.

    On a terminal each line shows score, path and tags; in a pipe it is the path alone.

    Exit code: 0 photos were found, 1 none, 2 the words are not a query.
    """
    query = as_query(words)
    people = sys.stdout.isatty() and not as_json and not null
    most = _SHOWN if limit is None and people else limit or None
    index = open_index(settings_of(ctx).index, readonly=True)
    try:
        hits = index.search(query, None if most is None else most + 1)
        found = 0
        for hit in islice(hits, most):
            found += 1
            _print(hit, people=people, as_json=as_json, null=null)
        sys.stdout.flush()
        if people and next(hits, None):
            click.echo(f"these are the best {most}; --limit 0 shows all", err=True)
        if not found:
            click.echo("\n".join(_explain(index, query)), err=True)
    finally:
        index.close()
    return 0 if found else _NOTHING_FOUND


def as_query(arguments: Sequence[str]) -> str:
    """Put the shell's arguments together again.

    The shell takes quotes away: an argument of several plain words was quoted, and is a phrase. One that holds quotes,
    parentheses, operators or a `-word` of its own is a query as it stands.
    """
    return " ".join(map(_quoted, arguments))


def _quoted(argument: str) -> str:
    minus = "-" if argument.startswith("-") else ""
    words = argument.removeprefix("-").split()
    plain = not any(c in argument for c in '"()*') and not any(w in _OPERATORS or w.startswith("-") for w in words)
    return f'{minus}"{" ".join(words)}"' if len(words) > 1 and plain else argument


def _print(hit: Hit, *, people: bool, as_json: bool, null: bool) -> None:
    if as_json:  # bytes of a path that are not UTF-8 come as "\udc80" to "\udcff", as Python reads them back
        print(json.dumps({"path": hit.path, "score": rounded(hit.score), "tags": hit.tags}))
    elif people:
        print(_fitted(hit, shutil.get_terminal_size().columns))
    else:
        write_path(hit.path, b"\0" if null else b"\n")


def _fitted(hit: Hit, columns: int) -> str:
    """Score, path and as many tags as there is room for; the path is never cut, so that it can be copied."""
    line = f"{hit.score:4.2f}  {shown(hit.path)}"
    tags = [shown(tag) for tag in hit.tags]
    for count in range(len(tags), -1, -1):
        listed = ", ".join(tags[:count] if count == len(tags) else [*tags[:count], "…"])
        if listed and _width(f"{line}  {listed}") <= columns:
            return f"{line}  {listed}"
    return line


def _width(text: str) -> int:
    """Columns a terminal needs: two for a wide character, none for a mark that sits on the one before."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _explain(index: Index, query: str) -> Iterator[str]:
    """Why nothing was found, as far as the words tell."""
    unknown = index.suggest(query)
    if not unknown:
        yield "nothing found: no photo has all of this"
    for word, near in unknown.items():
        hint = f"; perhaps {' or '.join(map(shown, near))}?" if near else "; `phototag tags` lists the words there are"
        yield f"nothing found: no photo has {shown(word)!r}{hint}"
