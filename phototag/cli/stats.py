"""`phototag stats`: the index in, its photos, words, failures and scans in figures out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from phototag.cli import settings_of
from phototag.cli.text import counted, shown
from phototag.index import Month, Past, Statistics, open_index
from phototag.index.care import disk_bytes

_MONTHS_SHOWN = 12


@click.command("stats", short_help="Show the index in figures: photos, words, failures, scans.")
@click.option("--json", "as_json", is_flag=True, help="One object of JSON; with --by-month one a month, a line each.")
@click.option(
    "--by-month", is_flag=True, help="The photos of each month in which some were taken, and how many are tagged."
)
@click.pass_context
def command(ctx: click.Context, /, *, as_json: bool, by_month: bool) -> None:
    """Show the index in figures: photos, words, space, failures by reason, and what scans did month by month.

    With --by-month: how many photos were taken in each month, and how many of them have words of phototag's or yours.
    """
    settings = settings_of(ctx)
    index = open_index(settings.index, readonly=True)
    try:
        if by_month:
            _show_months(index.months(), as_json)
            return
        figures, months = index.statistics(), _by_month(index.scans())
    finally:
        index.close()
    size = disk_bytes(settings.index, settings.beside)
    if as_json:
        print(json.dumps({**asdict(figures), "index_bytes": size, "months": months}, ensure_ascii=False))
    else:
        print("\n".join(_lines(figures, size, months)))


def _show_months(months: Iterable[Month], as_json: bool) -> None:
    """A line for each month in which photos were taken."""
    if not as_json:
        print(f"{'month':<8}{'photos':>10}{'tagged':>10}{'mine':>10}")
    for month in months:
        if as_json:
            print(json.dumps(asdict(month)))
        else:
            print(f"{month.month:<8}{month.photos:>10,}{month.tagged:>10,}{month.mine:>10,}")


def _by_month(scans: Iterable[Past]) -> dict[str, dict[str, Any]]:
    """What scans did, by month, the latest first."""
    months: dict[str, dict[str, Any]] = {}
    for scan in scans:
        month = months.setdefault(
            scan.started[:7], {"scans": 0, "looked_at": 0, "tagged": 0, "failed": 0, "seconds": 0.0}
        )
        month["scans"] += 1
        month["looked_at"] += scan.looked_at
        month["tagged"] += scan.counts.get("tagged", 0)
        month["failed"] += scan.counts.get("failed", 0)
        month["seconds"] = round(month["seconds"] + scan.seconds, 1)
    return months


def _lines(figures: Statistics, size: int, months: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    each = f", {size / figures.photos:,.0f} bytes a photo" if figures.photos else ""
    yield f"{counted(figures.photos, 'photo')}, {figures.photo_bytes / 1e9:,.1f} GB"
    yield f"{figures.tagged:>9,} with words of phototag's ({counted(figures.words, 'different word')})"
    reasons = f" ({_listed(figures.reasons)})" if figures.reasons else ""
    yield f"{figures.failed:>9,} failed{reasons}"
    yield f"{figures.own_words:>9,} different keywords of your own"
    yield f"formats: {_listed(figures.formats) or 'none'}"
    yield f"where words stand: {_listed(figures.places) or 'nowhere'}"
    yield f"the index takes {size / 1e6:,.1f} MB{each}"
    for month, did in [*months.items()][:_MONTHS_SHOWN]:
        rate = f", {did['looked_at'] / did['seconds']:,.1f} a second" if did["seconds"] and did["looked_at"] else ""
        yield (
            f"{month}: {counted(did['scans'], 'scan')}, {counted(did['looked_at'], 'photo')} looked at{rate}, "
            f"{did['tagged']:,} tagged, {did['failed']:,} failed"
        )


def _listed(counts: Mapping[str, int]) -> str:
    """Counts, the most first; empty where there are none."""
    return ", ".join(f"{number:,} {shown(name)}" for name, number in counts.items())
