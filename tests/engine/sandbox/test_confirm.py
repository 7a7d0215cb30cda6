"""What is about to ship is confirmed by a pytest that starts from nothing, in a place of its own."""

from __future__ import annotations

import threading

import pytest

from engine.errors import Cancelled
from engine.verdicts import Verdict

GOOD = "def double(n):\n    return 2 * n\n"
TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"


def test_a_right_pair_is_confirmed(opened):
    result = opened.confirm(("c", "t"), GOOD, TEST, entry_point="double")
    assert (result.pair, result.verdict, result.error) == (("c", "t"), Verdict.PASSED, "")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def double(n):\n    return n\n", "AssertionError"),
        ("def double(n)\n", "collection"),
        ("import os\n\n\ndef double(n):\n    os._exit(0)\n", "exit"),
        (
            "import _pytest.python\n\n_pytest.python.Function.runtest = lambda self: None\n\n\n"
            "def double(n):\n    return 0\n",
            "forged",
        ),
    ],
)
def test_a_wrong_one_is_not(opened, code, error):
    result = opened.confirm(("c", "t"), code, TEST, entry_point="double")
    assert (result.verdict, result.error) == (Verdict.FAILED, error)


def test_nothing_of_the_warm_runner_is_there(opened):
    test = f"import os\nimport sys\n\n{TEST}    assert 'engine.sandbox.runner' not in sys.modules\n"
    result = opened.confirm(("c", "t"), GOOD, test, entry_point="double")
    assert result.verdict is Verdict.PASSED, result.output
    (warm,) = opened.run_pairs({"c": GOOD}, {"t": test}, entry_point="double")
    assert warm.verdict is Verdict.FAILED


def test_a_function_named_like_a_library_is_the_candidates(opened):
    test = TEST.replace("double", "copy")
    result = opened.confirm(("c", "t"), GOOD.replace("double", "copy"), test, entry_point="copy")
    assert result.verdict is Verdict.PASSED, result.output


def test_it_can_be_cancelled(opened):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        opened.confirm(("c", "t"), GOOD, TEST, entry_point="double", cancel=cancel)
