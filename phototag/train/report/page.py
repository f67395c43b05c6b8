"""A title and sections in, a whole page of HTML out, with its style inside; and the small parts all pages are made of.

The page forbids itself to load anything (Content-Security-Policy), reads well on a phone, in the dark and on paper, and
holds no script: what folds is `<details>`.
"""

import os
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f5f6f8; --line: #d9dde3; --text: #1c2127; --soft: #59636e;
  --first: #1f6fc4; --second: #b4521b; --good: #1d7a46; --bad: #b3261e; --cell: 31 111 196; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1e2327; --line: #3a4148; --text: #e6e9ec;
  --soft: #a3adb8; --first: #6cb0f5; --second: #f0a070; --good: #6fcf97; --bad: #ff8a80; --cell: 108 176 245; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.25rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; padding-top: .7rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p, li { max-width: 46rem; }
p { margin: .4rem 0; }
.soft, figcaption, caption, dt { color: var(--soft); }
.small, figcaption, caption { font-size: .85rem; }
.path { overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; padding: 0;
  margin: 1rem 0; list-style: none; }
.tiles li { background: var(--raised); border-radius: .6rem; padding: .7rem .9rem; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--soft); font-size: .85rem; vertical-align: bottom; }
.matrix th, .matrix td { padding: .25rem .45rem; }
.matrix thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
.matrix thead th:first-child { writing-mode: horizontal-tb; transform: none; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .9rem; }
figure { margin: 0; }
figure img, .gone { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: .5rem; display: block;
  background: var(--raised); }
.gone { display: grid; place-items: center; color: var(--soft); font-size: .85rem; text-align: center; padding: .5rem; }
figcaption b { color: var(--text); }
.wrong { color: var(--bad); } .right { color: var(--good); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1.2rem; }
.charts > * { max-width: 28rem; }
.charts.many { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
svg { width: 100%; height: auto; display: block; overflow: visible; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.axis { stroke: var(--line); fill: none; } .guide { stroke: var(--soft); stroke-dasharray: 3 3; fill: none; }
.first { stroke: var(--first); } .second { stroke: var(--second); }
.line { fill: none; stroke-width: 2; } .dot { stroke: none; } .dot.first { fill: var(--first); }
.dot.second { fill: var(--second); }
.key { margin-right: 1rem; }
.key::before { content: ""; display: inline-block; width: 1.1em; height: .22em; margin-right: .35em;
  vertical-align: middle; background: var(--first); }
.key.other::before { background: var(--second); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; }
footer { margin: 2.5rem 0 1rem; }
@media (max-width: 32rem) { body { padding: .8rem; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  .photos { grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); } th, td { padding: .3rem .4rem; } }
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: plain text.
        parts: HTML, in order.
    """
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">",
            f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{text(title)}</h1>",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def text(said: str) -> str:
    """Plain text as HTML; control characters, and bytes of a file's name that are not UTF-8, are spelled out."""
    readable = os.fsencode(said).decode("utf-8", "backslashreplace")
    return escape("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in readable))


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it."""
    return "\n".join([f"<section>\n<h2>{text(title)}</h2>", *parts, "</section>"])


def paragraph(said: str, kind: str = "") -> str:
    """A paragraph of plain text; `kind` is a class of the style."""
    return f'<p class="{kind}">{text(said)}</p>' if kind else f"<p>{text(said)}</p>"


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """The figures that count most, large: number and what it means."""
    return '<ul class="tiles">' + "".join(f"<li><b>{text(n)}</b> {text(what)}</li>" for n, what in figures) + "</ul>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> str:
    """A table of plain text; the first cell of each row is its heading."""
    lines = ['<div class="scroll" tabindex="0">\n<table>']
    if caption:
        lines.append(f"<caption>{text(caption)}</caption>")
    lines.append(
        "<thead><tr>" + "".join(f'<th scope="col">{text(cell)}</th>' for cell in head) + "</tr></thead>\n<tbody>"
    )
    for row in rows:
        cells = "".join(f"<td>{text(cell)}</td>" for cell in row[1:])
        lines.append(f'<tr><th scope="row">{text(row[0])}</th>{cells}</tr>')
    return "\n".join([*lines, "</tbody>\n</table>\n</div>"])


def photo(picture: str | None, about: str, caption: str) -> str:
    """A photo with its caption.

    Args:
        picture: a `data:` address; None where the photo cannot be shown.
        about: what a screen reader says in its place, plain text.
        caption: HTML.
    """
    shown = (
        f'<img src="{picture}" alt="{text(about)}" loading="lazy">' if picture else '<div class="gone">no picture</div>'
    )
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def photos(figures: Iterable[str]) -> str:
    """Photos side by side, as many as fit."""
    return '<div class="photos">\n' + "\n".join(figures) + "\n</div>"


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what they stand for, plain text."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs) + "</dl>"
