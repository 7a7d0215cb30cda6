"""The socket of the web side: made, or refused in one line, or handed on, to outlive a restart."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from bot.listening import inherited, listen
from engine.errors import BadInput

ANSWERS_ONE = """
import os, sys
from bot.listening import inherited
listener = inherited(int(sys.argv[1]))
connection, _ = listener.accept()
connection.recv(10)
connection.sendall(b"%d" % os.getpid())
connection.close()
"""


def start(listener: socket.socket) -> subprocess.Popen[bytes]:
    kept = listener.fileno()
    return subprocess.Popen([sys.executable, "-c", ANSWERS_ONE, str(kept)], pass_fds=[kept])


def test_a_connection_waits_while_the_process_is_started_again() -> None:
    with listen("127.0.0.1", 0) as listener:
        first = start(listener)
        first.send_signal(signal.SIGKILL)
        first.wait()
        with socket.create_connection(listener.getsockname(), timeout=20) as waiting:
            waiting.sendall(b"ask")
            second = start(listener)
            assert int(waiting.recv(20)) == second.pid
        assert second.wait() == 0


def test_an_address_that_is_taken_is_refused_in_one_line() -> None:
    with listen("127.0.0.1", 0) as listener:
        _, port = listener.getsockname()
        with pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1:{port}: .*web.port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    "environ", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "1"}]
)
def test_what_was_handed_on_to_nobody_or_to_another_process_is_left_alone(
    environ: dict[str, str],
) -> None:
    assert inherited(environ=environ) is None


def test_several_sockets_are_not_guessed_at() -> None:
    with pytest.raises(BadInput, match="hand on one listening socket"):
        inherited(environ={"LISTEN_FDS": "2", "LISTEN_PID": str(os.getpid())})


def test_what_is_no_listening_socket_is_refused() -> None:
    with open(os.devnull) as file, pytest.raises(BadInput, match="is no socket"):
        inherited(file.fileno())
    with socket.socket() as deaf, pytest.raises(BadInput, match="does not listen"):
        inherited(deaf.fileno())
