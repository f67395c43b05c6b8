"""`phototag runs`: the index in, what was done to the photos out."""

import json
from dataclasses import asdict

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.index import open_index
from phototag.index.journal import Run


@click.command("runs", short_help="List what was done to the photos, run by run.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each run.")
@click.pass_context
def command(ctx: click.Context, /, *, as_json: bool) -> None:
    """List the runs that wrote into photos, the latest first: scans, and what `phototag undo` and `untag` did.

    A run that changed nothing is not listed. `phototag undo NUMBER` takes one back.
    """
    index = open_index(settings_of(ctx).index, readonly=True)
    try:
        for run in index.runs():
            print(json.dumps(asdict(run), ensure_ascii=False) if as_json else _as_text(run))
    finally:
        index.close()


def described(run: Run) -> str:
    """A run in a few words: "run 3 (scan with imagenet, 2026-11-22 03:12)"."""
    what = f"{run.kind} with {shown(run.model)}" if run.model else run.kind
    return f"run {run.number} ({what}, {_when(run.started)})"


def _as_text(run: Run) -> str:
    what = f"undo of run {run.undoes}" if run.undoes is not None else f"{run.kind} {shown(run.model)}".rstrip()
    places = (
        counted(run.photos, "photo") if run.photos else "",
        counted(run.sidecars, "sidecar") if run.sidecars else "",
        f"{run.others:,} in the index only" if run.others else "",
    )
    folders = ", ".join(map(shown, run.folders)) or "the whole index"
    parts = (what, ", ".join(filter(None, places)), _state(run), folders)
    return f"{run.number:>5}  {_when(run.started)}  {'; '.join(filter(None, parts))}"


def _state(run: Run) -> str:
    if run.undone_by is not None:
        left = f", but for {counted(run.left, 'file')}" if run.left else ""
        return f"undone by run {run.undone_by}{left}"
    every = run.photos + run.sidecars + run.others
    if run.left < every:
        return f"{every - run.left:,} of them undone"
    return "" if run.finished else "cut short, or at work"


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")
