"""Photos by date and by path, few and many: as sorting them all would have it."""

import random
from dataclasses import replace

import pytest

from phototag.index import Index, Sort, ordering
from tests.index.records import FACTS, tagged

DAYS = [None, "1987-01-02", "2023-07-14", "2023-07-15", "2024-02-29"]
FOLDERS = ["/a", "/a/b", "/a b", "/z", "/z/10", "/z/9"]


def _fill(index: Index) -> list[tuple[str, str | None]]:
    rng = random.Random(1)
    taken = [day and f"{day}T{rng.randrange(24):02}:00:00" for day in rng.choices(DAYS, k=300)]
    paths = [f"{rng.choice(FOLDERS)}/{rng.randrange(10**6)}.jpg" for _ in taken]
    library = dict(zip(paths, taken, strict=True))
    results = [tagged(path, "dog", facts=replace(FACTS, taken=at)) for path, at in library.items()]
    for at in range(0, len(results), 70):
        index.remember(results[at : at + 70], "mine", "d")
    return list(library.items())


@pytest.mark.parametrize("sorted_most", [0, 7, 100])
@pytest.mark.parametrize(("folders_first", "names_most"), [(0, 1), (2, 30), (32, 10_000)])
@pytest.mark.parametrize("sort", ["date", "path"])
def test_many_photos_come_in_the_order_in_which_few_do(
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
    sort: Sort,
    sorted_most: int,
    folders_first: int,
    names_most: int,
) -> None:
    library = _fill(index)
    if sort == "date":
        expected = [path for path, _ in sorted(library, key=lambda one: one[1] or "", reverse=True)]
    else:
        expected = [path for path, _ in sorted(library, key=lambda one: one[0].rsplit("/", 1))]
    assert [hit.path for hit in index.search("dog", sort=sort)] == expected
    limits = {"_SORTED_MOST": sorted_most, "_FOLDERS_FIRST": folders_first, "_NAMES_MOST": names_most}
    for name, value in (limits | {"_NAMES_AT_ONCE": 3}).items():
        monkeypatch.setattr(ordering, name, value)
    assert [hit.path for hit in index.search("dog", sort=sort)] == expected
    assert [hit.path for hit in index.search("dog", 5, 40, sort=sort)] == expected[40:45]
