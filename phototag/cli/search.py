"""`phototag search`: words in, the photos that have them out, best first."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from phototag.cli import settings_of
from phototag.cli.album import fill_album
from phototag.cli.completing import complete_query
from phototag.cli.listing import lines_of, with_pictures
from phototag.cli.options import null_option, paths_option
from phototag.cli.terminal import color_option, page
from phototag.cli.text import counted, rounded, shown, write_path
from phototag.errors import PhotoTagError
from phototag.index import Hit, Search, Sort, open_search
from phototag.index.fields import takes
from phototag.index.query import facts_of, parse

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_SHOWN = 50
_OPENED = 10
_NOTHING_FOUND = 1
_MOST = 10**12
_FOLDER = click.Path(file_okay=False, path_type=Path)
_OPERATORS = ("OR", "AND")
_OPERATORS_ELSEWHERE = {
    "or": "for one word or the other, write OR in capitals",
    "|": "for one word or the other, write OR",
    "and": "words side by side must all be there, without an AND between them",
    "not": "to leave a word out, put a - before it",
}
_BEGIN = re.compile(r"-?(?:[A-Za-z]+:)?")


class _QueryCommand(click.Command):
    """A command whose arguments are a query: what begins with one `-` is a word to leave out, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options, words = self._split(ctx, args)
        return super().parse_args(ctx, [*options, "--", *words])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Options, and words to leave out."""
        items = super().shell_complete(ctx, incomplete)
        return items if incomplete.startswith("--") else items + complete_query(ctx, self.params[0], incomplete)

    def _split(self, ctx: click.Context, args: Sequence[str]) -> tuple[list[str], list[str]]:
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
                value = [*islice(rest, 1)]
                if not value and not ctx.resilient_parsing:  # a shell asks what the value may become
                    raise click.BadOptionUsage(arg, f"Option {arg!r} requires an argument.", ctx)
                options += [arg, *value]
            elif arg.startswith("--") or arg in short or arg == "-h":
                options.append(arg)
            else:
                words.append(arg)
        return options, words


@click.command("search", cls=_QueryCommand, short_help="Find photos by their tags and keywords.")
@click.argument("words", nargs=-1, required=True, shell_complete=complete_query)
@click.option(
    "--limit",
    type=click.IntRange(0, _MOST),
    metavar="N",
    help=f"The first N photos; 0: all [default: {_SHOWN} on a terminal, all in a pipe].",
)
@click.option("--offset", type=click.IntRange(0, _MOST), metavar="N", default=0, help="Leave the first N photos out.")
@click.option(
    "--sort",
    type=click.Choice(get_args(Sort)),
    default="score",
    help="score: the best first; date: the latest first; path: by folder and name [default: score].",
)
@click.option("--count", "count_only", is_flag=True, help="The number of photos alone.")
@paths_option
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each photo: path, score, tags, taken.")
@click.option("--csv", "as_csv", is_flag=True, help="A table for spreadsheets: path, score, tags, taken.")
@null_option
@click.option("--copy-to", type=_FOLDER, metavar="DIR", help="Copy the photos into a folder; nothing is overwritten.")
@click.option("--link-to", type=_FOLDER, metavar="DIR", help="Make an album: a folder of links to the photos.")
@click.option(
    "--open", "opened", is_flag=True, help=f"Show the photos in the system's viewer, {_OPENED} unless --limit is given."
)
@click.option("--thumbnails", is_flag=True, help="Show small pictures, where the terminal draws them.")
@click.option("--pager/--no-pager", default=True, help="By a pager, where it is more than the terminal shows at once.")
@color_option
@click.pass_context
def command(ctx: click.Context, /, *, words: tuple[str, ...], **how: Any) -> int:
    """Find photos by their tags and your own keywords, the best first.

    \b
    phototag search dog beach             both words
    phototag search "hot dog"             these words side by side
    phototag search dog OR cat            one of them
    phototag search dog -beach            the one without the other
    phototag search 'beac*'               words that begin so
    phototag search '(dog OR cat) -beach'
    phototag search =dog                  this whole tag, no "hot dog"

    Upper and lower case, accents and the plural make no difference. Broader words find what is below them: "animal"
    finds dogs. Synonyms count too: "automobile" finds cars, "=automobile" does not.

    \b
    tag:dog  keyword:rome                 phototag's words alone, your own alone
    by:me  by:phototag                    anything that you, or phototag, said
    folder:italy  path:/home/me/2023      part of the folder, beginning of the path
    name:img_12  ext:jpg                  part of the file's name, its ending
    date:2023  date:2023-07..2023-08      when it was taken; also date:>2023-07-14
    date:yesterday  date:"last week"      also today, this month, last year, last 30 days
    near:48.85,2.35,10km                  where: degrees north, degrees east, how far around
    camera:canon  lens:50mm               part of the camera's, or the lens's, name
    model:imagenet                        part of the name of a model that looked at it
    width:>4000  height:..1080  size:>5mb
    'score:>0.8'                          how sure the words beside it must be
    is:untagged  is:tagged  is:failed  is:missing  is:duplicate  is:unsure

    On a terminal each line shows score, day, path and tags; in a pipe it is the path alone.

    Exit code: 0 photos were found, 1 none, 2 the words are not a query.
    """
    answer = _Answer(**how)
    query, settings = as_query(words), settings_of(ctx)
    index = open_search(settings.index)
    try:
        if answer.count_only:
            found = index.count(query)
            print(found)
        elif answer.album is not None or answer.opened:
            return _hand_over(index, query, answer)
        else:
            found = _show(index, query, answer, settings.timeout)
        if not found:
            click.echo("\n".join(_explain(index, query, answer.offset)), err=True)
    finally:
        index.close()
    return 0 if found else _NOTHING_FOUND


@dataclass(frozen=True, slots=True)
class _Answer:
    """How the photos are to be listed: the options of the same names."""

    limit: int | None
    offset: int
    sort: Sort
    paths: bool
    as_json: bool
    as_csv: bool
    null: bool
    copy_to: Path | None
    link_to: Path | None
    opened: bool
    count_only: bool
    thumbnails: bool
    pager: bool

    def __post_init__(self) -> None:
        if self.paths + self.as_json + self.as_csv + self.null > 1:
            raise click.UsageError("only one of --paths, --json, --csv and --null can be had")
        handed_over = (self.copy_to is not None) + (self.link_to is not None) + self.opened
        if handed_over > 1:
            raise click.UsageError("only one of --copy-to, --link-to and --open can be had")
        if handed_over and (self.count_only or self.as_json or self.as_csv or self.paths or self.null):
            raise click.UsageError("--copy-to, --link-to and --open list nothing: leave --count, --json and such out")
        if self.thumbnails and not self.people:
            raise click.UsageError(
                "--thumbnails are for a terminal, and go with none of --paths, --json, --csv, --null"
            )

    @property
    def album(self) -> Path | None:
        """The folder that is to hold the photos."""
        return self.copy_to if self.copy_to is not None else self.link_to

    @property
    def people(self) -> bool:
        """Whether it is read by people, and not by a program."""
        return sys.stdout.isatty() and not (self.paths or self.as_json or self.as_csv or self.null)


def _begin(argument: str) -> str:
    """The minus and the field that a word begins with; may be empty."""
    match = _BEGIN.match(argument)
    return match[0] if match else ""


def _show(index: Search, query: str, answer: _Answer, timeout_s: float) -> int:
    """Print the photos found; how many they are."""
    most = _SHOWN if answer.limit is None and answer.people else answer.limit or None
    hits = _Counted(index.search(query, None if most is None else most + 1, answer.offset, answer.sort))
    some = islice(hits, most)
    if answer.thumbnails:
        page(with_pictures(some, timeout_s), paged=False)
    elif answer.people:
        page(lines_of(some), paged=answer.pager)
    elif answer.as_csv:
        _print_table(some)
    else:
        for hit in some:
            _print(hit, answer)
    sys.stdout.flush()
    found = hits.count
    if answer.people and found == most and next(hits, None):
        click.echo(f"there are more than these {most}: --limit 0 shows all", err=True)
    return found


class _Counted(Iterator[Hit]):
    """A stream of photos that knows how many have been taken from it."""

    def __init__(self, hits: Iterable[Hit]) -> None:
        self._hits = iter(hits)
        self.count = 0

    def __next__(self) -> Hit:
        hit = next(self._hits)
        self.count += 1
        return hit


def _hand_over(index: Search, query: str, answer: _Answer) -> int:
    """Open the photos found, or put them into an album; the exit code."""
    most = _OPENED if answer.opened and answer.limit is None else answer.limit or None
    paths = (hit.path for hit in index.search(query, most, answer.offset, answer.sort))
    done = failed = 0
    if answer.album is None:
        for path in paths:
            done += 1
            if click.launch(path):
                raise PhotoTagError(f"{shown(path)}: this system has no viewer that can be started")
        told = f"opened {counted(done, 'photo')}"
    else:
        for path, error in fill_album(answer.album, paths, copy=answer.copy_to is not None):
            done += error is None
            if error is not None:
                failed += 1
                click.echo(f"phototag: {shown(path)}: {error.strerror or error}", err=True)
        told = f"{counted(done, 'photo')} in {shown(str(answer.album))}"
    if not done and not failed:
        click.echo("\n".join(_explain(index, query, answer.offset)), err=True)
        return _NOTHING_FOUND
    click.echo(told, err=True)
    return int(failed > 0)


def as_query(arguments: Sequence[str]) -> str:
    """Put the shell's arguments together again.

    The shell takes quotes away: an argument of several plain words was quoted, and is a phrase. One that holds quotes,
    parentheses, operators or a `-word` of its own is a query as it stands.
    """
    return " ".join(map(_quoted, arguments))


def _quoted(argument: str) -> str:
    begin = _begin(argument)
    value = argument.removeprefix(begin).strip()
    words = value.split()
    plain = not any(c in argument for c in '"()*') and not any(w in _OPERATORS or _begin(w) for w in words)
    field = begin.strip("-:").lower()
    return f'{begin}"{value}"' if len(words) > 1 and plain and takes(field, value) else argument


def _print(hit: Hit, answer: _Answer) -> None:
    if answer.as_json:  # bytes of a path that are not UTF-8 come as "\udc80" to "\udcff", as Python reads them back
        line = {"path": hit.path, "score": rounded(hit.score), "tags": hit.tags, "taken": hit.taken}
        print(json.dumps(line))
    else:
        write_path(hit.path, b"\0" if answer.null else b"\n")


def _print_table(hits: Iterable[Hit]) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    for number, hit in enumerate(hits):
        if not number:
            table.writerow(("path", "score", "tags", "taken"))
        table.writerow((hit.path, rounded(hit.score), ", ".join(hit.tags), hit.taken or ""))


def _explain(index: Search, query: str, offset: int) -> Iterator[str]:
    """Why nothing was found, as far as the words tell."""
    if offset and (there := index.count(query)):
        yield f"nothing found behind the first {offset:,}: there are {there:,}"
        return
    unknown = index.suggest(query)
    if not unknown:
        yield "nothing found: no photo has all of this"
    for word, near in unknown.items():
        hint = f"perhaps {' or '.join(map(shown, near))}?" if near else "`phototag tags` lists the words there are"
        yield f"nothing found: no photo has {shown(word)!r}; {_operator_meant(word) or hint}"
    for fact in facts_of(parse(query)):
        if fact.field in ("name", "folder", "path", "ext") and "*" in fact.text:
            yield f"{fact.field}: takes * for itself; leave it out to find what begins, ends or goes on otherwise"


def _operator_meant(word: str) -> str:
    """What to write instead, where a word looks like an operator of another program's; else empty."""
    return next((_OPERATORS_ELSEWHERE[w] for w in word.lower().split() if w in _OPERATORS_ELSEWHERE), "")
