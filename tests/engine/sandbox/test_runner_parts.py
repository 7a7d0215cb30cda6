"""The runner's parts that decide, without a sandbox around them."""

from __future__ import annotations

import json
import os
import struct

import pytest

from engine.sandbox import frames
from engine.sandbox.cleaning import remove_contents
from engine.sandbox.expected import Examined, examine, judge

EXPECTED = examine("def test_a(): pass\n\nclass TestB:\n    def test_c(self): pass\n")
HONEST = {
    "tests": {"test_a": "passed", "TestB::test_c": "passed"},
    "failure": None,
    "exitstatus": 0,
    "threads": 0,
}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def test_a(): pass\n", {"test_a"}),
        ("async def test_a(): pass\n", {"test_a"}),
        ("def testing(): pass\ndef check(): pass\n", {"testing"}),
        ("class TestA:\n    def test_b(self): pass\n    def help(self): pass\n", {"TestA::test_b"}),
        ("class TestA:\n    def __init__(self): pass\n    def test_b(self): pass\n", set()),
        ("class Other:\n    def test_b(self): pass\n", set()),
        ("import unittest as u\nclass A(u.TestCase):\n    def test_b(self): pass\n", {"A::test_b"}),
        ("if True:\n    x = 1\n", set()),
        ("def f(:\n", set()),
        ("x = '\\0'\n", set()),
        ("\0", set()),
        ("(" * 10_000, set()),
        ("def test_a(): pass\n" + "#" * 600_000, set()),
        ("\ud800", set()),
    ],
)
def test_the_expected_tests_are_read_from_the_source(source, names):
    expected = examine(source)
    assert expected.names == names
    assert bool(expected.problem) is not bool(names)
    assert type(expected).from_message(json.loads(json.dumps(expected.to_message()))) == expected


def test_what_is_known_of_tests_is_kept_within_bounds():
    sources = [f"def test_{n}(): pass\n" for n in range(20)]
    one = len(sources[0]) + len(examine(sources[0]).code)
    known = Examined(limit=5 * one + one // 2)
    for source in [*sources[:10], *sources]:
        known.add(source, examine(source))
    assert [known.get(source) is not None for source in sources] == [False] * 15 + [True] * 5
    assert known.get(sources[-1]) == examine(sources[-1])
    known.add("#" * 10 * one, examine(""))
    assert known.get("#" * 10 * one) is None


def test_what_was_found_out_first_about_a_test_stays():
    known = Examined()
    known.add("x", EXPECTED)
    known.add("x", examine(""))
    assert known.get("x") is EXPECTED


def test_an_honest_report_passes():
    assert judge(HONEST, EXPECTED).passed
    cases = {"test_a[1]": "passed", "test_a[2]": "passed", "TestB::test_c": "passed"}
    assert judge(HONEST | {"tests": cases}, EXPECTED).passed


@pytest.mark.parametrize(
    "change",
    [
        {"tests": {"test_a": "passed"}},
        {"tests": {"test_a": "passed", "TestB::test_c": "skipped"}},
        {"tests": {"test_a": "passed", "TestB::test_c": "passed", "test_d": "failed"}},
        {"tests": {"test_a": "passed", "TestB::test_c": "called"}},
        {"tests": {}},
        {"tests": ["test_a", "TestB::test_c"]},
        {"tests": None},
        {"failure": {}},
        {"failure": {"error": "E", "message": "m", "output": "o"}},
        {"exitstatus": 1},
        {"exitstatus": None},
        {"exitstatus": "0"},
        {"threads": 1},
    ],
)
def test_a_report_with_anything_amiss_does_not(change):
    finding = judge(HONEST | change, EXPECTED)
    assert not finding.passed
    assert finding.error


def test_frames_come_back_as_they_went_in_pieces():
    messages = [{"a": 1}, {"text": "\ud800 é"}, {"deep": [{"x": None}]}]
    data = b"".join(frames.encode(message) for message in messages)
    decoder = frames.Decoder()
    found = [message for byte in data for message in decoder.feed(bytes([byte]))]
    assert found == messages
    assert decoder.pending == 0


@pytest.mark.parametrize("body", [b"not json", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_frame_is_an_error(body):
    with pytest.raises(frames.FrameError):
        list(frames.Decoder().feed(struct.pack(">I", len(body)) + body))


def test_a_frame_that_is_too_long_is_refused_before_it_comes():
    with pytest.raises(frames.FrameError, match="longer than 10"):
        list(frames.Decoder(limit=10).feed(struct.pack(">I", 11)))


def test_a_directory_is_emptied_and_links_are_not_followed(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (outside / "kept").write_text("")
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "closed").mkdir()
    (root / "closed" / "file").write_text("")
    (root / "closed").chmod(0)
    here = os.getcwd()
    os.chdir(root)
    for _ in range(1500):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
        os.symlink("/", "up")
    os.chdir(here)
    remove_contents(str(root), None)
    assert not list(root.iterdir())
    assert (outside / "kept").exists()
