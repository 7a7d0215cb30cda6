"""The runner in a container, as a link: what it reads and writes, over Docker's attach socket."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any

import docker
import docker.errors
import requests.exceptions

from engine.sandbox.connection import LinkLost

ENGINE_ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)
"""What the client raises when the engine refuses or does not answer."""

_STREAM_HEADER = struct.Struct(">BxxxI")
_STDOUT = 1


class ContainerLink:
    """The attached standard streams of one container."""

    def __init__(self, client: docker.DockerClient, container: Any) -> None:
        self._container = container
        self._errors = bytearray()
        self._left = 0
        self._stream = 0
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = client.api.attach_socket(container.id, params=streams)
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._attached = attached
        self._socket.settimeout(None)
        container.start()

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkLost(self.last_words() or str(error)) from error

    def receive(self) -> bytes:
        """Bytes of the runner's output; what it says on the error stream is kept aside."""
        while True:
            if not self._left:
                header = self._exactly(_STREAM_HEADER.size)
                if not header:
                    return b""
                self._stream, self._left = _STREAM_HEADER.unpack(header)
                continue
            data = self._socket.recv(min(self._left, 1 << 16))
            if not data:
                return b""
            self._left -= len(data)
            if self._stream == _STDOUT:
                return data
            self._errors = (self._errors + data)[-4096:]

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                return b""
            data += more
        return data

    def last_words(self) -> str:
        return self._errors.decode("utf-8", "replace").strip()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        # It removes itself when it ends; both ways of being too late are fine.
        with contextlib.suppress(*ENGINE_ERRORS):
            self._container.remove(force=True)

    def release(self) -> None:
        """Close the socket, once nobody reads from it."""
        # The client's pool does not know of a connection that was taken over.
        response = getattr(self._attached, "_response", None)
        if response is not None:
            with contextlib.suppress(OSError, ValueError):
                response.close()
        self._attached.close()
        self._socket.close()
