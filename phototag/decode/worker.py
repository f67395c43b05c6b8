"""A photo's bytes in on stdin, its pixels or why there are none out on stdout: what runs in a disposable process.

`python -m phototag.decode.worker` serves one photo after the other until stdin ends.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import BinaryIO

from phototag.decode import Limits, decode_bytes
from phototag.decode.messages import receive, send
from phototag.errors import PhotoError, UnreadableError
from phototag.records import Decoded, PhotoRef

_GRACE_S = 2.0
"""By how much the process outlives its limit where nobody ends it, because the scan that started it was killed."""

_STDOUT, _STDERR = 1, 2


def main() -> None:
    """Serve on stdin and stdout, and keep what the C libraries print away from both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the scan, which then closes stdin
    outgoing = os.fdopen(os.dup(_STDOUT), "wb")
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), _STDOUT)
        os.dup2(null.fileno(), _STDERR)
    serve(sys.stdin.buffer, outgoing)


def serve(incoming: BinaryIO, outgoing: BinaryIO, decode: Callable[..., Decoded] = decode_bytes) -> None:
    """Say that all is ready, then answer until nothing more comes in."""
    send(outgoing, {"ready": True})
    while (asked := receive(incoming)) is not None:
        header, data = asked
        _set_alarm(header["timeout_s"] + _GRACE_S)
        turn = _Turn(incoming, outgoing)
        try:
            decoded = decode(
                PhotoRef(header["path"], len(data), 0),
                data,
                header["image_size"],
                header["fit"],
                Limits(**header["limits"]),
                turn,
            )
        except PhotoError as exc:
            passing = isinstance(exc, UnreadableError)
            send(outgoing, {"reason": exc.reason, "detail": exc.detail, "passing": passing})
        else:
            facts = {"facts": asdict(decoded.facts), "content_hash": decoded.content_hash.hex()}
            send(outgoing, facts, decoded.pixels.tobytes())
        _set_alarm(0)


class _Turn:
    """Asks the scan for leave to decode a large photo: it lets one at a time take so much memory."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def __enter__(self) -> None:
        _set_alarm(0)
        send(self._outgoing, {"large": True})
        answer = receive(self._incoming)
        if answer is None:
            raise SystemExit
        _set_alarm(answer[0]["timeout_s"] + _GRACE_S)

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """The answer to the photo gives the turn back."""


def _set_alarm(seconds: float) -> None:
    """Have the system end this process after so many seconds, whatever it is doing then; 0: never."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
