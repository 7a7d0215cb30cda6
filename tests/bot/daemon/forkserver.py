"""Starts `supercharge` commands as processes of their own, without loading everything anew each time.

    python -m tests.bot.daemon.forkserver

A line of JSON on stdin (`arguments`, `environment`, `log`) is a process to start; its id is answered on
stdout. What a worker needs is imported once, here, where no thread runs; each process is a fork of
this one that goes through `bot.cli.main`, as the console script does.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys

import bot.cli
import bot.forge.github.client
import bot.forge.github.credentials
import bot.store.store
import bot.web
import bot.worker
import engine.llm.scripted
import engine.sandbox.bubblewrap
import engine.sandbox.docker
import engine.sandbox.session  # noqa: F401

_PR_SET_PDEATHSIG = 1


def serve() -> None:
    # Nobody waits for the children here: the kernel is to bury them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(wanted["arguments"], wanted["environment"], wanted["log"])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    code = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # A test that is killed leaves nothing behind: its end is ours, and ours is theirs.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (written, 1), (written, 2)):
            os.dup2(source, target)
        # Whoever waits for an end that does not come is shown what every thread is doing.
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["supercharge", *arguments]
        bot.cli.main()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
