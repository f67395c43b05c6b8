"""Folders and files in, a stream of `PhotoRef` out, folder by folder; what cannot be listed comes as `Failed`.

Nothing is opened but folders and `.phototagignore` files, and only names that look like a photo's cost a `stat`.
`rules` says what is left out.
"""

import os
import stat
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter

from phototag.errors import TOO_LONG, UnreadableError
from phototag.records import Failed, PhotoRef
from phototag.walk.listed import Folder, Found, Opened, times_of_sidecars
from phototag.walk.patience import Patiently, at_once
from phototag.walk.rules import IGNORE_FILE, PHOTO_SUFFIXES, has_photo_suffix, is_foreign, read_rules

__all__ = ["PHOTO_SUFFIXES", "TEMPORARY_FILE", "Patiently", "at_once", "walk", "walk_folders"]

TEMPORARY_FILE = ".phototag-"
"""What the names of phototag's own temporary files begin with: see `phototag.metadata.replace`."""

_ENTRIES_AT_ONCE = 256
"""So many entries of a folder are looked at in one go, which is what patience is measured by: on a slow share a folder
of a hundred thousand takes long, and does answer. Nor is a photo's size known long before somebody reads it."""


def walk(
    roots: Sequence[str],
    leftovers: list[str] | None = None,
    only: Collection[str] | None = None,
    patiently: Patiently = at_once,
    sidecars: dict[str, dict[str, int]] | None = None,
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
        patiently: calls what looks at the disk. Where a folder does not answer, and neither does the one above it, the
            rest of that disk is passed by.
        sidecars: gets, by folder, the `.xmp` files in it, before its photos are yielded: what they are called, without
            that ending, and their modification times, nanoseconds since the epoch.

    Yields:
        `PhotoRef`: a photo. A link to a file has the size and time of its target.
        `Failed`: a root that is not there ("not found"), a folder or its `.phototagignore` that cannot be read
        ("folder cannot be read"), a folder that does not answer ("took too long"), or a link that leads nowhere
        ("broken link"); its `ref` names the path.
    """
    return chain.from_iterable(walk_folders(roots, leftovers, only, patiently, sidecars))


def walk_folders(
    roots: Sequence[str],
    leftovers: list[str] | None = None,
    only: Collection[str] | None = None,
    patiently: Patiently = at_once,
    sidecars: dict[str, dict[str, int]] | None = None,
) -> Iterator[Sequence[PhotoRef | Failed]]:
    """As `walk`, many at a time, which costs less where nothing is done with most: those of a list are of one folder.

    The lists of one folder follow each other.
    """
    visit = _Visit(leftovers if leftovers is not None else [], only, patiently, sidecars)
    return visit.run(dict.fromkeys(map(os.path.abspath, roots)))


class _Visit:
    """One walk: what it has still to visit and what it has visited.

    Methods that are called patiently give back what they find and touch nothing that a later call minds: one that was
    given up may come to its end at any time.
    """

    def __init__(
        self,
        leftovers: list[str],
        only: Collection[str] | None,
        patiently: Patiently,
        sidecars: dict[str, dict[str, int]] | None,
    ) -> None:
        self._leftovers = leftovers
        self._sidecars = sidecars
        self._only = only
        self._patiently = patiently
        self._real_roots: list[str] = []
        self._linked: set[str] = set()
        self._roots: list[Folder] = []
        self._links: deque[Folder] = deque()
        self._named: dict[str, list[PhotoRef]] = {}
        self._visited: set[tuple[int, int]] = set()
        self._silent: set[int] = set()

    def run(self, roots: Iterable[str]) -> Iterator[Sequence[PhotoRef | Failed]]:
        for root in roots:
            yield from self._add_root(root)
        for folder in self._roots:
            yield from self._descend(folder)
        while self._links:
            yield from self._descend(self._links.popleft())
        for refs in self._named.values():  # those whose folder was not visited
            yield sorted(refs, key=attrgetter("path"))

    def _add_root(self, root: str) -> Iterator[list[Failed]]:
        try:
            status, real = self._patiently(lambda: (os.stat(root), os.path.realpath(root)))
        except (FileNotFoundError, NotADirectoryError):
            yield [_failed(root, "not found", "there is no such folder; is its disk mounted?")]
        except UnreadableError as exc:
            yield [_failed(root, exc.reason, exc.detail)]
        except OSError as exc:
            yield [_failed(root, "folder cannot be read", exc.strerror or "")]
        else:
            if stat.S_ISDIR(status.st_mode):
                self._roots.append(Folder(root))
                self._real_roots.append(os.path.join(real, ""))
            elif stat.S_ISREG(status.st_mode):
                self._named.setdefault(os.path.dirname(root), []).append(_ref(root, status))
            else:
                yield [_failed(root, "not found", "neither a folder nor a file")]

    def _descend(self, top: Folder) -> Iterator[Sequence[PhotoRef | Failed]]:
        pending = [top]
        while pending:
            folder = pending.pop()
            if folder.disk_above in self._silent:
                yield [_failed(folder.path, TOO_LONG, "not listed: its disk has stopped answering")]
                continue
            below: list[Folder] = []
            try:
                for found in self._visit(folder):
                    self._linked |= found.linked
                    if found.photos:
                        yield found.photos
                    below += found.below
                    self._links += found.links
            except FileNotFoundError:
                pass  # vanished since its parent was listed
            except UnreadableError as exc:
                self._doubt(folder)
                yield [_failed(folder.path, exc.reason, exc.detail)]
            except (OSError, ValueError) as exc:
                yield [_failed(folder.path, "folder cannot be read", _explain(exc))]
            pending.extend(reversed(below))

    def _visit(self, folder: Folder) -> Iterator[Found]:
        """Look at what is in a folder, some entries at a time; links by themselves where one leads to a silent disk."""
        listed: list[bool] = []
        links = True
        try:
            opened, found = self._patiently(self._open, folder, listed)
        except UnreadableError:
            if not listed:
                raise
            links = False
            opened, found = self._patiently(self._open, folder, listed, links)
        if opened is None:
            return
        self._visited.add(opened.identity)
        named = self._named.pop(folder.path, ())
        first = bisect_left(opened.entries, TEMPORARY_FILE, key=attrgetter("name"))
        if first < len(opened.entries) and opened.entries[first].name.startswith(TEMPORARY_FILE):
            self._leftovers.append(folder.path)
        if self._sidecars is not None and opened.sidecars:
            self._sidecars[folder.path] = opened.sidecars
        yield found
        if not links:
            yield from self._follow(opened, 0)
        for start in range(_ENTRIES_AT_ONCE, len(opened.entries), _ENTRIES_AT_ONCE):
            try:
                yield self._patiently(self._list, opened, start, named)
            except UnreadableError:
                yield self._patiently(self._list, opened, start, named, False)
                yield from self._follow(opened, start)

    def _open(self, folder: Folder, listed: list[bool], links: bool = True) -> tuple[Opened | None, Found]:
        """List a folder and look at its first entries, for most have no more; None where it was visited before.

        Args:
            folder: what to list.
            listed: gets something when it is.
            links: whether to look where links lead.
        """
        status = os.stat(folder.path)
        identity = (status.st_dev, status.st_ino)
        if identity in self._visited:
            return None, Found()
        with os.scandir(folder.path) as scan:
            entries = sorted(scan, key=attrgetter("name"))
        rules = read_rules(folder.path, entries, folder.rules)
        listed.append(True)
        sidecars = {} if self._sidecars is None else times_of_sidecars(entries, links=links)
        if self._only is None:
            opened = Opened(identity, entries, rules, "", sidecars)
        else:
            real = os.path.realpath(folder.path)
            kept = entries if real in self._only else [one for one in entries if one.is_dir(follow_symlinks=links)]
            opened = Opened(identity, kept, rules, real, sidecars)
        return opened, self._list(opened, 0, self._named.get(folder.path, ()), links)

    def _follow(self, opened: Opened, start: int) -> Iterator[Found]:
        """Look at the links among some entries, one by one, until one leads to a disk that does not answer."""
        silent: UnreadableError | None = None
        for entry in opened.entries[start : start + _ENTRIES_AT_ONCE]:
            if not entry.is_symlink():
                continue
            try:
                if silent is None:
                    yield self._patiently(self._list, replace(opened, entries=[entry]), 0, ())
            except UnreadableError as exc:
                silent = exc
            if silent is not None:
                yield Found([_failed(entry.path, silent.reason, silent.detail)])

    def _list(self, opened: Opened, start: int, named: Iterable[PhotoRef], links: bool = True) -> Found:
        """Tell photos and sub-folders among some entries of a folder, with links or without."""
        found, rules = Found(), opened.rules
        refs = {ref.path: ref for ref in named}
        for entry in opened.entries[start : start + _ENTRIES_AT_ONCE]:
            if refs and entry.path in refs:
                found.photos.append(refs[entry.path])
                continue
            name = entry.name
            if name.startswith(".") or (not links and entry.is_symlink()):
                continue
            dot = name.rfind(".")
            looks_like_photo = dot > 0 and name[dot + 1 :].lower() in PHOTO_SUFFIXES
            try:
                if entry.is_dir():
                    if not is_foreign(name) and not (rules and rules.leave_out(entry.path + "/")):
                        self._gather(entry, opened, found)
                elif looks_like_photo and not (rules and rules.leave_out(entry.path)):
                    status = entry.stat()
                    is_met = entry.is_symlink() and self._is_met_otherwise(entry.path, found.linked)
                    if stat.S_ISREG(status.st_mode) and not is_met:
                        found.photos.append(PhotoRef(entry.path, status.st_size, status.st_mtime_ns))
                elif dot < 0 and entry.is_symlink() and not os.path.exists(entry.path):
                    detail = "what it leads to is not there; is its disk mounted?"
                    found.photos.append(_failed(entry.path, "broken link", detail))
            except OSError as exc:
                if entry.is_symlink():
                    found.photos.append(_failed(entry.path, "broken link", exc.strerror or ""))
                elif not isinstance(exc, FileNotFoundError):
                    found.photos.append(_failed(entry.path, "cannot be read", exc.strerror or ""))
        return found

    def _gather(self, entry: os.DirEntry[str], opened: Opened, found: Found) -> None:
        """Put a sub-folder among those to visit, or among the links to be followed last."""
        if entry.is_symlink():
            found.links.append(Folder(entry.path, opened.rules))  # to whatever disk
            return
        if self._only is not None:
            path = os.path.join(opened.real, entry.name)
            if not any(chosen == path or chosen.startswith(os.path.join(path, "")) for chosen in self._only):
                return
        found.below.append(Folder(entry.path, opened.rules, opened.identity[0]))

    def _is_met_otherwise(self, link: str, linked: set[str]) -> bool:
        """Whether a link leads to a photo that the walk meets by its own path, or has met by another link.

        Met twice, a photo would be written twice at the same time.
        """
        real = os.path.realpath(link)
        if real in self._linked or real in linked:
            return True
        for root in self._real_roots:
            if real.startswith(root):
                *folders, name = real[len(root) :].split(os.sep)
                is_visible = not name.startswith(".") and has_photo_suffix(name)
                return is_visible and not any(folder.startswith(".") or is_foreign(folder) for folder in folders)
        linked.add(real)
        return False

    def _doubt(self, folder: Folder) -> None:
        """After a folder did not answer: find out whether the disk that it was found on still does."""
        if folder.disk_above is None:
            return
        try:
            self._patiently(os.listdir, os.path.dirname(folder.path))
        except UnreadableError:
            self._silent.add(folder.disk_above)
        except OSError:
            pass  # an answer


def _ref(path: str, status: os.stat_result) -> PhotoRef:
    return PhotoRef(path, status.st_size, status.st_mtime_ns)


def _failed(path: str, reason: str, detail: str) -> Failed:
    return Failed(PhotoRef(path, 0, 0), reason, detail)


def _explain(exc: OSError | ValueError) -> str:
    if isinstance(exc, OSError):
        return f"{exc.strerror}: {exc.filename}" if exc.filename else exc.strerror or str(exc)
    return f"{IGNORE_FILE}: {exc}"
