"""Threads that a scan decodes in: what hangs in one is given up, and nobody waits for it."""

import subprocess
import sys
import threading

import pytest

from phototag.errors import UnreadableError
from phototag.scan.threads import Threads

_HANGS = """
import threading
from phototag.scan.threads import Threads
threads = Threads(1, 600, "test", "nothing came")
threads.submit(threading.Event().wait)
print(threads.submit, threads.close())
"""


def test_results_and_errors_come_back() -> None:
    threads = Threads(2, 60, "test", "nothing came")
    results = [threads.submit(divmod, 17, n) for n in (5, 3, 0)]
    assert [result.result() for result in results[:2]] == [(3, 2), (5, 2)]
    with pytest.raises(ZeroDivisionError):
        results[2].result()
    threads.close()


def test_what_hangs_is_given_up_and_the_rest_goes_on() -> None:
    dead_share = threading.Event()
    threads = Threads(1, 0.2, "test", "nothing came")
    hanging, well = threads.submit(dead_share.wait), threads.submit(divmod, 17, 5)
    with pytest.raises(UnreadableError, match=r"nothing came after .* is its disk still there"):
        hanging.result(10)
    assert well.result(10) == (3, 2)
    dead_share.set()
    assert threads.submit(divmod, 9, 2).result(10) == (4, 1), "what came back too late disturbs nobody"
    threads.close()


def test_a_thread_that_hangs_does_not_keep_the_program_from_ending() -> None:
    run = subprocess.run([sys.executable, "-c", _HANGS], timeout=30, capture_output=True, check=False)
    assert run.returncode == 0
