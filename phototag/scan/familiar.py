"""Photos that no folder knows by name in; out comes which of them the index may know all the same, moved or copied.

By size, time and name a moved photo is known without being opened. A photo of a size that was met before may be the
copy of another: it is worth hashing it before it is decoded. All others are not.
"""

import os
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from phototag.index import Known
from phototag.records import PhotoRef
from phototag.scan.gone import is_absent
from phototag.scan.job import Job, Seen

_MARKS = 1 << 24
"""Sizes met in this run are marked in as many bits, 2 MB: of a million photos one in twenty is hashed for nothing."""


class Familiar:
    """Sizes and times of all photos that the index knows and that this run has met.

    The index is asked when the first new photo is met: 24 bytes of memory for each photo in it.

    Args:
        job: the scan.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._marks = bytearray(_MARKS // 8)
        self._known: npt.NDArray[np.int64] | None = None

    def moved(self, ref: PhotoRef, seen: Seen) -> Known | None:
        """The photo that was moved here, its name and the file unchanged, as it is now known here.

        One with a sidecar is left to be looked at: nobody knows whether the sidecar came along.
        """
        for number in self._like(ref):
            for look in self._job.index.looks_at([number], self._job.model):
                known = look.known
                same = os.path.basename(known.ref.path) == os.path.basename(ref.path)
                if same and _is_settled(known) and is_absent(known.ref.path, seen.patiently):
                    if not self._job.dry_run:
                        self._job.index.move([(number, ref.path)])
                    seen.moved.add(number)
                    return replace(known, ref=ref)
        return None

    def is_size_known(self, ref: PhotoRef) -> bool:
        """Whether some photo, of the index or met before in this run, has that many bytes; this one then has, too."""
        byte, bit = divmod(ref.size_bytes % _MARKS, 8)
        known = bool(self._marks[byte] >> bit & 1)
        self._marks[byte] |= 1 << bit
        return known

    def _like(self, ref: PhotoRef) -> list[int]:
        """The numbers of photos of that size and time."""
        if self._known is None:
            self._known = np.array(self._job.index.sizes_and_times(), np.int64).reshape(-1, 3)
            for size in np.unique(self._known[:, 1] % _MARKS).tolist():
                self._marks[size // 8] |= 1 << size % 8
            self._known = self._known[np.argsort(self._known[:, 2], kind="stable")]
        times = self._known[:, 2]
        start, end = np.searchsorted(times, ref.mtime_ns), np.searchsorted(times, ref.mtime_ns, "right")
        same = self._known[start:end]
        return [int(number) for number in same[same[:, 1] == ref.size_bytes, 0]]


def _is_settled(known: Known) -> bool:
    return not known.pending and known.failure is None and known.where != "sidecar"
