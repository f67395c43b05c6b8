"""Other programs' catalogues: recognised, read, and left as they were."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from phototag.errors import IndexFileError
from phototag.index import open_index
from phototag.index.catalogues import Listed, open_catalogue, remap
from tests.index.catalogues import make_digikam, make_lightroom
from tests.index.records import tagged

_ALBUMS = [("/", "top.jpg", 1, (6,)), ("/2023/Rome", "a.jpg", 1, (5, 6, 2)), ("/2023/Rome", "gone.jpg", 3, (6,))]
_ROOTS = [
    pytest.param(("volumeid:?path=%2Fhome%2Fana%2FMy+Pictures", "/"), "/home/ana/My+Pictures", id="a folder"),
    pytest.param(("volumeid:?uuid=800b21c2", "/home/ana/Pictures"), "/home/ana/Pictures", id="a disk by its UUID"),
    pytest.param(("networkshareid:?mountpath=%2Fmnt%2Fnas&fileuuid=5", "/photos"), "/mnt/nas/photos", id="a share"),
    pytest.param(("volumeid:?path=C%3A%2FPictures", "/"), "C:/Pictures", id="a folder of Windows"),
]


@pytest.mark.parametrize(("root", "path"), _ROOTS)
def test_digikams_tags_are_read_with_the_words_above_them(tmp_path: Path, root: tuple[str, str], path: str) -> None:
    program, photos = open_catalogue(make_digikam(tmp_path / "digikam4.db", root, _ALBUMS))
    assert program == "digiKam"
    assert list(photos) == [
        Listed(f"{path}/top.jpg", ("beach",)),
        Listed(f"{path}/2023/Rome/a.jpg", ("Places", "Italy", "Rome", "beach")),
    ]


@pytest.mark.parametrize("root", ["/home/ana/Pictures/", "C:/Users/ana/Pictures/"])
def test_lightrooms_keywords_are_read_and_virtual_copies_are_their_photo(tmp_path: Path, root: str) -> None:
    images = [("", "top", "JPG", (4,)), ("2023/Rome/", "a.b", "CR2", (3, 4)), ("2023/", "none", "jpg", ())]
    program, photos = open_catalogue(make_lightroom(tmp_path / "Main.lrcat", root, images))
    assert program == "Lightroom"
    assert list(photos) == [
        Listed(f"{root}top.JPG", ("beach",)),
        Listed(f"{root}2023/Rome/a.b.CR2", ("Places", "Rome", "beach")),
    ]


def test_another_index_gives_its_owners_keywords_alone(tmp_path: Path) -> None:
    index = open_index(tmp_path / "other.sqlite")
    index.remember([tagged("/p/a.jpg", "dog", keywords=("Rome", "beach")), tagged("/p/b.jpg", "cat")], "mine", "1")
    index.close()
    program, photos = open_catalogue(tmp_path / "other.sqlite")
    assert (program, list(photos)) == ("phototag", [Listed("/p/a.jpg", ("Rome", "beach"))])
    assert [file.name for file in tmp_path.iterdir()] == ["other.sqlite"]


def test_an_index_of_a_newer_phototag_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    open_index(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexFileError, match="newer phototag"):
        open_catalogue(path)


def test_a_catalogue_and_its_folder_are_left_as_they_were(tmp_path: Path) -> None:
    path = make_digikam(tmp_path / "digikam4.db", ("volumeid:?path=%2Fp", "/"), _ALBUMS)
    before = path.read_bytes()
    list(open_catalogue(path)[1])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["digikam4.db"]


def test_a_catalogue_that_is_open_elsewhere_is_refused(tmp_path: Path) -> None:
    path = make_digikam(tmp_path / "digikam4.db", ("volumeid:?path=%2Fp", "/"), _ALBUMS)
    with closing(sqlite3.connect(path)) as program:
        program.execute("PRAGMA journal_mode = WAL")
        program.execute("DELETE FROM ImageTags")
        program.commit()
        with pytest.raises(IndexFileError, match="open in another program"):
            open_catalogue(path)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"SQLite format 3\0" + b"\xa5" * 4000], ids=["empty", "text", "damaged"]
)
def test_what_is_no_catalogue_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.db"
    path.write_bytes(content)
    with pytest.raises(IndexFileError, match=r"some\.db.*catalogue"):
        list(open_catalogue(path)[1])
    with pytest.raises(IndexFileError, match=r"nowhere.* cannot be opened"):
        open_catalogue(tmp_path / "nowhere")


_MOVED = [
    pytest.param("/old/a.jpg", "/new/a.jpg", id="in the root"),
    pytest.param("/old/x/a.jpg", "/new/x/a.jpg", id="below it"),
    pytest.param("/older/a.jpg", "/older/a.jpg", id="in a folder that only begins like it"),
    pytest.param("C:/Users/ana/x/a.jpg", "/win/x/a.jpg", id="from Windows"),
    pytest.param("/first/deep/a.jpg", "/deep/a.jpg", id="the first that fits"),
]


@pytest.mark.parametrize(("path", "now"), _MOVED)
def test_roots_that_moved_are_mapped(path: str, now: str) -> None:
    roots = [("/old/", "/new"), ("C:\\Users\\ana", "/win"), ("/first/deep", "/deep"), ("/first", "/no")]
    assert remap(path, roots) == now
