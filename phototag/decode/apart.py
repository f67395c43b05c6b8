"""A photo's bytes in, `Decoded` out, by way of a process that may crash or hang without taking the scan with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from phototag.decode import Limits
from phototag.decode.messages import receive, send
from phototag.errors import TOO_LONG, UndecodableError, UnreadableError
from phototag.records import Decoded, Facts, Fit, PhotoRef

CRASHED = "crashed the decoder"
"""Reasons of photos that are left alone until they change."""

_PROGRAM = (sys.executable, "-P", "-m", "phototag.decode.worker")
_START_TIMEOUT_S = 60.0  # a busy machine with a cold disk; the photo's own limit begins afterwards
RETRY = "left alone until it changes, or with --retry-failed"
"""What becomes of them."""


class Processes:
    """Disposable processes that decode: as many as are asked at the same time, kept for the next photos.

    May be called from several threads. One that crashes or takes too long is ended and replaced.

    Args:
        timeout_s: what a photo may take.
        large: the lock under which a photo may take much memory.
        program: what to run; it speaks the language of `phototag.decode.worker`.
    """

    def __init__(self, timeout_s: float, large: AbstractContextManager[Any], program: Sequence[str] = _PROGRAM) -> None:
        self._timeout_s = timeout_s
        self._large = large
        self._program = program
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._closed = False

    def decode(self, ref: PhotoRef, data: bytes, image_size: int, fit: Fit, limits: Limits) -> Decoded:
        """Decode as `phototag.decode.decode_bytes` does.

        Raises:
            UndecodableError: as there; also "crashed the decoder" and "took too long".
            UnreadableError: as there; also where no process can be started, or the system ended it.
        """
        process = self._take()
        try:
            decoded = process.decode(ref, data, image_size, fit, limits, self._large)
        except (UndecodableError, UnreadableError):
            self._give_back(process)
            raise
        except BaseException:
            self._end(process)
            raise
        self._give_back(process)
        return decoded

    def start(self) -> None:
        """Have a process ready, so that the next photo need not wait for one.

        Raises:
            UnreadableError: none can be started.
        """
        self._give_back(self._take())

    def close(self) -> None:
        """End all processes, those at work too."""
        with self._lock:
            self._closed = True
            ended, self._all, self._idle = self._all, set(), []
        for process in ended:
            process.end()

    def _take(self) -> "_Process":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        process = _Process(self._program, self._timeout_s)
        with self._lock:
            self._all.add(process)
            closed = self._closed
        if closed:
            self._end(process)
            raise UnreadableError("stopped", "the scan is coming to its end")
        return process

    def _give_back(self, process: "_Process") -> None:
        if not process.is_alive():
            self._end(process)
            return
        with self._lock:
            if not self._closed:
                self._idle.append(process)

    def _end(self, process: "_Process") -> None:
        with self._lock:
            self._all.discard(process)
        process.end()


class _Process:
    """One process that decodes a photo at a time."""

    def __init__(self, program: Sequence[str], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._timed_out = False
        # -P keeps the current folder, which may be the library, off the path; so it is handed over in full.
        path = os.pathsep.join(filter(None, sys.path))
        try:
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": path},
            )
        except OSError as exc:
            raise UnreadableError("no decoding process", f"{program[0]} cannot be started: {exc.strerror}") from exc
        with self._limited(_START_TIMEOUT_S):
            if self._receive() is None:
                self.end()
                raise UnreadableError("no decoding process", f"{' '.join(program)} does not start")

    def is_alive(self) -> bool:
        return not self._timed_out and self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it did not read is lost
                assert pipe is not None
                pipe.close()

    def decode(
        self,
        ref: PhotoRef,
        data: bytes,
        image_size: int,
        fit: Fit,
        limits: Limits,
        large: AbstractContextManager[Any],
    ) -> Decoded:
        header = {"path": ref.path, "image_size": image_size, "fit": fit, "limits": asdict(limits)}
        with ExitStack() as turn:
            answer = self._ask(header, data)
            if answer and answer[0].get("large"):
                turn.enter_context(large)
                answer = self._ask({})
        if answer is None:
            raise self._blame()
        told, pixels = answer
        if "reason" in told:
            raise (UnreadableError if told["passing"] else UndecodableError)(told["reason"], told["detail"])
        square = np.frombuffer(pixels, np.uint8).reshape(image_size, image_size, 3)
        facts = Facts(**told["facts"])
        if facts.place is not None:  # JSON knows no tuples
            facts = replace(facts, place=(facts.place[0], facts.place[1]))
        return Decoded(ref, bytes.fromhex(told["content_hash"]), facts, square)

    def _ask(self, header: dict[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytes] | None:
        """Send a message and wait for its answer; None where the process ends instead, or is ended."""
        assert self._process.stdin is not None
        with self._limited(self._timeout_s):
            try:
                send(self._process.stdin, {**header, "timeout_s": self._timeout_s}, data)
            except OSError:  # it ended while it was sent to
                return None
            return self._receive()

    def _receive(self) -> tuple[dict[str, Any], bytes] | None:
        assert self._process.stdout is not None
        return receive(self._process.stdout)

    def _limited(self, seconds: float) -> "_Limit":
        return _Limit(self._expire, seconds)

    def _expire(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _blame(self) -> UndecodableError | UnreadableError:
        """Why there was no answer."""
        code = self._process.wait()
        if self._timed_out:
            return UndecodableError(TOO_LONG, f"not decoded after {self._timeout_s:g} s: {RETRY}")
        if code == -getattr(signal, "SIGKILL", 9):
            return UnreadableError("out of memory", "the system ended the process that decoded it")
        how = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        return UndecodableError(CRASHED, f"{how}: {RETRY}")


class _Limit:
    """A block of code after whose time something is called that makes it end."""

    def __init__(self, expire: Any, seconds: float) -> None:
        self._timer = threading.Timer(seconds, expire)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
