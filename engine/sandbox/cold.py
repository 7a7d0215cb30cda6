"""One pair by a pytest that starts from nothing: `python -m engine.sandbox.cold WORK`.

Runs inside the sandbox, in the pair's own process, which has given up every right and then replaced
itself. Nothing is warm: this is what a person sees who runs pytest. It confirms what is to ship.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn

import pytest

from engine.sandbox import child, rights
from engine.sandbox.expected import TEST_MODULE
from engine.sandbox.recorder import Recorder


@dataclass(frozen=True, slots=True)
class _Ready:
    """Makes room for the candidate's module once pytest has imported its own.

    The function under test may be called `copy` or `time`.
    """

    entry_point: str
    directory: str

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        sys.modules.pop(self.entry_point, None)
        sys.path.insert(0, self.directory)


def start(work: child.Work, output: int) -> NoReturn:
    """Become that process. The sources lie in `work.directory`; `output` is the most to report."""
    os.set_inheritable(rights.REPORT_FD, True)
    said = json.dumps([work.entry_point, work.directory, work.nonce, work.ini_file, output])
    command = [sys.executable, "-I", "-B", "-m", "engine.sandbox.cold", said]
    os.execv(command[0], command)


def main(arguments: list[str]) -> NoReturn:
    """Run the pair's test and report it."""
    entry_point, directory, nonce, ini_file, output = json.loads(arguments[0])
    os.set_inheritable(rights.REPORT_FD, False)
    sys.path.append(os.environ["PYTHONPATH"])
    recorder = Recorder(directory=directory, output_limit=output)
    options = [f"--rootdir={directory}", f"--config-file={ini_file}", "--noconftest", "--color=no"]
    options += ["-p", "no:cacheprovider", "--show-capture=no", f"--basetemp={directory}/tmp"]
    plugins = [recorder, _Ready(entry_point, directory)]
    try:
        exitstatus = int(pytest.main([f"{directory}/{TEST_MODULE}.py", *options], plugins))
    except BaseException as error:  # noqa: BLE001 - what the candidate raises through pytest
        recorder.fail("exit", f"{type(error).__name__} ended pytest", traceback.format_exc())
        exitstatus = 3
    child.report(nonce, recorder, exitstatus)


if __name__ == "__main__":
    main(sys.argv[1:])
