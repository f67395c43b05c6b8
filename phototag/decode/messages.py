"""Headers and bytes in, messages on a pipe out, and back: a line of JSON and the bytes that it announces.

Nothing in a message is ever executed, for the process at the other end reads what strangers made.
"""

import json
from typing import IO, Any


def send(to: IO[bytes], header: dict[str, Any], data: bytes = b"") -> None:
    """Send a message."""
    to.write(json.dumps({**header, "bytes": len(data)}).encode() + b"\n")
    to.write(data)
    to.flush()


def receive(of: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Receive a message; None at the end of the stream, also of one that ends in the middle."""
    line = of.readline()
    if not line.endswith(b"\n"):
        return None
    header: dict[str, Any] = json.loads(line)
    data = of.read(header["bytes"])
    return (header, data) if len(data) == header["bytes"] else None
