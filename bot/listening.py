"""The socket that deliveries come in at: made here, or inherited, so that it outlives a restart.

Whoever keeps the web process running (`supercharge serve` by `web --fd`, or systemd by a socket unit)
may hold the socket and hand it on. While the process is started again, GitHub's connections
then wait in the socket's queue and are not refused: GitHub waits ten seconds, and delivers only once.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from engine.errors import BadInput

FIRST_FD = 3
"""The file descriptor that an inherited socket has, by systemd's protocol."""
QUEUE = 1024
"""Connections that wait at most."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address. Raises BadInput where that is not to be had."""
    listener = None
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(QUEUE)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise BadInput(
            f"cannot listen on {host}:{port}: {error.strerror or error}; set web.host and web.port"
        ) from error
    return listener


def inherited(
    fd: int | None = None, environ: Mapping[str, str] = os.environ
) -> socket.socket | None:
    """The listening socket that was handed on to this very process, if one was.

    It has the descriptor `fd`, or the one of systemd's protocol. Raises BadInput where that is no
    listening socket, or where there are several: it is not to be guessed which is meant.
    """
    if fd is None:
        if environ.get("LISTEN_PID") != str(os.getpid()):
            return None
        if environ.get("LISTEN_FDS") != "1":
            raise BadInput(
                f"LISTEN_FDS is {environ.get('LISTEN_FDS')}: hand on one listening socket"
            )
        fd = FIRST_FD
    try:
        listener = socket.socket(fileno=fd)
    except OSError as error:
        raise BadInput(f"descriptor {fd} is no socket: {error.strerror or error}") from error
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.detach()
        raise BadInput(f"descriptor {fd} is a socket that does not listen")
    return listener
