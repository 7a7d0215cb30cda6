"""Processes that are kept running together. Real ones."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from bot.supervisor import Child, Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def in_a_hurry() -> float:
    """A clock on which pauses of a minute take a tenth of a second."""
    return time.monotonic() * 600


def test_a_process_that_dies_is_started_again_until_it_cannot_run_at_all(tmp_path: Path) -> None:
    count = tmp_path / "starts"
    code = (
        f"import sys; f = open({str(count)!r}, 'a+'); f.write('x'); f.flush(); f.seek(0);"
        " sys.exit(2 if len(f.read()) == 3 else 1)"
    )
    ended = Supervisor([Child("worker", python(code))], clock=in_a_hurry).run()
    assert ended == 2
    assert count.read_text() == "xxx"


def test_stopping_ends_every_process_and_each_may_put_its_things_in_order(tmp_path: Path) -> None:
    fifo, log = tmp_path / "ready", tmp_path / "log"
    os.mkfifo(fifo)
    code = (
        "import signal, sys\n"
        f"def end(*_):\n    open({str(log)!r}, 'a').write(sys.argv[1]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"open({str(fifo)!r}, 'w').write('r')\n"
        "signal.pause()\n"
    )
    supervisor = Supervisor([Child(n, [*python(code), n]) for n in ("web", "worker")])
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(supervisor.run()))
    thread.start()
    ready = ""
    while len(ready) < 2:
        ready += fifo.read_text()
    supervisor.stop()
    thread.join(timeout=30)
    assert codes == [0]
    assert log.read_text() in {"webworker", "workerweb"}


def test_one_that_is_deaf_to_the_signal_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f" open({str(fifo)!r}, 'w').write('r'); signal.pause()"
    )
    child = Child("worker", python(code))
    supervisor = Supervisor([child], grace_s=0.2)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    fifo.read_text()
    assert child.process is not None
    pid = child.process.pid
    supervisor.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_pauses_grow_and_a_long_life_starts_them_anew() -> None:
    child = Child("worker", python("pass"))
    now, pauses = 0.0, []
    for lived in (1, 1, 1, 1, 1, 1, 1, 1, 100):
        child.start(now, None)
        assert child.process is not None
        child.process.wait()
        now += lived
        assert child.ended(now) == 0
        pauses.append(child.pause)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5]
