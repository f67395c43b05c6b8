"""A `PhotoRef` in, `Decoded` out: in the calling thread where the decoder is sound, else in a process apart.

Pillow's decoders of JPEG, PNG, WebP, GIF and BMP are fuzzed day and night, and a thread costs nothing; HEIF, AVIF,
RAW, TIFF and whatever else is rare are decoded in disposable processes. Should a sound one bring the scan down after
all, or somebody kill it while one hangs, the photos that were being decoded are noted: the next scan decodes them
apart, and what hangs there too is passed by after that.
"""

import os
import time
from types import TracebackType

from phototag.decode import LARGE_PHOTO, Limits, decode_bytes, keep, read_photo
from phototag.decode.apart import RETRY, Processes
from phototag.decode.formats import recognise
from phototag.decode.underway import UnderWay
from phototag.errors import UndecodableError, UnfinishedError, UnreadableError
from phototag.records import Decoded, Fit, PhotoRef

SOUND = frozenset({"JPEG", "PNG", "WEBP", "GIF", "BMP"})
"""Kinds that are decoded in the scan's own process."""


class SafeDecoder:
    """Decodes photos whatever they do to a decoder; may be called from several threads. Close it, or use `with`.

    Args:
        timeout_s: what a photo may take in a process apart.
        under_way: where to note what is being decoded; None: nowhere.
        settle_s: a photo whose modification time is younger than this is waited for that long, and if it changes
            meanwhile left to the next scan: somebody is still writing it.
        processes: where photos are decoded that may crash or hang.
    """

    def __init__(
        self,
        timeout_s: float,
        under_way: UnderWay | None = None,
        settle_s: float = 0,
        processes: Processes | None = None,
    ) -> None:
        self._under_way = under_way
        self._settle_s = settle_s
        self._processes = processes or Processes(timeout_s, LARGE_PHOTO)
        self._limits = Limits()

    def __enter__(self) -> "SafeDecoder":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, ref: PhotoRef, image_size: int, fit: Fit) -> Decoded:
        """Decode as `phototag.decode.decode` does.

        Raises:
            UnreadableError: the file cannot be read.
            UndecodableError: it holds no photo that can be shown, or it crashed its decoder, or took too long.
            UnfinishedError: it is still being written.
        """
        self._wait_until_settled(ref)
        file = read_photo(ref, self._limits)
        _require_unchanged(ref)
        return keep(file, self._decode_safely(ref, file.data, image_size, fit))

    def _decode_safely(self, ref: PhotoRef, data: bytes, image_size: int, fit: Fit) -> Decoded:
        is_sound = recognise(data, os.path.splitext(ref.path)[1].lower()) in SOUND
        if self._under_way is None:
            return self._decode(ref, data, image_size, fit, apart=not is_sound)
        if reason := self._under_way.reason(ref):
            raise UndecodableError(reason, f"it did so to a scan that was killed: {RETRY}")
        apart = not is_sound or self._under_way.is_suspect(ref)
        if apart:
            self._processes.start()  # a busy machine takes seconds for that, which are not the photo's
        with self._under_way.noted(ref):
            return self._decode(ref, data, image_size, fit, apart=apart)

    def close(self) -> None:
        """End the processes, and forget what was under way but for what still is."""
        self._processes.close()
        if self._under_way is not None:
            self._under_way.close()

    def _decode(self, ref: PhotoRef, data: bytes, image_size: int, fit: Fit, *, apart: bool) -> Decoded:
        if apart:
            return self._processes.decode(ref, data, image_size, fit, self._limits)
        return decode_bytes(ref, data, image_size, fit, self._limits)

    def _wait_until_settled(self, ref: PhotoRef) -> None:
        age_s = time.time() - ref.mtime_ns / 1e9
        if abs(age_s) < self._settle_s:  # a share's clock may be a little ahead
            time.sleep(self._settle_s - max(age_s, 0))


def _require_unchanged(ref: PhotoRef) -> None:
    """Check that what was read is what the walk listed.

    Raises:
        UnfinishedError: it is not.
        UnreadableError: it has vanished.
    """
    try:
        now = os.stat(ref.path)
    except OSError as exc:
        raise UnreadableError("vanished", "the file is no longer there") from exc
    if (now.st_size, now.st_mtime_ns) != (ref.size_bytes, ref.mtime_ns):
        raise UnfinishedError("still being written", "it changed while it was looked at: the next scan takes it")
