"""`supercharge clean` as a user meets it: what it prints, where, and its exit codes."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import main

REPLY = "Sure:\n```python\ndef f(x)\n  return np.sum(x)\n```\n"
MODULE = "import numpy as np\n\n\ndef f(x):\n    return np.sum(x)\n"


@pytest.fixture
def supercharge(monkeypatch, capfd):
    """Runs the command line with these arguments and stdin: exit code, stdout, stderr."""

    def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["supercharge", "clean", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="ascii"))
        try:
            main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_given_a_file_then_its_module_is_printed_and_nothing_else(supercharge, tmp_path):
    (tmp_path / "reply.txt").write_text(REPLY)

    told = supercharge(str(tmp_path / "reply.txt"), "--entry-point", "f")

    assert told == (0, MODULE, "")


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_given_no_file_or_a_dash_then_stdin_is_read(supercharge, arguments):
    assert supercharge(*arguments, stdin=REPLY.encode()) == (0, MODULE, "")


def test_given_a_file_called_stdin_then_it_is_a_file(supercharge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("stdin").write_text(REPLY)

    assert supercharge("stdin") == (0, MODULE, "")


def test_when_edits_are_asked_for_then_stderr_has_one_to_a_line_and_the_warnings(supercharge):
    code, out, err = supercharge("--show-edits", stdin=REPLY.encode())

    assert (code, out) == (0, MODULE)
    assert err.splitlines() == [
        "extracted the code from the reply",
        "added a colon",
        "added import numpy as np",
        "warning: needs numpy, which is not in the standard library",
    ]


@pytest.mark.parametrize(
    ("stdin", "arguments", "named"),
    [
        (b"", (), "anything"),
        (b"Sorry, I cannot.", (), "anything"),
        (b"def g():\n    return 1\n", ("--entry-point", "f"), "defines f"),
    ],
)
def test_when_no_module_can_be_made_then_exit_1_and_one_line(supercharge, stdin, arguments, named):
    code, out, err = supercharge(*arguments, stdin=stdin)

    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert named in err


@pytest.mark.parametrize(
    ("arguments", "stdin", "named"),
    [
        (("missing.txt",), b"", "there is no file missing.txt"),
        (("/",), b"", "cannot read /"),
        ((), b"x = '\xff'", "stdin is not UTF-8: byte 5 is 0xff"),
        (("--entry-point", "a b"), b"x = 1", "--entry-point 'a b'"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(supercharge, arguments, stdin, named):
    code, out, err = supercharge(*arguments, stdin=stdin)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert named in err


def test_what_is_printed_is_utf_8_whatever_the_locale_says():
    source = "def f():\n    return 'é'\n"

    ran = subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", "clean"],
        input=source.encode(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )

    assert ran.stdout.decode() == source
