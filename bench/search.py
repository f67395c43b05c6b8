"""How fast the index remembers, and how fast it answers: a synthetic library in, a table of figures out.

    python bench/search.py [PHOTOS] [--keep FOLDER] [--processor]

Words follow Zipf's law (the n-th most frequent word is on 1/n as many photos as the first); each photo has three of
2,000 with one or two broader ones of 60. Photos are in folders of 200, one for each of so many days from 2005 on; a
folder's photos come from one of 25 cameras, mostly, and were taken within a few hundred metres of one of 500 places
around the world, but for one photo in five, which has no place. They are remembered
in batches of 8,192, a block of the index; a scan's are smaller, and wait for its decoder.
One photo in ten has a keyword of its owner's, who
names trips; one in fifty has the bytes of others. With `--keep` the index is built once there and used again;
`--processor` measures the processor's time instead of the clock's, which says more where others are at work.

Beside it, as the floor, stand the same questions put to FTS5 by the sqlite3 module, in two ways. "Any 50" are the
numbers of the first fifty photos that it comes upon, with nothing said of them. "FTS5" gives what phototag gives, path,
words, score and day of the fifty surest, by the score of each word in a table beside it, which is what somebody would
have to write. The counts are the same question to both. And as what people do without an index: `grep` over sidecars
and `exiftool -if` over the same ones, 10,000 of them, extrapolated to as many photos.
"""

import argparse
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from phototag.index import Index, open_index
from phototag.records import Decided, Facts, PhotoRef, Tag, Tagged

WORDS, BROADER, BATCH, PER_FOLDER, ROUNDS = 2_000, 60, 8_192, 200, 20
MAKERS = ["Canon EOS", "Nikon Z", "Sony Alpha", "Fujifilm X", "Apple iPhone"]
CAMERAS = [f"{maker} {n}" for n in range(1, 6) for maker in MAKERS]
SIZES = [(4000, 3000), (6000, 4000), (3024, 4032), (8256, 5504), (1920, 1080)]
LENSES = ["EF50mm f/1.8 STM", "RF24-70mm F2.8 L", "NIKKOR Z 35mm", None]
PLACES = ["Italy", "Home", "Alps", "Berlin", "Sea", "Work", "Party", "Garden"]
NAMED = ["dog", "beach", "cat", "tree", "car", "hot dog", "animal dog", "beacon"]
FLOOR = {
    "dog": "dog",
    "animal": "animal",
    "dog beach": "dog AND beach",
    "dog -beach": "dog NOT beach",
    "dog OR beach": "dog OR beach",
    '"hot dog"': '"hot dog"',
    "(dog OR cat) animal -tree": "((dog OR cat) AND animal) NOT tree",
    "beac*": "beac*",
}
"""Queries that plain FTS5 can answer, in its language."""

FORMS = [
    "-dog", "=dog", "tag:dog", "keyword:trip", "by:me", "path:/photos/2010", "folder:italy", "name:img_0012",
    "ext:cr3", "name:img", "camera:canon", "lens:50mm", "near:48.85,2.35,10km", "near:48.85,2.35,1000km",
    "date:last-year", "date:2010", "date:2010-07..2010-08", "width:>4000", "height:..3000", "size:>5",
    "dog score:>0.8", "model:bench", "is:untagged", "is:tagged", "is:failed", "is:missing", "is:duplicate",
    "is:unsure", "dog date:2010 folder:italy",
]  # fmt: skip
"""Further documented forms."""

SIDECARS = 10_000
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag>{}</rdf:Bag>'
    "</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", nargs="?", type=int, default=200_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--processor", action="store_true", help="measure the processor's time, not the clock's")
    given = parser.parse_args()
    if given.processor:
        Clock.now = staticmethod(of_processor)
    with tempfile.TemporaryDirectory() as folder:
        kept = given.keep or Path(folder)
        path, floor = kept / f"index-{given.photos}.sqlite", kept / f"floor-{given.photos}.sqlite"
        if not path.exists():
            built = build(path, given.photos)
            print(f"remembered, photos/s          {given.photos / built:>12,.0f}")
        if not floor.exists():
            build_floor(path, floor)
        print(f"photos                        {given.photos:>12,}")
        print(f"bytes a photo                 {path.stat().st_size / given.photos:>12,.0f}")
        answer(path, floor)
        start_cold(path)
        compare(kept / "sidecars", given.photos)


class Clock:
    """What times are read from."""

    now = staticmethod(time.perf_counter)


def of_processor() -> float:
    """The seconds that this process and those it started have been at work: on a busy machine these say more."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def build(path: Path, count: int) -> float:
    """Remember the library; seconds until all of it is in the file, without the making of the records."""
    index, spent = open_index(path), 0.0
    for batch in library(count):
        start = Clock.now()
        index.remember(batch, "bench", "0" * 64)
        spent += Clock.now() - start
    start = Clock.now()
    index.close()
    return spent + Clock.now() - start


def library(count: int) -> Iterator[list[Tagged]]:
    rng = random.Random(1)
    spots = [(rng.uniform(-60, 70), rng.uniform(-180, 180)) for _ in range(499)] + [(48.86, 2.34)]
    words = [NAMED[n] if n < len(NAMED) else f"word{n}" for n in range(WORDS)]
    weights = list(accumulate(1 / (n + 1) for n in range(WORDS)))
    above = [("animal",) if n % 3 == 0 else (f"kind{n % BROADER}", f"kind{n % 7}") for n in range(WORDS)]
    batch: list[Tagged] = []
    for number in range(count):
        folder = number // PER_FOLDER
        day = datetime(2005, 1, 1) + timedelta(days=folder * 7_000 * PER_FOLDER // max(count, PER_FOLDER))
        camera = folder * 7 % 11 if rng.random() < 0.8 else rng.randrange(len(CAMERAS))
        picked = dict.fromkeys(rng.choices(range(WORDS), cum_weights=weights, k=3))
        tags = tuple(Tag(words[n], 1 - rng.random() ** 2 / 2, above[n]) for n in picked)
        place = PLACES[folder % len(PLACES)]
        ending = "JPG" if rng.random() < 0.9 else "CR3"
        path = f"/photos/{day.year}/{day:%m-%d} {place} {folder}/IMG_{number:07}.{ending}"
        ref = PhotoRef(path, rng.randrange(10**5, 10**7), number * 10**9)
        taken = f"{day:%Y-%m-%d}T{number % 24:02}:{number % 60:02}:00"
        north, east = spots[folder * 13 % len(spots)]
        spot = None if rng.random() < 0.2 else (north + rng.gauss(0, 0.003), east + rng.gauss(0, 0.003))
        facts = Facts(ending, *SIZES[camera % len(SIZES)], taken, CAMERAS[camera], LENSES[camera % len(LENSES)], spot)
        content = rng.randbytes(32) if rng.random() > 0.02 else sha256(b"%d" % rng.randrange(count // 100 + 1)).digest()
        keywords = (f"trip {folder // 10 % 500}",) if number % 10 == 0 else ()
        near = [rng.randrange(WORDS) for _ in range(5)]
        guesses = tuple(Tag(words[n], rng.random(), above[n]) for n in near)
        added = frozenset(tag.word for tag in tags)
        decided = Decided(ref, content, facts, tags, guesses, 0.25)
        batch.append(Tagged(decided, ref, content, "photo", True, added, keywords=keywords))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def build_floor(path: Path, floor: Path) -> None:
    """A table of FTS5's own with each photo's words, path and day, and one of their scores, from the index."""
    with closing(sqlite3.connect(floor)) as raw:
        raw.execute("ATTACH ? AS source", (str(path),))
        raw.execute("CREATE VIRTUAL TABLE photo_words USING fts5 (words, path UNINDEXED, taken UNINDEXED)")
        raw.execute(
            "INSERT INTO photo_words (rowid, words, path, taken) SELECT photo_id, group_concat(word, ' / '), "
            "CAST(path AS TEXT) || '/' || CAST(name AS TEXT), taken FROM source.photo_tags "
            "JOIN source.tags ON tags.id = tag_id JOIN source.photos ON photos.id = photo_id "
            "JOIN source.folders ON folders.id = folder_id GROUP BY photo_id"
        )
        raw.execute(
            "CREATE TABLE scores (word TEXT, photo INTEGER, score INTEGER, PRIMARY KEY (word, photo)) WITHOUT ROWID"
        )
        raw.execute(
            "INSERT OR IGNORE INTO scores SELECT word, photo_id, score FROM source.photo_tags "
            "JOIN source.tags ON tags.id = tag_id WHERE score IS NOT NULL ORDER BY 1, 2"
        )
        raw.commit()


def answer(path: Path, floor: Path) -> None:
    index = open_index(path, readonly=True)
    known = timed(lambda: index.known_in("/photos/2005/01-01 Home 1", "bench")) / PER_FOLDER
    print(f"known_in, us a photo          {known * 1e6:>12,.1f}")
    print(f"tags, ms                      {timed(lambda: list(index.tags()), 3) * 1e3:>12,.0f}")
    print(f"photo_count, ms               {timed(index.photo_count, 3) * 1e3:>12,.1f}")
    bare = sqlite3.connect(floor)
    print("\nmilliseconds, p95                photos   best 50      FTS5    any 50     count      FTS5")
    for query in [*FLOOR, *FORMS]:
        ask(index, query, bare, FLOOR.get(query))
    for sort in ("date", "path"):
        spent = timed(lambda sort=sort: list(index.search("dog", 50, sort=sort)))  # type: ignore[misc]
        print(f"dog --sort {sort:<10}{spent * 1e3:>29.1f}")
    bare.close()
    index.close()


def ask(index: Index, query: str, bare: sqlite3.Connection, match: str | None) -> None:
    best = (
        "SELECT path, words, taken, score FROM photo_words JOIN scores ON word = ? AND photo = photo_words.rowid "
        "WHERE photo_words MATCH ? ORDER BY score DESC LIMIT 50"
    )
    some = "SELECT rowid FROM photo_words WHERE photo_words MATCH ? LIMIT 50"
    count = "SELECT count(*) FROM photo_words WHERE photo_words MATCH ?"
    figures = [timed(lambda: list(index.search(query, limit=50))), None, None, timed(lambda: index.count(query)), None]
    if match:
        if match in NAMED:
            figures[1] = timed(lambda: bare.execute(best, (match, match)).fetchall(), 3)
        figures[2] = timed(lambda: bare.execute(some, (match,)).fetchall())
        figures[4] = timed(lambda: bare.execute(count, (match,)).fetchall())
    shown = "".join(f"{'' if figure is None else f'{figure * 1e3:.1f}':>10}" for figure in figures)
    print(f"{query:<28}{index.count(query):>11,}{shown}", flush=True)


def start_cold(path: Path) -> None:
    command = [sys.executable, "-m", "phototag", "--index", str(path), "search", "dog", "--limit", "50"]
    cold = timed(lambda: subprocess.run(command, check=True, capture_output=True), 5)
    imports = [sys.executable, "-c", "import click, sqlalchemy"]
    least = timed(lambda: subprocess.run(imports, check=True, capture_output=True), 5)
    print(f"cold `phototag search dog --limit 50`, ms {cold * 1e3:>6.0f}")
    print(f"of `import click, sqlalchemy`, times      {cold / least:>6.2f}")


def compare(folder: Path, count: int) -> None:
    """What `grep` and `exiftool` take for the same question over sidecars of the same words."""
    if not folder.exists():
        for number, result in enumerate(result for batch in library(SIDECARS) for result in batch):
            below = folder / f"{number // PER_FOLDER}"
            below.mkdir(parents=True, exist_ok=True)
            items = "".join(f"<rdf:li>{tag.word}</rdf:li>" for tag in result.decided.tags)
            (below / f"{number}.xmp").write_text(XMP.format(items))
    print(f"\ndog, over {SIDECARS:,} sidecars, and for {count:,} photos if it went on so")
    for name, command in (
        ("grep", ["grep", "-rlwi", "dog", str(folder)]),
        (
            "exiftool",
            ["exiftool", "-q", "-r", "-ext", "xmp", "-if", "$subject =~ /dog/i", "-p", "$filename", str(folder)],
        ),
    ):
        if shutil.which(name) is None:
            print(f"{name:<30}      not installed")
            continue
        rounds = 3 if name == "grep" else 1
        start = Clock.now()
        for _ in range(rounds):
            subprocess.run(command, check=True, capture_output=True)
        spent = (Clock.now() - start) / rounds
        print(f"{name:<30}{spent * 1e3:>10,.0f} ms{spent * count / SIDECARS:>12,.1f} s")


def timed(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The 95th percentile of a few rounds, in seconds."""
    spent = []
    for _ in range(rounds):
        start = Clock.now()
        work()
        spent.append(Clock.now() - start)
    return statistics.quantiles(spent, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
