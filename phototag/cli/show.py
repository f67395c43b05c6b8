"""`phototag show`: a photo in, all that the index knows of it and what its file holds now out."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from phototag.cli import settings_of
from phototag.cli.text import rounded, shown
from phototag.errors import PhotoError
from phototag.index import Entry, Verdict, is_there, open_index
from phototag.metadata import Held, open_writer
from phototag.records import Tag

_NOT_KNOWN = 1
_PLACES = {"photo": "in the photo", "sidecar": "in its sidecar", "index": "in the index alone"}


@click.command("show", short_help="Show all that is known of one photo.")
@click.argument("photo", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(ctx: click.Context, /, *, photo: str, as_json: bool) -> int:
    """Show all that is known of one photo: its tags with their scores, who gave them and where they stand.

    Beside what the index remembers it reads what the photo's file and its sidecar hold now.

    Exit code: 0 the photo is in the index, 1 it is not.
    """
    path = os.path.abspath(photo)
    entry = _entry(ctx, path)
    held = _held(path)
    if as_json:
        print(json.dumps(_as_dict(path, entry, held)))
    else:
        print("\n".join((shown(path), *_of_entry(entry), *_of_file(held))))
    return _NOT_KNOWN if entry is None else 0


def _entry(ctx: click.Context, path: str) -> Entry | None:
    place = settings_of(ctx).index
    if not is_there(place):  # nothing was scanned yet; the photo's file can be shown all the same
        return None
    index = open_index(place, readonly=True)
    try:
        return index.entry(path) or index.entry(os.path.realpath(path))
    finally:
        index.close()


def _held(path: str) -> Held | PhotoError:
    try:
        return open_writer().read(path)
    except PhotoError as exc:
        return exc


def _of_entry(entry: Entry | None) -> Iterator[str]:
    if entry is None:
        yield "  not in the index: `phototag scan` its folder first"
        return
    if entry.facts is not None:
        facts = entry.facts
        seen = (facts.format, f"{facts.width} x {facts.height}", facts.taken, facts.camera, facts.lens)
        yield "  " + ", ".join(shown(part) for part in seen if part)
        if facts.place is not None:
            yield "  taken at {:.6f},{:.6f}: `phototag search near:` takes these".format(*facts.place)
    if entry.failure is not None:
        yield f"  could not be handled: {shown(entry.failure)}"
    for verdict in entry.verdicts:
        yield from _of_verdict(verdict)
    if entry.keywords:
        yield f"  your keywords: {_words(entry.keywords)}"
    if entry.rejected:
        yield f"  taken out by you, not written again: {_words(entry.rejected)}"


def _of_verdict(verdict: Verdict) -> Iterator[str]:
    where = _PLACES[verdict.where] if verdict.tags else "none of its words"
    distance = "" if verdict.distance is None else f", distance {verdict.distance:.3f}"
    yield f"  {shown(verdict.model)}, {verdict.decided_at[:10]}: {where}{distance}"
    yield from (f"    {tag.score:4.2f}  {_with_broader(tag)}" for tag in verdict.tags)
    said = {tag.word for tag in verdict.tags}
    others = [f"{shown(tag.word)} {tag.score:.2f}" for tag in verdict.guesses if tag.word not in said]
    if others:
        yield f"    not sure enough: {', '.join(others)}"
    if verdict.note:
        yield f"    {shown(verdict.note)}"


def _of_file(held: Held | PhotoError) -> Iterator[str]:
    if isinstance(held, PhotoError):
        yield f"  the file: {shown(str(held))}"
        return
    yield f"  the file holds: {_words(held.photo) or 'no keywords'}"
    if held.sidecar_path is not None:
        yield f"  {shown(os.path.basename(held.sidecar_path))} holds: {_words(held.sidecar) or 'no keywords'}"


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(map(shown, words))


def _with_broader(tag: Tag) -> str:
    return " > ".join(map(shown, (*tag.broader, tag.word)))


def _as_dict(path: str, entry: Entry | None, held: Held | PhotoError) -> dict[str, Any]:
    in_file = {"error": str(held)} if isinstance(held, PhotoError) else asdict(held)
    in_file.pop("picture", None)  # which tells pictures apart, and tells people nothing
    if entry is None:
        return {"path": path, "known": False, "file": in_file}
    return {
        "path": entry.ref.path,
        "known": True,
        "size_bytes": entry.ref.size_bytes,
        "content_hash": entry.content_hash.hex() if entry.content_hash else None,
        "facts": asdict(entry.facts) if entry.facts else None,
        "failure": entry.failure,
        "verdicts": [_verdict_as_dict(verdict) for verdict in entry.verdicts],
        "keywords": entry.keywords,
        "rejected": entry.rejected,
        "file": in_file,
    }


def _verdict_as_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        "model": verdict.model,
        "where": verdict.where,
        "decided_at": verdict.decided_at,
        "distance": rounded(verdict.distance),
        "tags": [asdict(tag) for tag in verdict.tags],
        "guesses": [asdict(tag) for tag in verdict.guesses],
        "note": verdict.note,
    }
