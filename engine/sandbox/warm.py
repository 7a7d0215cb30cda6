"""pytest, made ready once: what every pair would do again is done before the fork.

Runs inside the sandbox. Configuration, fixture tables and the way from the root directory to the test
module take most of a small pytest run, and depend on no candidate. What is left for a pair is what
`pytest` does after them, from importing the test module on, in the same order and with the same exit
codes as pytest's own `wrap_session`.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from _pytest.config import _prepareconfig
from _pytest.main import Failed

from engine.sandbox.expected import TEST_MODULE
from engine.sandbox.recorder import Recorder

_UNUSED_PLUGINS = (
    "cacheprovider",
    "faulthandler",
    "junitxml",
    "pastebin",
    "setuponly",
    "setupplan",
    "stepwise",
    "threadexception",
    "unraisableexception",
)
# What a failing test makes pytest import.
_FOR_FAILURES = (
    "difflib",
    "pprint",
    "_pytest._code.source",
    "_pytest._io.pprint",
    "encodings.utf_8",
)


@dataclass(frozen=True, slots=True)
class WarmPytest:
    """A pytest session that has found its test module and not imported it yet."""

    config: pytest.Config
    session: pytest.Session
    recorder: Recorder

    @classmethod
    def start(cls, directory: str, ini_file: str) -> Self:
        """A session for the test module in `directory`, which must exist for the moment."""
        arguments = [
            f"{directory}/{TEST_MODULE}.py",
            f"--rootdir={directory}",
            f"--config-file={ini_file}",
            # Else pytest looks through every folder above, for a conftest.py that it may not read.
            f"--confcutdir={directory}",
            f"--basetemp={directory}/tmp",
            "--noconftest",
            "--capture=sys",
            "--color=no",
            "--quiet",
            "--no-header",
            "--no-summary",
            "--show-capture=no",
        ]
        for plugin in _UNUSED_PLUGINS:
            arguments += ["-p", f"no:{plugin}"]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        config = _prepareconfig(arguments)
        session = pytest.Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        module = Path(directory, f"{TEST_MODULE}.py")
        module.touch()
        found = session.perform_collect(genitems=False)
        module.unlink()
        # What `pytest_collection` calls in the pair's own process.
        setattr(session, "perform_collect", lambda: _collect_in(found, session))  # noqa: B010
        recorder = Recorder()
        config.pluginmanager.register(recorder)
        _silence(config)
        for name in _FOR_FAILURES:
            importlib.import_module(name)
        captured = config.pluginmanager.getplugin("capturemanager")._global_capturing
        for stream in (captured.out.tmpfile, captured.err.tmpfile):
            # As in a cold run, where pytest captures descriptors: half a surrogate pair prints.
            stream.reconfigure(errors="replace")
        # Fills a table of all modules' files, which every failure's traceback asks for.
        inspect.getmodule(compile("", "nowhere", "exec"))
        know_module(TEST_MODULE, f"{TEST_MODULE}.py", f"{directory}/{TEST_MODULE}.py")
        return cls(config, session, recorder)

    def run(self) -> int:
        """Collect, run and finish; pytest's exit code.

        Raises what a candidate raises through the end of pytest's session.
        """
        session, hook = self.session, self.config.hook
        try:
            session.exitstatus = self._main()
        except Failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        except KeyboardInterrupt:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        except pytest.exit.Exception as error:
            code = error.returncode
            session.exitstatus = pytest.ExitCode.INTERRUPTED if code is None else code
        except BaseException:  # noqa: BLE001 - a candidate raises anything, SystemExit too
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        hook.pytest_sessionfinish(session=session, exitstatus=session.exitstatus)
        self.config._ensure_unconfigure()
        return int(session.exitstatus)

    def _main(self) -> int:
        self.config.hook.pytest_collection(session=self.session)
        self.config.hook.pytest_runtestloop(session=self.session)
        if self.session.testsfailed:
            return pytest.ExitCode.TESTS_FAILED
        if not self.session.testscollected:
            return pytest.ExitCode.NO_TESTS_COLLECTED
        return pytest.ExitCode.OK


def know_module(name: str, *files: str) -> None:
    """Tell `inspect` beforehand whose `files` are, for it looks through all modules otherwise.

    That touches a page of each, and a page that was shared with the parent is copied when touched.
    """
    inspect.modulesbyfile.update(dict.fromkeys(files, name))


def _collect_in(found: Sequence[pytest.Item | pytest.Collector], session: pytest.Session) -> None:
    """What `Session.perform_collect` does once it has `found` the module: import it, make the items."""
    config, items = session.config, session.items
    items.clear()
    try:
        for node in found:
            items.extend(session.genitems(node))
        config.pluginmanager.check_pending()
        config.hook.pytest_collection_modifyitems(session=session, config=config, items=items)
    finally:
        config.hook.pytest_collection_finish(session=session)
    session.testscollected = len(items)


def _silence(config: pytest.Config) -> None:
    """Take the hooks of the reporter that writes to a terminal, which nobody reads here.

    The reporter itself stays, since others write their words with it.
    """
    manager = config.pluginmanager
    reporter = manager.get_plugin("terminalreporter")
    for caller in manager.get_hookcallers(reporter) or ():
        caller._remove_plugin(reporter)
