"""A code as its tests see it: a function whose calls go to another process.

Runs inside the sandbox, in the tests' process.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from engine.sandbox import codeserver
from engine.sandbox.codec import Codec, Malformed, Unplain, encode_call, parse
from engine.sandbox.exceptions import PLAIN_EXCEPTIONS
from engine.sandbox.expected import Expected
from engine.sandbox.plain import PlainTest

_PRINTED = 4000
# Half of what a pipe holds.
_AHEAD = 32 * 1024
_SKIP_S = 0.25
_PAUSE_S = 0.002
_CALL_S = 0.00003


@dataclass(frozen=True, slots=True)
class RowTest:
    """One test: its source, what was read from it, and what it defines if that is known yet."""

    source: str
    plain: PlainTest
    expected: Expected | None


class Leave(BaseException):
    """This test cannot be decided here."""


class _Foreign(Exception):
    """Stands for an exception of a class that this process does not know."""


@dataclass(slots=True)
class Code:
    """The code as the tests see it: a function.

    `ahead` are the calls of the running test that were sent before it began, and whose answers are
    still to be read; `foreseen` is whether there are no others.
    """

    source: codeserver.Frames
    name: str
    catches: bool = False
    foreseen: bool = False
    ahead: deque[str] = field(default_factory=deque)
    pause_s: float = 0.0
    codec: Codec = field(default_factory=Codec)
    letter: str = "C"
    leave: str = ""
    gone: bool = False
    printed: str = ""

    def opened(self) -> str:
        """Wait for the import; why it failed, empty if it did not. Raises Leave."""
        letter, text = self._reply()
        if letter == "+":
            return ""
        if letter == "x":
            return str(json.loads(text))
        raise self._left(text)

    def send_ahead(self, tests: Sequence[RowTest]) -> int:
        """Send all calls of the first tests whose calls are known; how many tests those are.

        Not more than fits into a pipe, so that neither side waits for the other one to read.
        """
        calls: list[str] = []
        size = count = 0
        for test in tests:
            known = test.plain.calls
            size += sum(map(len, known)) + len(known) * 8
            if not known or size > _AHEAD:
                break
            calls += [("s" if number else "C") + call for number, call in enumerate(known)]
            count += 1
        # The more there is to answer, the longer; a single call is waited for.
        self.pause_s = min(_PAUSE_S, (len(calls) - 1) * _CALL_S) if calls else 0.0
        if calls:
            try:
                codeserver.send(codeserver.REQUESTS_FD, *calls)
            except BrokenPipeError:
                # It has ended, and its last words may say why.
                return 0
        return count

    def begin(self, test: RowTest, *, foreseen: bool) -> None:
        """Forget what the last test knew; its calls have been sent if they are `foreseen`."""
        self.codec, self.letter, self.leave, self.printed = Codec(), "C", "", ""
        self.catches, self.foreseen = test.plain.catches, foreseen
        self.ahead = deque(test.plain.calls if foreseen else ())

    def end(self) -> None:
        """Drop the answers that the test, which failed before, did not ask for.

        One that does not come at once is not waited for: the row ends, and another begins.
        """
        while self.ahead and not self.gone:
            self.ahead.popleft()
            if self.source.is_ready(_SKIP_S):
                with contextlib.suppress(Leave, ValueError):
                    self._reply()
            else:
                self.gone = True

    def function(self) -> Callable[..., Any]:
        def call(*values: Any, **keywords: Any) -> Any:
            return self.call(values, keywords)

        call.__name__ = call.__qualname__ = self.name
        return call

    def call(self, values: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call the code. Raises what it raised, or Leave."""
        if self.leave:
            raise Leave
        codec = Codec() if self.foreseen else self.codec
        try:
            text = encode_call([*keywords], [*values, *keywords.values()], codec)
        except Unplain as error:
            raise self._left(str(error)) from None
        try:
            if not self.foreseen:
                codeserver.send(codeserver.REQUESTS_FD, self.letter + text)
            elif not self.ahead or self.ahead.popleft() != text:
                raise self._left("a call that was not foreseen")
            self.letter = "c"
            letter, body = self._reply()
            if letter == "?":
                raise self._left(body)
            if letter == "~":
                self._foreign(*map(str, json.loads(body)))
            result = codec.decode(*parse(body))
        except (Malformed, OSError, ValueError, TypeError, RecursionError, Unplain) as error:
            self.gone = True
            raise self._left(str(error)) from None
        if letter == "=" and len(result) == 1:
            return result[0]
        if letter == "!" and len(result) == 2 and result[0] in PLAIN_EXCEPTIONS:
            raise PLAIN_EXCEPTIONS[result[0]](*result[1])
        self.gone = True
        raise self._left("a reply of no kind")

    def _foreign(self, name: str, words: str) -> NoReturn:
        if self.catches:
            raise self._left(f"an exception of class {name}")
        kind = type(name[:100] or "Exception", (_Foreign,), {})
        raise kind(words.partition(": ")[2])

    def _reply(self) -> tuple[str, str]:
        while True:
            frame = self.source.next(self.pause_s)
            if not frame:
                self.gone = True
                raise self._left("the code's process ended")
            if frame[0] != ">":
                return frame[0], frame[1:]
            self.printed = (self.printed + str(json.loads(frame[1:])))[-_PRINTED:]

    def _left(self, reason: str) -> Leave:
        # Kept as well as raised: a test may catch everything.
        self.leave = reason or "it may not cross"
        return Leave()
