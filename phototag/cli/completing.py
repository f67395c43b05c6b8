"""The beginning of a search word in, the words that it may become out: fields, their values and the index's tags."""

import re
from typing import TYPE_CHECKING

import click

from phototag.errors import PhotoTagError
from phototag.index import open_search
from phototag.index.fields import FIELD_VALUES, WORD_FIELDS
from phototag.settings import load_settings

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_BEGIN = re.compile(r'(-?)(?:([A-Za-z]+):)?(=?)"?')
_TO_QUOTE = re.compile(r"""[\s'"\\$`!*?()<>|&;#~=\[\]{}:]|^-""")
_MOST = 50


def complete_query(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """What the word that is being typed may become; nothing where there is no index."""
    from click.shell_completion import CompletionItem

    match = _BEGIN.match(incomplete)
    assert match is not None
    minus, field, equals, begin = match[1], (match[2] or "").lower(), match[3], incomplete[match.end() :]
    if FIELD_VALUES.get(field):
        found = [f"{field}:{value}" for value in FIELD_VALUES[field] if value.startswith(begin.lower())]
    else:
        found = []
        if not field and not equals:
            found += [f"{name}:" for name in FIELD_VALUES if begin and name.startswith(begin.lower())]
        if begin and field in ("", *WORD_FIELDS):
            lead = (f"{field}:" if field else "") + equals
            found += [lead + (f'"{word}"' if " " in word else word) for word in _words(ctx, begin)]
    return [CompletionItem(minus + text) for text in found]


def _words(ctx: click.Context, begin: str) -> list[str]:
    """Tags that begin so. Those that a shell or a query would read as something else are left to be typed by hand."""
    given = ctx.find_root().params
    try:
        settings = load_settings(config=given.get("config"), index=given.get("index"))
        index = open_search(settings.index)
        try:
            words = index.words(begin, _MOST)
        finally:
            index.close()
    except PhotoTagError:
        return []
    return [word for word in words if not _TO_QUOTE.search(word.replace(" ", "")) and word not in ("OR", "AND")]
