"""Work in, futures out: threads that give up what hangs, and that no program waits for when it ends.

A read from a dead network share may never return, and no thread can be ended from outside. `ThreadPoolExecutor` would
wait for it, at the latest when the program ends. Here a task that takes too long fails, its thread is left to itself,
and another takes its place.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from phototag.errors import TOO_LONG, UnreadableError

_T = TypeVar("_T")
_LOOKS_PER_LIMIT = 10
_LOOK_MOST_S = 1.0


class Threads:
    """A pool of daemon threads.

    Args:
        count: how many work at the same time.
        limit_s: what a task may take, from when a thread begins it.
        name: of the threads.
        outcome: what to say of a task that takes too long, such as "neither read nor decoded".
    """

    def __init__(self, count: int, limit_s: float, name: str, outcome: str) -> None:
        self._outcome = outcome
        self._limit_s = limit_s
        self._name = name
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: set[_Task] = set()
        self._closed = threading.Event()
        self._count = count
        for _ in range(count):
            self._start(self._work)
        self._start(self._watch)

    def submit(self, work: Callable[..., _T], *args: Any) -> "Future[_T]":
        """Do `work(*args)` in a thread.

        Returns:
            Its future. It raises `UnreadableError` "took too long" where a thread has not come back in time.
        """
        task = _Task(work, args)
        self._tasks.put(task)
        return task.future

    def call(self, work: Callable[..., _T], /, *args: Any) -> _T:
        """Do `work(*args)` in a thread, and wait for it: see `phototag.walk.Patiently`."""
        return self.submit(work, *args).result()

    def close(self) -> None:
        """Begin nothing more; what is under way ends by itself or not at all."""
        self._closed.set()
        for _ in range(self._count):
            self._tasks.put(None)

    def _start(self, target: Callable[[], None]) -> None:
        threading.Thread(target=target, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closed.is_set():
            task.started = time.monotonic()
            with self._lock:
                self._running.add(task)
            result, error = None, None
            try:
                result = task.work(*task.args)
            except BaseException as exc:  # noqa: BLE001 - whoever asks for the result gets it
                error = exc
            with self._lock:
                if task not in self._running:
                    return  # given up meanwhile: another thread is in this one's place
                self._running.remove(task)
            if error is None:
                task.future.set_result(result)
            else:
                task.future.set_exception(error)

    def _watch(self) -> None:
        """Give up what has taken too long."""
        while not self._closed.wait(min(_LOOK_MOST_S, self._limit_s / _LOOKS_PER_LIMIT)):
            before = time.monotonic() - self._limit_s
            with self._lock:
                late = [task for task in self._running if task.started < before]
                self._running.difference_update(late)
            for task in late:
                self._start(self._work)
                detail = f"{self._outcome} after {self._limit_s:g} s: is its disk still there?"
                task.future.set_exception(UnreadableError(TOO_LONG, detail))


class _Task:
    """A piece of work, when a thread began it, and its outcome."""

    __slots__ = ("args", "future", "started", "work")

    def __init__(self, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.work, self.args = work, args
        self.future: Future[Any] = Future()
        self.started = 0.0
