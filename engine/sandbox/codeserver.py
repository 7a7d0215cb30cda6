"""The code's side of the plain path: a small process that forks one child per code.

Runs inside the sandbox. It is forked before the runner has read anything and imports no pytest, so
its children have never had a test's source, or what a test expects, in their memory. Like the
runner it never runs a candidate's code itself.

A child answers calls that come over a pipe. Frames to it: a letter, then JSON. `C` starts a test
and `c` goes on with it, each a call: `[keywords, values, contents]`; `s` goes on without the
containers of earlier calls. Frames from it: `>` what the
code printed, `=` a value, `!` a builtin exception with its arguments, `~` another exception's name and
words, `?` why the answer may not cross; and first of all `+` when the code was imported, `x` why not.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import platform
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NoReturn, Self

from engine.sandbox import rights
from engine.sandbox.codec import MAX_BYTES, Codec, Malformed, Unplain, parse
from engine.sandbox.exceptions import PLAIN_EXCEPTIONS
from engine.sandbox.plain import MODULES

_CLONE_PARENT = 0x00008000
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
MACHINES = frozenset(_SYS_CLONE)
"""Where the server can run, by their names for `platform.machine`."""
_LENGTH = struct.Struct(">I")
_READ = 1 << 16
# pytest calls a test from about 60 frames deep. Here it is deeper: what does not overflow here does
# not overflow there, and what overflows here is run again there.
_DEPTH = 110
_PRINTED = 4000
# Overflows depend on the place; StopIteration is caught by whatever iterates, not by the test.
_LEFT = (RecursionError, MemoryError, StopIteration)
REQUESTS_FD, REPLIES_FD = 497, 498


@dataclass(slots=True)
class CodeServer:
    """The runner's end of the server."""

    channel: socket.socket
    pids: dict[int, int] = field(default_factory=dict)

    @classmethod
    def spawn(cls) -> Self:
        """Fork the server."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            _serve(theirs)
        theirs.close()
        # Whoever holds this end can have processes started: no child of the runner's may.
        private = fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD_CLOEXEC, rights.FIRST_PRIVATE_FD)
        ours.close()
        return cls(socket.socket(fileno=private))

    def start(self, number: int, order: Mapping[str, Any], requests: int, replies: int) -> None:
        """Have the server fork child `number`, which reads calls from `requests`.

        It writes to `replies`. `order` has `entry_point`, `code`, `cpu_s`, `limits` (as
        `rights.Limits`) and `memory`, bytes on top of what it starts with. Raises OSError when the
        server is gone.
        """
        source = os.memfd_create("code")
        try:
            with open(os.dup(source), "wb") as file:
                file.write(json.dumps(order).encode("ascii"))
            socket.send_fds(
                self.channel, [str(number).encode("ascii")], [requests, replies, source]
            )
        finally:
            os.close(source)

    def child(self, number: int) -> int:
        """The process id of child `number`. Raises EOFError when the server is gone."""
        while number not in self.pids:
            answer = self.channel.recv(64)
            if not answer:
                raise EOFError("the code server ended")
            found, pid = answer.split()
            self.pids[int(found)] = int(pid)
        return self.pids.pop(number)


def _serve(channel: socket.socket) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    kept = channel.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, 4096)
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        tag, fds, _, _ = socket.recv_fds(channel, 16, 3)
        if len(fds) != 3:
            os._exit(0)
        pid = _fork_beside()
        if pid == 0:
            _child(channel, *fds)
        for fd in fds:
            os.close(fd)
        channel.send(b"%s %d" % (tag, pid))


def _fork_beside() -> int:
    """Fork a sibling: a child of the runner, which alone reaps what candidates leave."""
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    number = _SYS_CLONE[platform.machine()]
    pid: int = ctypes.PyDLL(None).syscall(number, _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        api.PyOS_AfterFork_Child()
    else:
        api.PyOS_AfterFork_Parent()
    if pid < 0:
        os._exit(70)
    return pid


def _child(channel: socket.socket, requests: int, replies: int, source: int) -> NoReturn:
    try:
        order = json.loads(os.pread(source, os.fstat(source).st_size, 0))
        os.close(source)
        channel.close()
        os.dup2(requests, REQUESTS_FD)
        os.dup2(replies, REPLIES_FD)
        for fd in (requests, replies):
            os.close(fd)
        memory = rights.address_space() + order["memory"]
        limits = rights.Limits(**{**order["limits"], "memory": memory})
        if not limits.uid:
            os._exit(70)
        rights.drop(limits, cpu_s=order["cpu_s"])
        os.chdir("/")
        _deeper(_DEPTH, lambda: _run(order["entry_point"], order["code"]))
    finally:
        os._exit(70)


def _deeper(frames: int, function: Callable[[], None]) -> None:
    if frames:
        _deeper(frames - 1, function)
    else:
        function()


def _run(entry_point: str, source: str) -> None:
    printed = io.BytesIO()
    # As pytest captures.
    text = io.TextIOWrapper(printed, "utf-8", errors="replace", newline="", write_through=True)
    sys.stdout = sys.stderr = text
    module = ModuleType(entry_point)
    sys.modules[entry_point] = module
    try:
        exec(compile(source, f"{entry_point}.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except Exception as error:  # noqa: BLE001 - a candidate raises anything
        _send("x", json.dumps(_words(error)))
        return
    except BaseException as error:  # noqa: BLE001
        _send("?", json.dumps(f"{type(error).__name__} at import"))
        return
    function = vars(module).get(entry_point)
    if function is None:
        name = f"ImportError: cannot import name '{entry_point}' from '{entry_point}'"
        _send("x", json.dumps(name))
        return
    _send("+", "")
    _answer_calls(function, module, printed)


def _answer_calls(function: Any, module: ModuleType, printed: io.BytesIO) -> None:
    codec, source = Codec(), Frames(REQUESTS_FD)
    caches = [v for v in vars(module).values() if hasattr(v, "cache_clear")]
    while frame := source.next():
        letter, (names, wires, contents) = frame[0], parse(frame[1:])
        if letter != "c":
            codec = Codec()
        if letter == "C":
            for cache in caches:
                cache.cache_clear()
        values = codec.decode(wires, contents)
        count = len(values) - len(names)
        keywords = dict(zip(names, values[count:], strict=True)) if names else {}
        try:
            answer, result = "=", (function(*values[:count], **keywords),)
        except BaseException as error:  # noqa: BLE001 - a candidate raises anything
            answer, result = _raised(error)
        _send_printed(printed)
        try:
            _send(answer, result if isinstance(result, str) else f"[{codec.encode(result)}]")
        except Unplain as error:
            _send("?", json.dumps(str(error)))


def _raised(error: BaseException) -> tuple[str, Any]:
    """How an exception crosses: whole if it is a builtin one that its arguments make again."""
    kind = type(error)
    if not isinstance(error, Exception) or isinstance(error, _LEFT):
        return "?", json.dumps(kind.__name__)
    if PLAIN_EXCEPTIONS.get(kind.__name__) is kind and not vars(error):
        return "!", (kind.__name__, error.args)
    return "~", json.dumps([kind.__name__, _words(error)])


def _words(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # noqa: BLE001 - a candidate's __str__ raises anything
        text = "<unprintable>"
    name = type(error).__name__
    return f"{name}: {text}"[:4000] if text else name


def _send_printed(printed: io.BytesIO) -> None:
    if printed.tell():
        text = printed.getvalue().decode("utf-8", "replace")
        printed.seek(0)
        printed.truncate()
        _send(">", json.dumps(text[-_PRINTED:]))


def _send(letter: str, text: str) -> None:
    send(REPLIES_FD, letter + text)


def send(fd: int, *texts: str) -> None:
    """Write each text as a frame. Raises OSError when nobody reads any more."""
    bodies = [text.encode("ascii") for text in texts]
    data = b"".join([_LENGTH.pack(len(body)) + body for body in bodies])
    while data:
        data = data[os.write(fd, data) :]


class Frames:
    """Reads frames of text from a descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""
        self._at = 0

    def is_ready(self, timeout_s: float) -> bool:
        """Whether a frame, or the end, has begun to come within `timeout_s`."""
        waiting = len(self._buffer) > self._at
        return waiting or bool(select.select([self._fd], [], [], timeout_s)[0])

    def next(self, pause_s: float = 0.0) -> str:
        """The next frame; empty at the end. Raises Malformed for one that is too long or no text.

        `pause_s` is how long to let the other side write before it is waited for: a waiting reader is
        woken for every single frame, which costs more than the frame.
        """
        while True:
            begin = self._at + _LENGTH.size
            if len(self._buffer) >= begin:
                length: int = _LENGTH.unpack_from(self._buffer, self._at)[0]
                if not 0 < length <= MAX_BYTES + _READ:
                    raise Malformed(f"a frame of {length} bytes")
                end = begin + length
                if len(self._buffer) >= end:
                    break
            if pause_s:
                time.sleep(pause_s)
            data = os.read(self._fd, _READ)
            if not data:
                return ""
            self._buffer, self._at = self._buffer[self._at :] + data, 0
        body, self._at = self._buffer[begin:end], end
        try:
            return body.decode("ascii")
        except UnicodeDecodeError as error:
            raise Malformed("a frame that is no text") from error
