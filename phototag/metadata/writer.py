"""Tags and what is remembered in, a proved plan out, and the plan carried out on the file system."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace as copy_with
from functools import partial
from pathlib import Path
from typing import TypeVar

from phototag.errors import DiskError, MetadataError, PhotoError, UnreadableError
from phototag.metadata import Held, Plan, WriteOptions
from phototag.metadata.choice import Choice, choose, ways_to_write
from phototag.metadata.fields import Fields, NewWords
from phototag.metadata.files import PhotoFile, SidecarFile, read_photo, read_sidecar, require_place
from phototag.metadata.formats import Photo, write
from phototag.metadata.merge import Merge, merge
from phototag.metadata.proof import prove_xmp
from phototag.metadata.replace import Staged, clean_leftovers, discard, put, stage, sync_folder
from phototag.metadata.sidecar import new_sidecar
from phototag.metadata.words import distinct, normal
from phototag.metadata.xmp import edit_lists, fresh_packet
from phototag.records import FileRead, Memory, PhotoRef, Where

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_NO_SIDECAR = "no sidecar wanted: its format takes no tags inside"


class FileWriter:
    """The `MetadataWriter` for photos in folders: JPEG, PNG, WebP and TIFF are written inside, the rest gets a
    sidecar."""

    def __init__(self, options: WriteOptions) -> None:
        self._options = options

    def read(self, path: str, file: FileRead | None = None) -> Held:
        """The keywords a photo holds; a field that is damaged reads as empty.

        Args:
            path: the photo.
            file: the photo as it was read a moment ago; it is read again if it is not as it was then.

        Raises:
            UnreadableError: the photo or its sidecar cannot be opened.
        """
        photo = read_photo(path, file)
        sidecar = read_sidecar(photo.path)
        place = None if sidecar.file is None else sidecar.path
        return Held(photo.fields.all, sidecar.fields.all, place, photo.picture)

    def plan(
        self,
        ref: PhotoRef,
        words: Sequence[str],
        memory: Memory,
        paths: Mapping[str, tuple[str, ...]] | None = None,
        file: FileRead | None = None,
    ) -> Plan:
        """Compose and prove the write that leaves `words`, and no other word of phototag's, in the photo.

        A photo that cannot be written inside without risk gets a sidecar, and the plan's note says why. Words that
        already stand in a sidecar are looked after there.

        Args:
            ref: the photo.
            words: the words it is to have.
            memory: what phototag remembers of it.
            paths: the broader words of each word, the most general first, for the hierarchical fields.
            file: the photo as it was read a moment ago; it is read again if it is not as it was then.

        Raises:
            UnreadableError: the photo or its sidecar cannot be opened.
            MetadataError: it changed since it was listed, a word cannot be written, or neither the photo nor a
                sidecar can take the words.
        """
        photo = read_photo(ref.path, file)
        if photo.listed != (ref.size_bytes, ref.mtime_ns):
            raise MetadataError("changed meanwhile", f"{ref.path} was written by another program: scan again")
        sidecar = read_sidecar(photo.path)
        choice = choose(self._options.fields, paths or {}, memory)
        note = photo.obstacle
        lives_in_sidecar = bool(_ours(sidecar.fields, memory) - _ours(photo.fields, memory))
        may_be_inside = not photo.obstacle and not lives_in_sidecar and self._options.sidecar != "always"
        if photo.file is not None and photo.parts is not None and may_be_inside:
            try:
                plan = _plan_inside(ref, photo, (photo.file, photo.parts), sidecar, words, memory, choice)
                return copy_with(plan, picture=photo.picture)
            except MetadataError as exc:
                note = str(exc)
                # A failed proof is a fault of phototag's, to be told of; any other refusal is as documented.
                level = logging.WARNING if exc.reason == "proof failed" else logging.INFO
                _log.log(level, "%s: not written inside (%s)", ref.path, exc)
        if not sidecar.path:
            sidecar = copy_with(sidecar, path=os.path.realpath(new_sidecar(photo.path, self._options.sidecar_name)))
        plan = _plan_sidecar(ref, photo, sidecar, words, memory, choice, note)
        plan = copy_with(plan, picture=photo.picture)
        if self._options.sidecar == "never" and plan.data is not None:
            return _leave_in_index(plan, photo, sidecar, memory)
        return plan

    def apply(self, plan: Plan) -> tuple[PhotoRef, bytes]:
        """Carry out a plan: temporary file in the same folder, fsync, permissions and times kept, atomic replace.

        Returns:
            The photo as it is now (size and time), and the SHA-256 of its bytes.

        Raises:
            MetadataError: the target changed since it was planned, or cannot be replaced; it is as it was.
            UnreadableError: the photo has vanished.
            DiskError: the disk is full or over quota; the target is as it was.
        """
        staged = self._stage(plan)
        if staged is None:
            return _photo_now(plan.ref.path)
        now = put(staged)
        sync_folder(os.path.dirname(plan.target))
        return _after(plan, now)

    def apply_all(self, plans: Sequence[Plan], pool: Executor) -> list[tuple[PhotoRef, bytes] | PhotoError]:
        """Carry out many plans: as `apply` does, side by side, their folders made durable once for all.

        All new bytes are durable before the first file is replaced: the threads wait for the disk together, and a disk
        that is full is noticed before anything is changed.

        Returns:
            For each plan the photo as it is now and its SHA-256, or why it could not be carried out.

        Raises:
            DiskError: the disk is full; each target is as it was or as its plan has it.
        """
        staged = list(pool.map(partial(_or_error, self._stage), plans))
        try:
            _raise_disk_error(staged)
            done = list(pool.map(partial(_or_error, _put), plans, staged))
            _raise_disk_error(done)
        except BaseException:
            for one in staged:
                if isinstance(one, Staged):  # one that is in place already leaves nothing to discard
                    discard(one)
            raise
        for folder in {os.path.dirname(one.target) for one in staged if isinstance(one, Staged)}:
            sync_folder(folder)
        return [result for result in done if not isinstance(result, DiskError)]

    def _stage(self, plan: Plan) -> Staged | None:
        """Make a plan's new bytes durable; None where it has none."""
        if plan.data is None:
            return None
        if plan.where == "photo":
            keep_times = not self._options.touch
            return stage(plan.target, plan.data, plan.original, mtime_ns=plan.ref.mtime_ns, keep_times=keep_times)
        # Editors see by a sidecar's time that it is new.
        return stage(plan.target, plan.data, plan.original, mtime_ns=None, keep_times=False)

    def clean(self, folder: str) -> None:
        """Remove the temporary files that a killed process left in a folder; those of a living one stay."""
        clean_leftovers(folder)


def _plan_inside(
    ref: PhotoRef,
    photo: PhotoFile,
    whole: tuple[FileRead, Photo],
    sidecar: SidecarFile,
    words: Sequence[str],
    memory: Memory,
    choice: Choice,
) -> Plan:
    """Plan a write into the photo; EXIF and IPTC are left alone where they cannot be extended safely.

    Raises:
        MetadataError: the photo cannot take the words, or the proof failed.
    """
    (file, parts), fields = whole, photo.fields
    writable = choice.writable(fields)
    change = merge(
        standing=fields.subject if fields.has_xmp else writable,
        writable=writable,
        elsewhere=(*fields.all, *sidecar.fields.all),
        wanted=words,
        memory=memory,
        gone_is_rejected=True,
    )
    new = choice.new_words(fields, fields.all, change, is_photo=True)
    if not change.changes or new == NewWords(fields.subject):
        return _plan(ref, "photo", photo.path, file, None, change, "")
    data, done = _write_what_can_be(ref, parts, file.data, fields, new)
    return _plan(ref, "photo", photo.path, file, data, _leave(change, fields, new, done), "")


def _write_what_can_be(
    ref: PhotoRef, parts: Photo, old: bytes, fields: Fields, new: NewWords
) -> tuple[bytes | None, NewWords]:
    """The photo with these words, without a field that refuses them; None where no other field changes.

    Raises:
        MetadataError: XMP refuses them, or the proof failed.
    """
    *ways, last = ways_to_write(new)
    for way in ways:
        try:
            return write(parts, old, way), way
        except MetadataError as exc:
            _log.debug("%s: a field is left alone: %s", ref.path, exc)
    return (None if last == NewWords(fields.subject) else write(parts, old, last)), last


def _plan_sidecar(
    ref: PhotoRef,
    photo: PhotoFile,
    sidecar: SidecarFile,
    words: Sequence[str],
    memory: Memory,
    choice: Choice,
    note: str,
) -> Plan:
    """Plan a write into the sidecar.

    Raises:
        MetadataError: it is damaged, cannot be written, or the proof failed.
    """
    fields = sidecar.fields
    change = merge(
        standing=(*fields.subject, *photo.fields.subject),
        writable=choice.writable(fields),
        elsewhere=(*fields.all, *photo.fields.all),
        wanted=words,
        memory=memory,
        gone_is_rejected=sidecar.file is not None and not fields.damage,
    )
    if not change.changes:
        is_inside = photo.is_of_known_format and not _ours(fields, memory)
        return _plan(ref, "photo" if is_inside else "sidecar", sidecar.path, sidecar.file, None, change, note)
    require_place(sidecar)
    new = choice.new_words(fields, distinct(fields.all, photo.fields.all), change, is_photo=False)
    old = fresh_packet() if sidecar.file is None else sidecar.file.data
    data = edit_lists(old, new.lists)
    prove_xmp(old, data, new)
    return _plan(ref, "sidecar", sidecar.path, sidecar.file, data, change, note)


def _leave_in_index(plan: Plan, photo: PhotoFile, sidecar: SidecarFile, memory: Memory) -> Plan:
    """The plan, less the sidecar that is not wanted: the index alone knows the tags."""
    standing = (_ours(photo.fields, memory) | _ours(sidecar.fields, memory)) - plan.rejected
    return copy_with(plan, where="index", data=None, added=standing, removed=frozenset(), note=plan.note or _NO_SIDECAR)


def _plan(
    ref: PhotoRef, where: Where, target: str, original: FileRead | None, data: bytes | None, change: Merge, note: str
) -> Plan:
    if original is not None and data == original.data:
        data = None
    return Plan(
        ref=ref,
        where=where,
        target=target,
        data=data,
        original=original,
        added=change.ours,
        removed=change.removed,
        rejected=change.rejected,
        keywords=change.keywords,
        note=note,
        digest=b"" if data is None else hashlib.sha256(data).digest(),
    )


def _leave(change: Merge, held: Fields, wanted: NewWords, done: NewWords) -> Merge:
    """The change, less what it would have taken out of fields that had to be left alone."""
    left_alone = (*(held.xp if wanted.xp != done.xp else ()), *((held.iptc or ()) if wanted.iptc != done.iptc else ()))
    left = change.removed & frozenset(map(normal, left_alone))
    return copy_with(change, removed=change.removed - left, ours=change.ours | (left - change.rejected))


def _ours(fields: Fields, memory: Memory) -> frozenset[str]:
    return frozenset(map(normal, fields.subject)) & frozenset(map(normal, memory.added))


def _put(plan: Plan, staged: Staged | PhotoError | DiskError | None) -> tuple[PhotoRef, bytes]:
    """Put a staged plan in its place; raises what kept it from being staged."""
    if isinstance(staged, PhotoError | DiskError):
        raise staged
    return _photo_now(plan.ref.path) if staged is None else _after(plan, put(staged))


def _after(plan: Plan, now: os.stat_result) -> tuple[PhotoRef, bytes]:
    """The photo after a write that left the target so."""
    if plan.where != "photo":
        return _photo_now(plan.ref.path)
    return PhotoRef(plan.ref.path, now.st_size, now.st_mtime_ns), plan.digest


def _or_error(work: Callable[..., _T], *args: object) -> _T | PhotoError | DiskError:
    """What the work gives, or raises."""
    try:
        return work(*args)
    except (PhotoError, DiskError) as exc:
        return exc


def _raise_disk_error(results: Iterable[object]) -> None:
    for result in results:
        if isinstance(result, DiskError):
            raise result


def _photo_now(path: str) -> tuple[PhotoRef, bytes]:
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            facts = os.fstat(file.fileno())
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
    return PhotoRef(path, facts.st_size, facts.st_mtime_ns), digest
