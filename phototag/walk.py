"""Folders and files in, a stream of `PhotoRef` out, folder by folder; what cannot be listed comes as `Failed`.

Nothing is opened but folders and `.phototagignore` files, and only names that look like a photo's cost a `stat`.
docs/formats.md lists what is left out and why.
"""

import os
import stat
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from phototag.records import Failed, PhotoRef

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".phototagignore"
"""Patterns of what to leave out, in the language of `.gitignore`; valid in its folder and below."""

_SUFFIXES = """
    jpg jpeg jpe jfif mpo png apng gif webp tif tiff heic heif hif avif jxl jp2 j2k jpx jpf jpc j2c
    bmp dib psd tga ico pcx ppm pgm pbm pnm sgi
    3fr arw cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f
"""
PHOTO_SUFFIXES = frozenset(_SUFFIXES.split())
"""What photos' names end in, in lower case and without the dot. What a file really is, the decoder finds out."""

FOREIGN_FOLDERS = frozenset(
    {
        "@eadir",  # thumbnails of Synology's NAS
        "@__thumb",  # thumbnails of QNAP's NAS
        "#recycle",  # deleted files of a NAS
        "#snapshot",  # old states of a NAS
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "ipod photo cache",
        "thumbs",  # thumbnails of web galleries
        "thumbnails",  # of iPhoto and many cameras' programs
        "__macosx",  # resource forks out of zip files
    }
)
"""Names, in lower case, of folders whose pictures are another program's copies or rubbish."""

FOREIGN_LIBRARIES = (".lrdata", ".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
"""Endings of folders that are another program's database: Lightroom's previews, and libraries of Photos, iPhoto and
Aperture, whose files must not be changed behind that program's back."""


TEMPORARY_FILE = ".phototag-"
"""What the names of phototag's own temporary files begin with: see `phototag.metadata.replace`."""


def walk(
    roots: Sequence[str], leftovers: list[str] | None = None, only: Collection[str] | None = None
) -> Iterator[PhotoRef | Failed]:
    """List the photos at and below some folders, each once however the roots overlap.

    The photos of one folder come together, sorted by name, before those of its sub-folders. Links to folders are
    followed after everything else, and no folder is visited twice, so loops end and a photo is met by its own path
    rather than by a link's; a link to a photo that the walk meets by its own path is left out, as is a second link to
    the same photo. A root is visited whatever its name; a file named as a root is listed whatever its name
    and whatever the rules say.

    Args:
        roots: folders or files; made absolute but not resolved.
        leftovers: gets the folders in which there are temporary files of phototag's, before their photos are yielded.
        only: the real paths of folders; photos in no other are yielded, and only what lies above these is listed.

    Yields:
        `PhotoRef`: a photo. A link to a file has the size and time of its target.
        `Failed`: a root that is not there ("not found"), a folder or its `.phototagignore` that cannot be read
        ("folder cannot be read"), or a link that leads nowhere ("broken link"); its `ref` names the path.
    """
    visit = _Visit(leftovers if leftovers is not None else [], only)
    for root in dict.fromkeys(map(os.path.abspath, roots)):
        yield from visit.add_root(root)
    yield from visit.run()


@dataclass(frozen=True, slots=True)
class _Rules:
    """The patterns of one `.phototagignore` and, above it, those of the folders that hold it."""

    folder: str
    spec: "GitIgnoreSpec"
    above: "_Rules | None"

    def leave_out(self, path: str) -> bool:
        """Whether a path is left out, a folder's with a slash at its end; the nearest rule that fits decides."""
        rules: _Rules | None = self
        while rules is not None:
            relative = path[len(rules.folder.rstrip(os.sep)) + 1 :]
            verdict = rules.spec.check_file(relative.replace(os.sep, "/")).include
            if verdict is not None:
                return verdict
            rules = rules.above
        return False


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    rules: _Rules | None


class _Visit:
    """One walk: what it has still to visit and what it has visited."""

    def __init__(self, leftovers: list[str], only: Collection[str] | None) -> None:
        self._leftovers = leftovers
        self._only = only
        self._real_roots: list[str] = []
        self._linked: set[str] = set()
        self._roots: list[_Folder] = []
        self._links: deque[_Folder] = deque()
        self._named: dict[str, list[PhotoRef]] = {}
        self._visited: set[tuple[int, int]] = set()

    def add_root(self, root: str) -> Iterator[Failed]:
        try:
            status = os.stat(root)
        except (FileNotFoundError, NotADirectoryError):
            yield _failed(root, "not found", "there is no such folder; is its disk mounted?")
        except OSError as exc:
            yield _failed(root, "folder cannot be read", exc.strerror or "")
        else:
            if stat.S_ISDIR(status.st_mode):
                self._roots.append(_Folder(root, None))
                self._real_roots.append(os.path.join(os.path.realpath(root), ""))
            elif stat.S_ISREG(status.st_mode):
                self._named.setdefault(os.path.dirname(root), []).append(_ref(root, status))
            else:
                yield _failed(root, "not found", "neither a folder nor a file")

    def run(self) -> Iterator[PhotoRef | Failed]:
        for root in self._roots:
            yield from self._descend(root)
        while self._links:
            yield from self._descend(self._links.popleft())
        for refs in self._named.values():  # those whose folder was not visited
            yield from sorted(refs, key=attrgetter("path"))

    def _descend(self, top: _Folder) -> Iterator[PhotoRef | Failed]:
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                if not self._is_new(folder.path):
                    continue
                with os.scandir(folder.path) as scan:
                    entries = sorted(scan, key=attrgetter("name"))
                rules = _read_rules(folder, entries)
            except FileNotFoundError:
                continue  # vanished since its parent was listed
            except (OSError, ValueError) as exc:
                yield _failed(folder.path, "folder cannot be read", _explain(exc))
                continue
            first = bisect_left(entries, TEMPORARY_FILE, key=attrgetter("name"))
            if first < len(entries) and entries[first].name.startswith(TEMPORARY_FILE):
                self._leftovers.append(folder.path)
            below: list[_Folder] = []
            if self._only is None:
                yield from self._list(folder.path, entries, rules, below)
            else:
                yield from self._list_only(folder.path, entries, rules, below, self._only)
            pending.extend(reversed(below))

    def _list_only(
        self,
        folder: str,
        entries: Iterable[os.DirEntry[str]],
        rules: _Rules | None,
        below: list[_Folder],
        only: Collection[str],
    ) -> Iterator[PhotoRef | Failed]:
        """List as `_list` does, but photos only of the chosen folders, and of sub-folders those that lead to some."""
        real = os.path.realpath(folder)
        if real not in only:
            entries = [entry for entry in entries if entry.is_dir()]
        yield from self._list(folder, entries, rules, below)
        below[:] = [
            child
            for child in below
            for path in [os.path.join(real, os.path.basename(child.path))]
            if any(chosen == path or chosen.startswith(os.path.join(path, "")) for chosen in only)
        ]

    def _list(
        self, folder: str, entries: Iterable[os.DirEntry[str]], rules: _Rules | None, below: list[_Folder]
    ) -> Iterator[PhotoRef | Failed]:
        """Yield the photos of a folder and gather its sub-folders in `below`, or in the links to be followed last."""
        named = {ref.path: ref for ref in self._named.pop(folder, ())}
        for entry in entries:
            if named and entry.path in named:
                yield named[entry.path]
                continue
            name = entry.name
            if name.startswith("."):
                continue
            dot = name.rfind(".")
            looks_like_photo = dot > 0 and name[dot + 1 :].lower() in PHOTO_SUFFIXES
            try:
                if entry.is_dir():
                    if not _is_foreign(name) and not (rules and rules.leave_out(entry.path + "/")):
                        (self._links if entry.is_symlink() else below).append(_Folder(entry.path, rules))
                elif looks_like_photo and not (rules and rules.leave_out(entry.path)):
                    status = entry.stat()
                    is_met = entry.is_symlink() and self._is_met_otherwise(entry.path)
                    if stat.S_ISREG(status.st_mode) and not is_met:
                        yield PhotoRef(entry.path, status.st_size, status.st_mtime_ns)
                elif dot < 0 and entry.is_symlink() and not os.path.exists(entry.path):
                    yield _failed(entry.path, "broken link", "what it leads to is not there; is its disk mounted?")
            except OSError as exc:
                if entry.is_symlink():
                    yield _failed(entry.path, "broken link", exc.strerror or "")
                elif not isinstance(exc, FileNotFoundError):
                    yield _failed(entry.path, "cannot be read", exc.strerror or "")

    def _is_met_otherwise(self, link: str) -> bool:
        """Whether a link leads to a photo that the walk meets by its own path, or has met by another link.

        Met twice, a photo would be written twice at the same time.
        """
        real = os.path.realpath(link)
        if real in self._linked:
            return True
        for root in self._real_roots:
            if real.startswith(root):
                *folders, name = real[len(root) :].split(os.sep)
                is_visible = not name.startswith(".") and _has_photo_suffix(name)
                return is_visible and not any(folder.startswith(".") or _is_foreign(folder) for folder in folders)
        self._linked.add(real)
        return False

    def _is_new(self, folder: str) -> bool:
        status = os.stat(folder)
        identity = (status.st_dev, status.st_ino)
        if identity in self._visited:
            return False
        self._visited.add(identity)
        return True


def _read_rules(folder: _Folder, entries: Iterable[os.DirEntry[str]]) -> _Rules | None:
    """The rules that hold in a folder: its own, if it has an ignore file, before those from above.

    Raises:
        OSError: the file cannot be read; better to pass the folder by than to tag what its owner wants left alone.
        ValueError: the file has a line that is no pattern.
    """
    for entry in entries:
        if entry.name == IGNORE_FILE and entry.is_file():
            from pathspec import GitIgnoreSpec  # most libraries have no such file

            with open(entry.path, encoding="utf-8-sig", errors="surrogateescape") as file:
                return _Rules(folder.path, GitIgnoreSpec.from_lines(file.read().splitlines()), folder.rules)
    return folder.rules


def _has_photo_suffix(name: str) -> bool:
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in PHOTO_SUFFIXES


def _is_foreign(name: str) -> bool:
    lower = name.lower()
    return lower in FOREIGN_FOLDERS or lower.endswith(FOREIGN_LIBRARIES)


def _ref(path: str, status: os.stat_result) -> PhotoRef:
    return PhotoRef(path, status.st_size, status.st_mtime_ns)


def _failed(path: str, reason: str, detail: str) -> Failed:
    return Failed(PhotoRef(path, 0, 0), reason, detail)


def _explain(exc: OSError | ValueError) -> str:
    if isinstance(exc, OSError):
        return f"{exc.strerror}: {exc.filename}" if exc.filename else exc.strerror or str(exc)
    return f"{IGNORE_FILE}: {exc}"
