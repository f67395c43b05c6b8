"""The index in a file and on a PostgreSQL server, side by side: the same library in, the same questions, a table out.

    python bench/server.py [PHOTOS] [--url URL]

The library and the questions are those of `search.py`; both remember it batch by batch in turn. Without `--url`, which
names an empty database or schema, the tests' own server is started in a temporary folder: it syncs nothing, so that
only commits are quicker than elsewhere. Before it is asked it is told to look how large its tables have become
(ANALYZE), which it does by itself within a minute.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
from search import PER_FOLDER, library, timed

from phototag.index import Index, open_index
from phototag.index.care import disk_bytes
from phototag.records import Place, Server, Tagged
from tests.clusters import empty_schema, running_server

QUESTIONS = ["dog", "dog beach", '"hot dog"', "beac*", "-dog", "path:/photos/2010", "name:img_0012", "size:>5"]
ROUNDS = 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", nargs="?", type=int, default=20_000)
    parser.add_argument("--url")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = given.url or stack.enter_context(empty_schema(stack.enter_context(running_server())))
        places: list[Place] = [folder / "index.sqlite", Server(url)]
        figures = fill(places, given.photos)
        for place, figure in zip(places, figures, strict=True):
            figure.update(measure(place, given.photos, folder / "beside"))
    print(f"{'':<34}{'file':>12}{'server':>12}{'times':>8}")
    for name, one in figures[0].items():
        other = figures[1][name]
        print(f"{name:<34}{one:>12,.1f}{other:>12,.1f}{other / one:>8.1f}")


def fill(places: Sequence[Place], photos: int) -> list[dict[str, float]]:
    """Batch by batch in turn, so that whatever else the machine does slows all of them."""
    batches = list(library(photos))
    figures: list[dict[str, float]] = [{} for _ in places]
    with ExitStack() as stack:
        indexes = [stack.enter_context(closing(open_index(place))) for place in places]
        for again in ("", " again"):
            seconds = [0.0] * len(places)
            for batch in batches:
                for at, index in enumerate(indexes):
                    seconds[at] += spent(index, batch)
            for figure, took in zip(figures, seconds, strict=True):
                figure[f"remembered{again}, photos/s"] = photos / took
    return figures


def measure(place: Place, photos: int, beside: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    if isinstance(place, Server):
        with psycopg.connect(place.url.replace("+psycopg", "")) as connection:
            connection.execute("ANALYZE")
    if isinstance(place, Path):
        found["bytes a photo"] = place.stat().st_size / photos
    else:
        found["bytes a photo"] = disk_bytes(place, beside) / photos
    with closing(open_index(place, readonly=True)) as index:
        known = timed(lambda: index.known_in("/photos/2005/01-01 Home 1", "bench"), ROUNDS)
        found["known_in, us a photo"] = known / PER_FOLDER * 1e6
        for question in QUESTIONS:
            best = timed(lambda: list(index.search(question, 50)), ROUNDS)  # noqa: B023 - called at once
            found[f"{question}, best 50, ms"] = best * 1e3
            found[f"{question}, count, ms"] = timed(lambda: index.count(question), ROUNDS) * 1e3  # noqa: B023
    return found


def spent(index: Index, batch: Sequence[Tagged]) -> float:
    start = time.perf_counter()
    index.remember(batch, "bench", "0" * 64)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
