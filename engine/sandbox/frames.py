"""Messages between the host and the runner: a length, then JSON.

The same file runs on both sides. Lengths are bounded, so that neither side can be made to hold
more than one frame of `MAX_FRAME` bytes of the other.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class FrameError(ValueError):
    """The bytes are not frames, or a frame is too long."""


def encode(message: Mapping[str, Any]) -> bytes:
    """One message as bytes. Raises FrameError when it is longer than `MAX_FRAME`."""
    # ASCII keeps lone surrogates, which a candidate may print, out of the encoder's way.
    body = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    if len(body) > MAX_FRAME:
        raise FrameError(f"a message of {len(body)} bytes is longer than {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Collects bytes as they come and gives the messages that are complete."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Take `data` in; yield each message that it completes.

        Raises FrameError when a length is over the limit or a body is not a JSON object.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._limit:
                raise FrameError(f"a frame of {length} bytes is longer than {self._limit}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                message = json.loads(body)
            except (ValueError, RecursionError) as error:
                raise FrameError("a frame is not JSON") from error
            if not isinstance(message, dict):
                raise FrameError("a frame is not an object")
            yield message

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)
