"""`phototag runs`: the index in, what was done to the photos out."""

import json
from dataclasses import asdict

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.index import Past, open_index
from phototag.index.journal import Run


@click.command("runs", short_help="List what was done to the photos, run by run.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each run.")
@click.option("--all", "every", is_flag=True, help="List scans too that changed nothing.")
@click.pass_context
def command(ctx: click.Context, /, *, as_json: bool, every: bool) -> None:
    """List the runs that wrote into photos, the latest first: scans, retags, and what `undo` and `untag` did.

    With each scan stands what it came upon. One that changed nothing is listed with --all alone. `phototag undo NUMBER`
    takes a run back.
    """
    index = open_index(settings_of(ctx).index, readonly=True)
    try:
        scans = list(index.scans())[::-1]
        of_run = {scan.run: (place, scan) for place, scan in enumerate(scans) if scan.run is not None}
        listed: list[tuple[str, int, Run | None, Past | None]] = []  # of one second, the later scan is the later one
        for run in index.runs():
            place, scan = of_run.get(run.number, (-1, None))
            listed.append((run.started, place, run, scan))
        if every:
            listed += [(scan.started, place, None, scan) for place, scan in enumerate(scans) if scan.run is None]
        for _, _, one, found in sorted(listed, key=lambda entry: entry[:2], reverse=True):
            print(_as_json(one, found) if as_json else _as_text(one, found))
    finally:
        index.close()


def described(run: Run) -> str:
    """A run in a few words: "run 3 (scan with imagenet, 2026-11-22 03:12)"."""
    what = f"{run.kind} with {shown(run.model)}" if run.model else run.kind
    return f"run {run.number} ({what}, {_when(run.started)})"


def _as_json(run: Run | None, scan: Past | None) -> str:
    entry = {} if run is None else asdict(run)
    if scan is not None:
        entry["scan"] = asdict(scan)
    return json.dumps(entry, ensure_ascii=False)


def _as_text(run: Run | None, scan: Past | None) -> str:
    lines = [] if run is None else [_described_at_length(run)]
    if scan is not None:
        if run is None:
            folders = ", ".join(map(shown, scan.folders))
            lines.append(f"    -  {_when(scan.started)}  scan {shown(scan.model)}; changed nothing; {folders}")
        lines.append(f"       {_found(scan)}")
    return "\n".join(lines)


def _found(scan: Past) -> str:
    """What a scan came upon, in a line."""
    looked = scan.looked_at
    parts = [f"{scan.counts.get('seen', 0):,} seen in {scan.seconds:,.0f} s"]
    if looked:
        parts.append(f"{looked:,} looked at, {looked / max(scan.seconds, 0.01):,.0f} a second")
    reasons = ", ".join(f"{number:,} {shown(reason)}" for reason, number in scan.reasons.items())
    if reasons:
        parts.append(f"{scan.counts.get('failed', 0):,} failed ({reasons})")
    if "batch_size" in scan.counts:
        parts.append(f"{scan.counts['workers']} threads, batches of {scan.counts['batch_size']}")
    if scan.stopped:
        parts.append(f"stopped by --max-{scan.stopped}")
    return "; ".join(parts)


def _described_at_length(run: Run) -> str:
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
    if run.forgotten:
        return "can no longer be taken back"
    if run.undone_by is not None:
        left = f", but for {counted(run.left, 'file')}" if run.left else ""
        return f"undone by run {run.undone_by}{left}"
    every = run.photos + run.sidecars + run.others
    if run.left < every:
        return f"{every - run.left:,} of them undone"
    return "" if run.finished else "cut short, or at work"


def _when(moment: str) -> str:
    return moment[:16].replace("T", " ")
