"""A folder of labelled photos in, photos with their categories out; nothing is decoded yet.

A category is a path of words, the most general first: `("animal", "dog")` for the folder `animal/dog` or the label
`animal/dog` in a CSV file. Photos that lie in `animal/` itself are a category of their own that says just "animal".
"""

import csv
import logging
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from phototag.errors import TrainingDataError
from phototag.records import Failed, PhotoRef
from phototag.walk import walk

_log = logging.getLogger(__name__)

Category = tuple[str, ...]
NONE: Category = ()
"""What a photo is of that was put into a folder for what is none of the others: it becomes no tag."""

_HEADER = ("path", "labels")
_SEPARATORS = ";|"  # of EXIF XPKeywords, and of hierarchical keywords in XMP
_NONE_NAMES = {"none", "background"}
_SPLITS = {"train", "training", "val", "valid", "validation", "test"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo and what its owner says is on it.

    Attributes:
        categories: one, where folders say it, which may be `NONE`; any number, also none, where a CSV file does.
    """

    ref: PhotoRef
    categories: frozenset[Category]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder or a CSV file lists.

    Attributes:
        photos: what is there, with its categories.
        failed: photos that are named and not there, and folders that cannot be read.
    """

    photos: tuple[Labelled, ...]
    failed: tuple[Failed, ...]

    @property
    def categories(self) -> frozenset[Category]:
        """All that is said of any photo."""
        return frozenset(category for photo in self.photos for category in photo.categories)

    @property
    def one_category(self) -> bool:
        """Whether each photo has exactly one category."""
        return all(len(photo.categories) == 1 for photo in self.photos)


def read_dataset(root: Path, labels: Path | None = None) -> Listing:
    """List labelled photos.

    Args:
        root: a folder for each category; or, with `labels`, where the photos lie.
        labels: CSV file with the header `path,labels`; labels are joined by `|`, broader words by `/`. Paths count from
            `root` or, where there is no such file, from the CSV file's own folder.

    Returns:
        At least one photo.

    Raises:
        TrainingDataError: no photo, or categories that cannot be keywords; says which and what to do.
    """
    if not root.is_dir():
        raise TrainingDataError(f"{root} is not a folder: name the one that holds a folder for each category")
    listing = _read_folders(root) if labels is None else _read_csv(labels, root)
    _check_words(listing.categories)
    return listing


def name_of(category: Category) -> str:
    """A category as its folder is called: "animal/dog"."""
    return "/".join(category) or "none of these"


def is_word(name: str) -> bool:
    """Whether a name can be a category, and a keyword."""
    return bool(name.strip()) and not _unfit(name)


def _read_folders(root: Path) -> Listing:
    top = Path(os.path.abspath(root))
    photos: list[Labelled] = []
    failed: list[Failed] = []
    outside = 0
    for item in walk([str(top)]):
        if isinstance(item, Failed):
            failed.append(item)
        elif folders := Path(item.path).relative_to(top).parts[:-1]:
            category = tuple(_word(folder, f"the folder {os.path.dirname(item.path)}") for folder in folders)
            photos.append(Labelled(item, frozenset([NONE if _says_none(category) else category])))
        else:
            outside += 1
    if not photos:
        raise TrainingDataError(
            f"no category in {root}: give each category a folder with its photos, such as {root}/dog"
        )
    if outside:
        _log.warning("%d photo(s) lie in %s itself, outside any category's folder: left out", outside, root)
    for folder in _folders_without(photos, top):
        _log.warning("the folder %s holds no photo: left out", folder)
    return Listing(tuple(photos), tuple(failed))


def _says_none(category: Category) -> bool:
    """Whether a folder, or a label, stands for what is none of the others."""
    return category[0].casefold() in _NONE_NAMES


def _folders_without(photos: Iterable[Labelled], top: Path) -> Iterator[Path]:
    """Folders directly below `top` that look like a category and gave no photo."""
    filled = {Path(photo.ref.path).relative_to(top).parts[0] for photo in photos}
    for folder in sorted(top.iterdir()):
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in filled:
            yield folder


def _read_csv(labels: Path, root: Path) -> Listing:
    found: dict[str, tuple[PhotoRef, set[Category]]] = {}
    failed: list[Failed] = []
    repeated = 0
    for line, path, categories in _rows(labels):
        ref = _find(path, (root, labels.parent))
        if ref is None:
            missing = PhotoRef(os.path.abspath(root / path), 0, 0)
            failed.append(Failed(missing, "not found", f"named in line {line} of {labels}"))
        elif ref.path in found:
            found[ref.path][1].update(categories)
            repeated += 1
        else:
            found[ref.path] = (ref, categories)
    if not found:
        raise TrainingDataError(f"none of the photos named in {labels} is in {root} or beside the CSV file")
    if repeated:
        _log.warning("%d line(s) of %s name a photo again: its labels are put together", repeated, labels)
    return Listing(tuple(Labelled(ref, frozenset(said)) for ref, said in found.values()), tuple(failed))


def _rows(labels: Path) -> Iterator[tuple[int, str, set[Category]]]:
    """The lines of a CSV file: number, path, categories."""
    try:
        with labels.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if not set(_HEADER) <= set(reader.fieldnames or ()):
                found = ",".join(reader.fieldnames or ()) or "nothing"
                raise TrainingDataError(f"{labels} must begin with the line path,labels; found {found}")
            for row in reader:
                place = f"line {reader.line_num} of {labels}"
                path, said = row["path"], row["labels"]
                if not path or said is None or None in row:
                    raise TrainingDataError(f"{place} does not read path,labels: join several labels with |")
                parts = [label for label in said.split("|") if label.strip()]
                categories = {tuple(_word(word, place) for word in part.split("/")) for part in parts}
                none = {NONE} if any(map(_says_none, categories)) else set()
                yield reader.line_num, path, {one for one in categories if not _says_none(one)} or none
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise TrainingDataError(f"{labels} cannot be read as CSV in UTF-8: {exc}") from exc


def _find(path: str, folders: Iterable[Path]) -> PhotoRef | None:
    for folder in folders:
        candidate = os.path.abspath(folder / path)
        try:
            status = os.stat(candidate)
        except (OSError, ValueError):
            continue
        return PhotoRef(candidate, status.st_size, status.st_mtime_ns)
    return None


def _word(name: str, place: str) -> str:
    """A name as a keyword, in Unicode NFC.

    Raises:
        TrainingDataError: it would not survive in a photo's keyword fields.
    """
    word = unicodedata.normalize("NFC", name).strip()
    unfit = _unfit(word)
    if unfit:
        raise TrainingDataError(f"{place!r} cannot become a keyword because of the character {unfit[0]!r}: rename it")
    if not word:
        raise TrainingDataError(f"{place!r} has an empty category name: rename it")
    return word


def _unfit(word: str) -> list[str]:
    """The characters of a word that keyword fields would not keep."""
    return [
        c
        for c in word
        if c in _SEPARATORS or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\ufffe\uffff"
    ]


def _check_words(categories: Iterable[Category]) -> None:
    """Refuse two categories whose photos would get the same keyword."""
    places = sorted({category[:depth] for category in categories for depth in range(1, len(category) + 1)})
    uses = Counter(place[-1].casefold() for place in places)
    twice = [place for place in places if uses[place[-1].casefold()] > 1]
    if not twice:
        return
    names = ", ".join(name_of(place) for place in twice[:4])
    if _SPLITS & {place[0].casefold() for place in twice}:
        hint = "name one of the outer folders instead, and the other with --validation"
    else:
        hint = "a word can stand in one place only: rename or merge them"
    raise TrainingDataError(f"categories of the same name: {names}; {hint}")
