"""A function of one full batch in; out comes one of any number of photos, which finds out how many at once are best.

Every size is a shape of its own, which TensorFlow traces and XLA compiles: so sizes are few, each twice the one before,
and what does not fill a batch is filled up. They are tried on the work itself: who embeds ten photos pays for no trial.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from phototag.errors import ModelError

_log = logging.getLogger(__name__)

_FIRST = 32
_MOST = 256
"""On each device. Two batches wait in memory while a third is computed, and that many photos are lost at a kill."""
_TIMED_RUNS = 3
_GAIN = 1.1
"""A larger batch is worth its memory if it embeds a tenth more photos a second."""
_SHORT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "out of memory", "ALLOC_FAILED", "Failed to create cublas handle")

Rows = npt.NDArray[Any]


class Batches:
    """Runs a function a batch at a time. May be shared by threads, which take turns.

    Without a given size it begins with 32 photos on each device and doubles that as long as full batches come and
    photos a second grow, up to 256. Where memory does not suffice, the batch is halved for good and the work goes on.

    Args:
        compute: `(size, ...)` to `(size, ...)`, for every size.
        size: photos at once; None: found by trial.
        devices: that share a batch; its size is a multiple of their number.
        clock: seconds.
    """

    def __init__(
        self,
        compute: Callable[[Rows], Rows],
        size: int | None = None,
        devices: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._compute, self._devices, self._clock = compute, devices, clock
        self._turn = threading.Lock()
        self.size = devices * (_FIRST if size is None else -(-size // devices))
        self._trying = size is None
        self._runs: list[float] = []
        self._rate_before = 0.0

    def __call__(self, rows: Rows) -> Rows:
        """Compute `(N, ...)` for N from 1 up.

        Raises:
            ModelError: memory does not suffice for one photo on each device.
            tf.errors.OpError: anything else that TensorFlow objects to.
        """
        done: int = 0
        found: list[Rows] = []
        with self._turn:
            while done < len(rows):
                some = rows[done : done + self.size]
                try:
                    found.append(self._run(some))
                except tf.errors.OpError as exc:
                    if not is_out_of_memory(exc):
                        raise
                    self._halve(exc)
                else:
                    done += len(some)
        return np.concatenate(found)

    def _run(self, some: Rows) -> Rows:
        missing = self.size - len(some)
        began = self._clock()
        result = self._compute(np.pad(some, ((0, missing), *[(0, 0)] * (some.ndim - 1))) if missing else some)
        if self._trying and not missing:
            self._note(self._clock() - began)
        return result[: len(some)]

    def _note(self, seconds: float) -> None:
        """After some full batches of a size: a larger one, or, where this one gained nothing, the one before."""
        self._runs.append(seconds)
        if len(self._runs) <= _TIMED_RUNS:  # and the first, which compiles
            return
        rate = self.size / max(min(self._runs[1:]), 1e-9)
        gained = rate >= _GAIN * self._rate_before
        self._trying = gained and self.size < self._devices * _MOST
        if self._trying:
            self.size *= 2
        elif not gained:
            self.size //= 2
        self._rate_before, self._runs = rate, []

    def _halve(self, exc: tf.errors.OpError) -> None:
        if self.size == self._devices:
            raise ModelError(
                "the memory does not suffice for a single photo: end what else uses it, or use --device cpu"
            ) from exc
        self.size = max(self.size // self._devices // 2, 1) * self._devices
        self._trying = False
        _log.info("the memory is short: %d photos at once from here on", self.size)


def is_out_of_memory(exc: tf.errors.OpError) -> bool:
    """Whether memory is what TensorFlow lacks: libraries beneath it say so in their own ways."""
    return isinstance(exc, tf.errors.ResourceExhaustedError) or any(sign in str(exc) for sign in _SHORT_OF_MEMORY)
