"""Events of a scan in, its summary for people and for programs out."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from phototag.cli.text import counted, shown
from phototag.index import Past
from phototag.records import Event, Failed, Forgotten, Missing, Stopped, Tagged, Unchanged, Waiting

_FAILURES_LISTED = 10_000  # bounds the memory of a run on a disk where nothing can be read
_PLACES = {"photo": "in the photo", "sidecar": "in a sidecar", "index": "in the index only"}


@dataclass(frozen=True, slots=True)
class Way:
    """How a run worked.

    Attributes:
        workers: threads that decode, and as many that write.
        device: "cpu" or "gpu"; None: nothing was new, and no network needed.
        batch_size: photos that the network took at once in the end.
        queue: the most photos that were on their way to it at a time.
    """

    workers: int
    device: str | None = None
    batch_size: int | None = None
    queue: int | None = None

    def as_line(self) -> str:
        """The way for a log."""
        if self.device is None:
            return f"{self.workers} threads, no network needed"
        return f"{self.workers} threads, {self.device}, batches of {self.batch_size}, up to {self.queue} decoded ahead"


@dataclass(slots=True)
class Report:
    """Counts of a run, and what went wrong in it."""

    dry_run: bool
    places: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    none_of_these: int = 0
    written: int = 0
    unchanged: int = 0
    failed_before: int = 0
    failed: int = 0
    forgotten: int = 0
    waiting: int = 0
    stopped: str | None = None
    way: Way | None = None
    started: float = field(default_factory=time.monotonic)

    def add(self, event: Event) -> None:
        """Count an event of the scan."""
        match event:
            case Tagged():
                if event.decided.tags:
                    self.places[event.where] += 1
                else:
                    self.none_of_these += 1
                self.written += event.changed
                if event.note and event.decided.tags:
                    self.notes[event.note.split(":")[0]] += 1
                self.words.update(tag.word for tag in event.decided.tags)
            case Failed():
                self.failed += 1
                self.reasons[event.reason] += 1
                self._complain(
                    f"{shown(event.ref.path)}: {event.reason}" + (f": {event.detail}" if event.detail else "")
                )
            case Unchanged():
                self.unchanged += event.count
                self.failed_before += event.failed_before
            case Forgotten():
                self.forgotten += event.count
            case Waiting():
                self.waiting += 1
            case Stopped():
                self.stopped = event.bound
            case Missing():
                count = counted(event.count, "known photo")
                self._complain(
                    f"{shown(event.folder)}: missing or empty, but holds {count}: left alone; is it mounted?"
                )

    def _complain(self, line: str) -> None:
        if len(self.wrong) < _FAILURES_LISTED:
            self.wrong.append(line)
        elif len(self.wrong) == _FAILURES_LISTED:
            self.wrong.append("more failed; the rest is not listed")

    @property
    def seen(self) -> int:
        """How many photos the walk came upon."""
        return sum(self.places.values()) + self.none_of_these + self.unchanged + self.failed + self.waiting

    def as_dict(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            "seen": self.seen,
            "tagged": sum(self.places.values()),
            "tagged_in": dict(self.places),
            "none_of_these": self.none_of_these,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "failed_before": self.failed_before,
            "reasons": dict(self.reasons),
            "not_written_inside": dict(self.notes),
            "files_written": 0 if self.dry_run else self.written,
            "forgotten": self.forgotten,
            "waiting": self.waiting,
            "stopped": self.stopped,
            "seconds": round(time.monotonic() - self.started, 2),
            "dry_run": self.dry_run,
            **({} if self.way is None else asdict(self.way)),
        }

    def as_past(self, model: str, folders: Sequence[str], started: datetime) -> Past:
        """The summary for the index."""
        summary = self.as_dict()
        return Past(
            model=model,
            folders=tuple(map(os.path.abspath, folders)),
            started=started.isoformat(timespec="seconds"),
            seconds=summary["seconds"],
            counts={name: value for name, value in summary.items() if type(value) is int},
            reasons=summary["reasons"],
            stopped=self.stopped,
        )

    def as_line(self) -> str:
        """The summary for a log."""
        tagged, seconds = sum(self.places.values()), time.monotonic() - self.started
        stopped = f"; stopped by --max-{self.stopped}" if self.stopped else ""
        return (
            f"{self.seen:,} seen in {seconds:.1f} s: {tagged:,} tagged, {self.none_of_these:,} none of these, "
            f"{self.unchanged:,} unchanged, {self.failed:,} failed, {self.waiting:,} still being written{stopped}"
            + (f"; {self.way.as_line()}" if self.way else "")
        )

    def as_text(self) -> str:
        """The summary for people."""
        seconds = time.monotonic() - self.started
        tagged = sum(self.places.values())
        would = "would be tagged" if self.dry_run else "tagged"
        places = ", ".join(f"{self.places[key]:,} {name}" for key, name in _PLACES.items() if self.places[key])
        common = ", ".join(f"{word} {count:,}" for word, count in self.words.most_common(8))
        looked = self.seen - self.unchanged
        lines = [
            f"{counted(self.seen, 'photo')} seen in {seconds:.1f} s"
            + (f", {looked / seconds:.0f} looked at a second" if looked else ""),
            f"{tagged:>9,} {would}" + (f" ({places})" if places else ""),
            f"{self.none_of_these:>9,} none of these",
            f"{self.unchanged:>9,} unchanged"
            + (f" ({self.failed_before:,} of them failed before)" if self.failed_before else ""),
            f"{self.failed:>9,} failed"
            + (f" ({', '.join(f'{n:,} {reason}' for reason, n in self.reasons.most_common())})" if self.failed else ""),
        ]
        if self.notes:
            why = ", ".join(f"{count:,} {note}" for note, count in self.notes.most_common())
            lines.insert(2, f"          not written inside: {why}")
        if self.forgotten:
            lines.append(f"{self.forgotten:>9,} no longer there, forgotten")
        if self.waiting:
            lines.append(f"{self.waiting:>9,} still being written by somebody, left to the next scan")
        if self.stopped:
            lines.append(f"stopped by --max-{self.stopped}, as asked: the next scan goes on")
        if common:
            lines.append(f"most frequent: {common}")
        return "\n".join(lines + self.wrong)
