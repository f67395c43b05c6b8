"""Photos in; what the lower part of a network sees in changed views of them out, computed once and kept on disk.

Fine-tuning trains the upper part of a network only. What enters it, the lower part's output, is the same in every epoch
for the same view of a photo: it is computed for a few views a photo, and the epochs take turns with them.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from phototag.backbone.lower import Features, Lower
from phototag.decode import decode
from phototag.records import Network, Pixels
from phototag.train.augment import MARGIN, Augmentation, view
from phototag.train.embed import Example

_log = logging.getLogger(__name__)

_DISK_BYTES = 3 << 30
_MOST_VIEWS = 8
_CHUNK = 32


class Rows(Protocol):
    """What is learned from in an epoch, by the photos' numbers."""

    def __getitem__(self, numbers: npt.NDArray[np.intp], /) -> Features:
        """Those of some photos, `(numbers, ...)`."""
        ...


class Views:
    """Views of photos to learn from and to check with, each computed when it is first asked for.

    At most 3 GB on disk: where photos are many, views are fewer. A view that was finished is found again by a later
    run in the same folder.

    Args:
        folder: where they are kept; made if it is not there.
        photos: in an order that does not change, those to learn from first.
        learned: how many those are; there are no changed views of the others.
        network: whose pixels they are.
        lower: what is computed once; None: nothing, so that each epoch may have views of its own, made when they are
            asked for.
        allowed: how views may differ from the photos.
        seed: of the views.
        workers: threads that decode and change.

    Raises:
        PhotoError: a photo cannot be read any more.
    """

    def __init__(
        self,
        folder: Path,
        photos: Sequence[Example],
        network: Network,
        lower: Lower | None,
        *,
        learned: int,
        allowed: Augmentation,
        seed: int,
        workers: int,
    ) -> None:
        self._folder, self._photos, self._learned, self._network = folder, photos, learned, network
        self._lower, self._allowed, self._seed, self._workers = lower or _as_they_are, allowed, seed, workers
        folder.mkdir(parents=True, exist_ok=True)
        self.plain = self._kept("plain", self._plain)
        self.count = int(np.clip(_DISK_BYTES // self.plain.nbytes, 1, _MOST_VIEWS)) if allowed.any else 0
        self._endless = lower is None

    def of_epoch(self, epoch: int) -> Rows:
        """What is learned from in an epoch (from 0 up)."""
        if not self.count:
            return self.plain
        if self._endless:
            return _Changed(self._change(epoch), self._workers)
        number = epoch % self.count
        return self._kept(f"view{number}", lambda out: self._changed(number, out))

    def _kept(self, name: str, compute: Callable[[Path], None]) -> Features:
        path = self._folder / f"{name}.npy"
        if not path.exists():
            fresh = path.with_suffix(".new")
            compute(fresh)
            fresh.replace(path)
        kept: Features = np.load(path, mmap_mode="r")
        return kept

    def _plain(self, out: Path) -> None:
        """The photos as a scan sees them; at the same time, larger ones are laid by for the views to come."""
        size, fit = self._network.image_size, self._network.fit
        large = round(size * MARGIN)
        kept = np.lib.format.open_memmap(
            self._folder / "large.new", mode="w+", dtype=np.uint8, shape=(self._learned, large, large, 3)
        )

        def read(n: int) -> Pixels:
            if n < self._learned and self._allowed.any:
                kept[n] = decode(self._photos[n].ref, large, fit).pixels
            return decode(self._photos[n].ref, size, fit).pixels

        self._compute(out, len(self._photos), read)
        kept.flush()
        (self._folder / "large.new").replace(self._folder / "large.npy")

    def _changed(self, number: int, out: Path) -> None:
        self._compute(out, self._learned, self._change(number))

    def _change(self, number: int) -> Callable[[int], Pixels]:
        """Makes the view of that number of a photo."""
        large = np.load(self._folder / "large.npy", mmap_mode="r")

        def change(n: int) -> Pixels:
            said = f"{self._seed} {number} ".encode() + self._photos[n].content_hash
            own = int.from_bytes(hashlib.sha256(said).digest()[:8], "big")
            return view(large[n], self._network.image_size, self._allowed, own)

        return change

    def _compute(self, out: Path, count: int, pixels_of: Callable[[int], Pixels]) -> None:
        rows: np.memmap[Any, Any] | None = None
        with ThreadPoolExecutor(self._workers, thread_name_prefix="views") as pool:
            for start in range(0, count, _CHUNK):
                numbers = range(start, min(start + _CHUNK, count))
                features = self._lower(np.stack(list(pool.map(pixels_of, numbers))))
                if rows is None:
                    shape = (count, *features.shape[1:])
                    rows = np.lib.format.open_memmap(out, mode="w+", dtype=features.dtype, shape=shape)
                rows[start : start + len(features)] = features
        assert rows is not None
        rows.flush()


@dataclass(frozen=True, slots=True)
class _Changed:
    """Views that are made when they are asked for."""

    change: Callable[[int], Pixels]
    workers: int

    def __getitem__(self, numbers: npt.NDArray[np.intp], /) -> Features:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="views") as pool:
            return np.stack(list(pool.map(self.change, numbers.tolist())))


def _as_they_are(pixels: Pixels) -> Features:
    return pixels
