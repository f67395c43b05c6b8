"""Tags and what is remembered in, a proved plan out, and the plan carried out on the file system."""

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace as copy_with
from pathlib import Path

from phototag.errors import MetadataError, UnreadableError
from phototag.metadata import Held, Plan
from phototag.metadata.compose import compose
from phototag.metadata.exif import can_hold
from phototag.metadata.files import PhotoFile, SidecarFile, read_photo, read_sidecar, require_place
from phototag.metadata.jpeg import Jpeg
from phototag.metadata.merge import Merge, merge, new_words
from phototag.metadata.proof import prove_jpeg, prove_xmp
from phototag.metadata.replace import clean_leftovers, replace
from phototag.metadata.words import distinct, normal
from phototag.metadata.xmp import edit_subject, fresh_packet
from phototag.records import Memory, PhotoRef

_log = logging.getLogger(__name__)


class FileWriter:
    """The `MetadataWriter` for photos in folders: JPEGs are written inside, everything else gets a sidecar."""

    def read(self, path: str) -> Held:
        """The keywords a photo holds; a field that is damaged reads as empty.

        Raises:
            UnreadableError: the photo or its sidecar cannot be opened.
        """
        photo = read_photo(path)
        sidecar = read_sidecar(photo.path)
        return Held(photo.fields.all, distinct(sidecar.words), None if sidecar.data is None else sidecar.path)

    def plan(self, ref: PhotoRef, words: Sequence[str], memory: Memory) -> Plan:
        """Compose and prove the write that leaves `words`, and no other word of phototag's, in the photo.

        A photo that cannot be written inside without risk gets a sidecar, and the plan's note says why. Words that
        already stand in a sidecar are looked after there.

        Raises:
            UnreadableError: the photo or its sidecar cannot be opened.
            MetadataError: it changed since it was listed, a word cannot be written, or neither the photo nor a
                sidecar can take the words.
        """
        photo = read_photo(ref.path)
        if (photo.facts.st_size, photo.facts.st_mtime_ns) != (ref.size_bytes, ref.mtime_ns):
            raise MetadataError("changed meanwhile", f"{ref.path} was written by another program: scan again")
        sidecar = read_sidecar(photo.path)
        note = photo.obstacle
        lives_in_sidecar = bool(_ours(sidecar.words, memory) - _ours(photo.fields.subject, memory))
        if photo.jpeg is not None and not photo.obstacle and not lives_in_sidecar:
            try:
                return _plan_inside(ref, photo, photo.jpeg, sidecar, words, memory)
            except MetadataError as exc:
                note = str(exc)
                # A failed proof is a fault of phototag's, to be told of; any other refusal is as documented.
                level = logging.WARNING if exc.reason == "proof failed" else logging.INFO
                _log.log(level, "%s: not written inside (%s), its tags go into a sidecar", ref.path, exc)
        return _plan_sidecar(ref, photo, sidecar, words, memory, note)

    def apply(self, plan: Plan) -> tuple[PhotoRef, bytes]:
        """Carry out a plan: temporary file in the same folder, fsync, permissions and times kept, atomic replace.

        Returns:
            The photo as it is now (size and time), and the SHA-256 of its bytes.

        Raises:
            MetadataError: the target changed since it was planned, or cannot be replaced; it is as it was.
            UnreadableError: the photo has vanished.
            DiskError: the disk is full or over quota; the target is as it was.
        """
        if plan.data is not None and plan.where == "photo":
            now = replace(plan.target, plan.data, plan.original, mtime_ns=plan.ref.mtime_ns, keep_times=True)
            return PhotoRef(plan.ref.path, now.st_size, now.st_mtime_ns), hashlib.sha256(plan.data).digest()
        if plan.data is not None:  # editors see by a sidecar's time that it is new
            replace(plan.target, plan.data, plan.original, mtime_ns=None, keep_times=False)
        return _photo_now(plan.ref.path)

    def clean(self, folder: str) -> None:
        """Remove the temporary files that a killed process left in a folder; those of a living one stay."""
        clean_leftovers(folder)


def _plan_inside(
    ref: PhotoRef, photo: PhotoFile, jpeg: Jpeg, sidecar: SidecarFile, words: Sequence[str], memory: Memory
) -> Plan:
    """Plan a write into a JPEG; the EXIF block is left alone where it cannot be extended safely.

    Raises:
        MetadataError: the photo cannot take the words, or the proof failed.
    """
    fields = photo.fields
    writable = (*fields.subject, *fields.xp)
    change = merge(
        standing=fields.subject if fields.has_xmp else writable,
        writable=writable,
        elsewhere=(*fields.others, *sidecar.words),
        wanted=words,
        memory=memory,
        gone_is_rejected=True,
    )
    data = None
    if change.changes:
        subject = new_words(fields.subject, fields.all, change)
        xp = new_words(fields.xp, distinct(fields.all, subject), change)
        xp = tuple(word for word in xp if word in fields.xp or can_hold(word))
        try:
            data = _compose_and_prove(photo.data, jpeg, subject, None if xp == fields.xp else xp)
        except MetadataError as exc:
            _log.debug("%s: XPKeywords left alone: %s", ref.path, exc)
            data = _compose_and_prove(photo.data, jpeg, subject, None)
            change = _leave(change, fields.xp)
    return _plan(ref, "photo", photo.path, photo.data, data, change, "")


def _compose_and_prove(old: bytes, jpeg: Jpeg, subject: Sequence[str], xp: Sequence[str] | None) -> bytes:
    new = compose(jpeg, subject, xp)
    prove_jpeg(old, new, subject, xp)
    return new


def _plan_sidecar(
    ref: PhotoRef, photo: PhotoFile, sidecar: SidecarFile, words: Sequence[str], memory: Memory, note: str
) -> Plan:
    """Plan a write into the sidecar.

    Raises:
        MetadataError: it is damaged, cannot be written, or the proof failed.
    """
    change = merge(
        standing=(*sidecar.words, *photo.fields.subject),
        writable=sidecar.words,
        elsewhere=photo.fields.all,
        wanted=words,
        memory=memory,
        gone_is_rejected=sidecar.data is not None and not sidecar.damage,
    )
    if not change.changes:
        is_inside = photo.is_jpeg and not _ours(sidecar.words, memory)
        return _plan(ref, "photo" if is_inside else "sidecar", sidecar.path, sidecar.data, None, change, note)
    require_place(sidecar)
    subject = new_words(sidecar.words, photo.fields.all, change)
    old = fresh_packet() if sidecar.data is None else sidecar.data
    new = edit_subject(old, subject)
    prove_xmp(old, new, subject)
    return _plan(ref, "sidecar", sidecar.path, sidecar.data, new, change, note)


def _plan(
    ref: PhotoRef, where: str, target: str, original: bytes | None, data: bytes | None, change: Merge, note: str
) -> Plan:
    return Plan(
        ref=ref,
        where="photo" if where == "photo" else "sidecar",
        target=target,
        data=None if data == original else data,
        original=original,
        added=change.ours,
        removed=change.removed,
        rejected=change.rejected,
        keywords=change.keywords,
        note=note,
    )


def _leave(change: Merge, held: Sequence[str]) -> Merge:
    """The change, less what it would have taken out of a field that is left alone."""
    left = change.removed & frozenset(map(normal, held))
    return copy_with(change, removed=change.removed - left, ours=change.ours | (left - change.rejected))


def _ours(words: Sequence[str], memory: Memory) -> frozenset[str]:
    return frozenset(map(normal, words)) & frozenset(map(normal, memory.added))


def _photo_now(path: str) -> tuple[PhotoRef, bytes]:
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            facts = os.fstat(file.fileno())
    except OSError as exc:
        raise UnreadableError("unreadable", f"{path}: {exc.strerror}") from exc
    return PhotoRef(path, facts.st_size, facts.st_mtime_ns), digest
