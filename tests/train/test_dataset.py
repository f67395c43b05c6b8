import logging
import os
import unicodedata
from pathlib import Path

import pytest

from phototag.errors import TrainingDataError
from phototag.train.dataset import NONE, Listing, read_dataset


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def _said(listing: Listing, root: Path) -> dict[str, set[str]]:
    return {
        str(Path(photo.ref.path).relative_to(root)): {"/".join(category) for category in photo.categories}
        for photo in listing.photos
    }


def test_a_folder_for_each_category_and_folders_inside_for_narrower_ones(tmp_path: Path) -> None:
    _touch(tmp_path, "rose/1.jpg", "animal/2.png", "animal/dog/3.JPG", "animal/dog/beagle/4.heic")
    listing = read_dataset(tmp_path)
    assert _said(listing, tmp_path) == {
        "rose/1.jpg": {"rose"},
        "animal/2.png": {"animal"},
        "animal/dog/3.JPG": {"animal/dog"},
        "animal/dog/beagle/4.heic": {"animal/dog/beagle"},
    }
    assert listing.one_category
    assert listing.failed == ()


def test_hidden_folders_and_files_that_are_no_photos_are_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, "rose/1.jpg", "rose/notes.txt", "rose/.thumb/2.jpg", ".git/3.jpg", "rose/.4.jpg")
    assert _said(read_dataset(tmp_path), tmp_path) == {"rose/1.jpg": {"rose"}}


def test_photos_outside_any_category_and_empty_folders_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _touch(tmp_path, "rose/1.jpg", "stray.jpg", "empty/notes.txt", ".hidden/notes.txt")
    assert _said(read_dataset(tmp_path), tmp_path) == {"rose/1.jpg": {"rose"}}
    assert [record.getMessage() for record in caplog.records] == [
        f"1 photo(s) lie in {tmp_path} itself, outside any category's folder: left out",
        f"the folder {tmp_path}/empty holds no photo: left out",
    ]


def test_category_names_become_nfc_without_blanks_around_them(tmp_path: Path) -> None:
    _touch(tmp_path, unicodedata.normalize("NFD", "Tür") + "/1.jpg", " Löwe /2.jpg", "👩‍👧/3.jpg")
    assert read_dataset(tmp_path).categories == {("Tür",), ("Löwe",), ("👩‍👧",)}


@pytest.mark.parametrize("name", ["none", "Background"])
def test_a_folder_of_what_is_none_of_the_others_is_no_category(name: str, tmp_path: Path) -> None:
    _touch(tmp_path, "rose/1.jpg", f"{name}/2.jpg", f"{name}/street/3.jpg", "rose/none/4.jpg")
    listing = read_dataset(tmp_path)
    kinds = {Path(photo.ref.path).name: photo.categories for photo in listing.photos}
    assert kinds == {
        "1.jpg": {("rose",)},
        "2.jpg": {NONE},
        "3.jpg": {NONE},
        "4.jpg": {("rose", "none")},
    }
    assert listing.one_category


def test_the_label_none_says_that_a_photo_has_no_other(tmp_path: Path) -> None:
    _touch(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    labels = tmp_path / "labels.csv"
    labels.write_text("path,labels\n1.jpg,none\n2.jpg,rose|none\n3.jpg,\n", encoding="utf-8")
    said = [photo.categories for photo in read_dataset(tmp_path, labels).photos]
    assert said == [{NONE}, {("rose",)}, set()]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a;b", id="separator of XPKeywords"),
        pytest.param("a|b", id="separator of hierarchical keywords"),
        pytest.param("a\nb", id="line break"),
        pytest.param("a\x7fb", id="control character"),
        pytest.param(os.fsdecode(b"a\xffb"), id="not UTF-8"),
        pytest.param(" ", id="blank"),
    ],
)
def test_a_folder_name_that_cannot_be_a_keyword_is_refused(name: str, tmp_path: Path) -> None:
    _touch(tmp_path, "rose/1.jpg", f"{name}/2.jpg")
    with pytest.raises(TrainingDataError, match="rename it") as caught:
        read_dataset(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        pytest.param(
            ("animal/other/1.jpg", "plant/other/2.jpg"), "animal/other, plant/other; .*rename", id="two places"
        ),
        pytest.param(("dog/1.jpg", "Dog/2.jpg"), "Dog, dog", id="only case differs"),
        pytest.param(("dog/dog/1.jpg", "cat/2.jpg"), "dog, dog/dog", id="inside itself"),
        pytest.param(("train/dog/1.jpg", "validation/dog/2.jpg"), "--validation", id="a split data set"),
    ],
)
def test_two_categories_of_the_same_name_are_refused(names: tuple[str, ...], hint: str, tmp_path: Path) -> None:
    _touch(tmp_path, *names)
    with pytest.raises(TrainingDataError, match=hint):
        read_dataset(tmp_path)


def test_a_folder_without_any_category_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="give each category a folder"):
        read_dataset(tmp_path)
    _touch(tmp_path, "1.jpg")
    with pytest.raises(TrainingDataError, match="give each category a folder"):
        read_dataset(tmp_path)
    with pytest.raises(TrainingDataError, match="is not a folder"):
        read_dataset(tmp_path / "1.jpg")


def _csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def test_a_csv_file_gives_any_number_of_labels_a_photo(tmp_path: Path) -> None:
    _touch(tmp_path, "1.jpg", "2.jpg", "sub/3.jpg", "4.jpg")
    text = 'path,labels\n1.jpg,sea|animal/dog\n2.jpg, sea |\nsub/3.jpg,"trees, old"\n4.jpg,\n'
    listing = read_dataset(tmp_path, _csv(tmp_path / "labels.csv", text, "utf-8-sig"))
    assert _said(listing, tmp_path) == {
        "1.jpg": {"sea", "animal/dog"},
        "2.jpg": {"sea"},
        "sub/3.jpg": {"trees, old"},
        "4.jpg": set(),
    }
    assert not listing.one_category


def test_paths_count_from_the_folder_and_else_from_the_csv_file(tmp_path: Path) -> None:
    root, beside = tmp_path / "root", tmp_path / "beside"
    _touch(root, "1.jpg", "both.jpg")
    _touch(beside, "2.jpg", "both.jpg")
    listing = read_dataset(root, _csv(beside / "labels.csv", "labels,path,more\na,1.jpg,x\nb,2.jpg,x\na,both.jpg,x\n"))
    assert [photo.ref.path for photo in listing.photos] == [
        str(root / "1.jpg"), str(beside / "2.jpg"), str(root / "both.jpg"),
    ]  # fmt: skip


def test_lines_of_missing_photos_are_named_and_repeated_ones_put_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _touch(tmp_path, "1.jpg", "2.jpg")
    labels = _csv(tmp_path / "l.csv", "path,labels\n1.jpg,a\n2.jpg,b\ngone.jpg,a\n./1.jpg,b\n")
    listing = read_dataset(tmp_path, labels)
    assert _said(listing, tmp_path) == {"1.jpg": {"a", "b"}, "2.jpg": {"b"}}
    (failed,) = listing.failed
    assert (failed.ref.path, failed.reason) == (str(tmp_path / "gone.jpg"), "not found")
    assert failed.detail == f"named in line 4 of {labels}"
    assert caplog.messages == [f"1 line(s) of {labels} name a photo again: its labels are put together"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "must begin with the line path,labels; found nothing", id="empty"),
        pytest.param("file,labels\n1.jpg,a\n", "found file,labels", id="other header"),
        pytest.param("path;labels\n1.jpg;a\n", "found path;labels", id="semicolons"),
        pytest.param("path,labels\n1.jpg,a,b\n", "line 2 .*join several labels with |", id="labels joined by commas"),
        pytest.param("path,labels\n1.jpg\n", "line 2", id="no labels field"),
        pytest.param("path,labels\n,a\n", "line 2", id="no path"),
        pytest.param('path,labels\n"1.jpg,a\n', "cannot be read as CSV", id="open quote"),
        pytest.param("path,labels\n1.jpg,a//b\n", "line 2 .*empty category name", id="empty word"),
        pytest.param("path,labels\n1.jpg,a;b\n", "line 2 .*';'", id="labels joined by semicolons"),
        pytest.param("path,labels\ngone.jpg,a\n", "none of the photos named", id="only missing photos"),
        pytest.param("path,labels\n", "none of the photos named", id="header only"),
    ],
)
def test_a_csv_file_that_cannot_be_understood_is_refused(text: str, message: str, tmp_path: Path) -> None:
    _touch(tmp_path, "1.jpg")
    with pytest.raises(TrainingDataError, match=message):
        read_dataset(tmp_path, _csv(tmp_path / "labels.csv", text))


def test_a_csv_file_that_is_missing_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="cannot be read as CSV"):
        read_dataset(tmp_path, tmp_path / "gone.csv")
    with pytest.raises(TrainingDataError, match="cannot be read as CSV"):
        read_dataset(tmp_path, _csv(tmp_path / "l.csv", "path,labels\n1.jpg,Tür\n", "latin-1"))


def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    _touch(tmp_path, "rose/1.jpg", "locked/2.jpg")
    (tmp_path / "locked").chmod(0)
    try:
        listing = read_dataset(tmp_path)
    finally:
        (tmp_path / "locked").chmod(0o755)
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    assert [failed.reason for failed in listing.failed] == ["folder cannot be read"]
