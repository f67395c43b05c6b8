"""Batches: as large as is worth it and fits into memory, found on the work itself."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from phototag.backbone.trial import Batches, Rows
from phototag.errors import ModelError

_ROWS = np.arange(1000, dtype=np.float32)[:, None]


class _Device:
    """Doubles numbers, in the time and the memory that a device of its kind takes.

    Args:
        fits: rows that fit into memory.
        fast_up_to: rows up to which a larger batch takes no longer.
    """

    def __init__(self, fits: int = 10_000, fast_up_to: int = 0) -> None:
        self.fits, self.fast_up_to = fits, fast_up_to
        self.seen: list[int] = []
        self.now = 0.0

    def compute(self, batch: Rows) -> Rows:
        self.seen.append(len(batch))
        if len(batch) > self.fits:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        self.now += max(1.0, len(batch) / max(self.fast_up_to, 1))
        return 2 * batch

    def clock(self) -> float:
        return self.now


def _work(batches: Batches, times: int = 30) -> None:
    for _ in range(times):
        rows = _ROWS[: batches.size]
        np.testing.assert_array_equal(batches(rows), 2 * rows)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_any_number_of_rows_goes_through_in_full_batches(count: int) -> None:
    device = _Device()
    batches = Batches(device.compute, 8)
    np.testing.assert_array_equal(batches(_ROWS[:count]), 2 * _ROWS[:count])
    assert set(device.seen) == {8}, "another shape would be compiled anew"


def test_batches_grow_as_long_as_that_makes_them_faster() -> None:
    device = _Device(fast_up_to=128)
    batches = Batches(device.compute, clock=device.clock)
    _work(batches)
    assert batches.size == 128
    assert sorted(set(device.seen)) == [32, 64, 128, 256]


def test_batches_stay_small_where_larger_ones_gain_nothing() -> None:
    device = _Device(fast_up_to=16)
    batches = Batches(device.compute, clock=device.clock)
    _work(batches)
    assert batches.size == 32
    assert sorted(set(device.seen)) == [32, 64]


def test_batches_grow_up_to_a_bound() -> None:
    device = _Device(fast_up_to=100_000)
    batches = Batches(device.compute, clock=device.clock)
    _work(batches)
    assert batches.size == 256


def test_a_few_photos_pay_for_no_trial() -> None:
    device = _Device(fast_up_to=100_000)
    batches = Batches(device.compute, clock=device.clock)
    for _ in range(50):
        batches(_ROWS[:31])
    assert set(device.seen) == {32}


def test_what_does_not_fit_is_halved_and_no_row_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    device = _Device(fits=100)
    batches = Batches(device.compute, 512)
    with caplog.at_level(logging.INFO):
        np.testing.assert_array_equal(batches(_ROWS), 2 * _ROWS)
    assert batches.size == 64
    assert device.seen == [512, 256, 128, *[64] * 16]
    assert "memory is short: 64 photos at once from here on" in caplog.text


def test_a_trial_that_runs_out_of_memory_goes_back_and_is_not_made_again() -> None:
    device = _Device(fits=100, fast_up_to=100_000)
    batches = Batches(device.compute, clock=device.clock)
    _work(batches)
    assert batches.size == 64
    assert device.seen.count(128) == 1


def test_memory_that_others_take_later_halves_the_batch_then() -> None:
    device = _Device()
    batches = Batches(device.compute, 64)
    _work(batches, 2)
    device.fits = 20
    _work(batches, 2)
    assert batches.size == 16


def test_a_batch_is_shared_evenly_by_all_devices() -> None:
    sizes = []

    def compute(batch: Rows) -> Rows:
        sizes.append(len(batch))
        if len(batch) > 12:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return 2 * batch

    batches = Batches(compute, 100, devices=3)
    np.testing.assert_array_equal(batches(_ROWS[:50]), 2 * _ROWS[:50])
    assert sizes == [102, 51, 24, *[12] * 5]


def test_no_memory_for_one_photo_is_a_clear_error() -> None:
    with pytest.raises(ModelError, match="does not suffice for a single photo: end what else uses it, or use --device"):
        Batches(_Device(fits=0).compute, 4)(_ROWS)


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.InternalError(None, None, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12 bytes"),
        tf.errors.InternalError(None, None, "Failed to create cublas handle: the resource allocation failed"),
        tf.errors.UnknownError(None, None, "Failed to get convolution algorithm. CUDNN_STATUS_ALLOC_FAILED"),
    ],
    ids=["XLA", "cuBLAS", "cuDNN"],
)
def test_libraries_that_say_it_otherwise_are_understood(error: tf.errors.OpError) -> None:
    def compute(batch: Rows) -> Rows:
        if len(batch) > 4:
            raise error
        return 2 * batch

    batches = Batches(compute, 8)
    assert len(batches(_ROWS[:8])) == 8
    assert batches.size == 4


def test_other_errors_of_tensorflow_are_not_taken_for_it() -> None:
    def compute(batch: Rows) -> Rows:
        raise tf.errors.InternalError(None, None, "an illegal memory access was encountered")

    with pytest.raises(tf.errors.InternalError):
        Batches(compute, 8)(_ROWS)
