"""The pool on disk: what is written comes back, and a kill loses at most a line."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import poolfile
from engine.candidates import AskOutcome, Candidate, Kind, Origin, Pool
from engine.errors import BadInput
from engine.spec import Example, FunctionSpec
from engine.verdicts import Isolation, Judgement, PairResult, Verdict

SPEC = FunctionSpec(
    "A.f",
    "def f(self):",
    "Do ü.",
    "class A:\n    def f(self): ...\n",
    (Example("f()", "1"),),
    "a.py",
)
CODE = Candidate(
    Kind.CODE, "def f(self):\n    return 'ü\u2028'\n", raw="half \ud83d", edits=("a", "b")
)
RESULT = PairResult(
    CODE.id, "t", Verdict.FAILED, 0.5, "AssertionError", "1 != 2", "out\r\nput\0",
    Isolation.SEPARATE,
)  # fmt: skip
JUDGED = Judgement(CODE.id, None, 0.25, "reply")
ASKED = AskOutcome(Kind.TEST, Origin.IMPROVED, "improved", 4, 3, 2, 99, 1.5)
ENTRIES = [CODE, RESULT, JUDGED, ASKED]

# Two halves of a surrogate pair beside each other are one letter once they went through JSON.
TEXT = st.text() | st.text(max_size=3).map(lambda text: text + "\udc80")
NUMBER = st.floats(allow_nan=False)
ANY_ENTRY = st.one_of(
    st.builds(
        Candidate, kind=st.sampled_from(Kind), source=TEXT, raw=TEXT, origin=st.sampled_from(Origin),
        parent=st.none() | TEXT, logprob=st.none() | NUMBER, style=TEXT,
        edits=st.lists(TEXT, max_size=3).map(tuple),
    ),
    st.builds(
        PairResult, code_id=TEXT, test_id=TEXT,
        verdict=st.sampled_from([v for v in Verdict if v.is_final]),
        seconds=NUMBER, error=TEXT, message=TEXT, output=TEXT,
    ),
    st.builds(
        Judgement, code_id=TEXT, test_id=st.none() | TEXT, score=st.none() | NUMBER, reply=TEXT,
        method=TEXT,
    ),
    st.builds(
        AskOutcome, kind=st.sampled_from(Kind), origin=st.sampled_from(Origin), style=TEXT,
        samples=st.integers(), usable=st.integers(), fresh=st.integers(), tokens=st.integers(),
        seconds=NUMBER,
    ),
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pools" / "f.jsonl"


def write(path, entries, spec=SPEC, **about):
    with poolfile.PoolWriter(path, spec, **about) as writer:
        writer.append(entries)


@given(ANY_ENTRY)
def test_given_any_entry_then_it_comes_back_from_one_line_of_ascii(entry):
    line = json.dumps(poolfile.to_json(entry))

    assert line.isascii()
    assert "\n" not in line
    assert poolfile.from_json(json.loads(line)) == entry


def test_given_a_pool_then_reading_it_makes_it_again(path):
    write(path, ENTRIES, model="m", seed=3)

    about, pool = poolfile.load(path)

    assert pool == Pool().grown(ENTRIES)
    assert FunctionSpec.from_json(about["spec"]) == SPEC
    assert (about["model"], about["seed"]) == ("m", 3)


def test_given_two_writers_one_after_the_other_then_the_second_goes_on(path):
    write(path, ENTRIES[:2], model="first")
    write(path, ENTRIES[2:], model="second")

    about, pool = poolfile.load(path)

    assert pool == Pool().grown(ENTRIES)
    assert about["model"] == "first"


def test_given_our_own_faults_then_they_are_not_kept(path):
    hurt = PairResult("c", "t", Verdict.SANDBOX_ERROR)
    write(path, [hurt, CODE, hurt])
    write(path, [hurt])

    assert poolfile.load(path)[1] == Pool().grown([CODE])


def test_given_twins_then_the_count_comes_back(path):
    write(path, [CODE, CODE])

    assert poolfile.load(path)[1].seen == {CODE.id: 2}


def test_when_entries_are_appended_then_they_are_on_disk_before_it_returns(path):
    with poolfile.PoolWriter(path, SPEC) as writer:
        writer.append([CODE])
        assert poolfile.load(path)[1] == Pool().grown([CODE])


def test_given_a_kill_at_any_byte_then_at_most_the_last_line_is_lost_and_the_pool_goes_on(path):
    write(path, ENTRIES)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]

    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        lines = sum(1 for end in ends if end <= size)
        if lines:
            assert poolfile.load(path)[1] == Pool().grown(ENTRIES[: lines - 1])
        with poolfile.PoolWriter(path, SPEC) as writer:
            writer.append([ASKED])
        kept = ENTRIES[: max(lines - 1, 0)]
        assert poolfile.load(path)[1] == Pool().grown([*kept, ASKED]), size


@pytest.mark.parametrize("tail", [b"\0\0\0", b"\xff\xfe", b'{"candidate": ', b"{}"])
def test_given_a_torn_end_of_any_bytes_then_it_is_dropped(path, tail):
    write(path, [CODE])
    path.write_bytes(path.read_bytes() + tail)

    assert poolfile.load(path)[1] == Pool().grown([CODE])
    write(path, [JUDGED])
    assert poolfile.load(path)[1] == Pool().grown([CODE, JUDGED])


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "[]", "3", "null", "{}", "\udc80", '{"spam": {}}', '{"candidate": {}}',
        '{"candidate": 3}',
        '{"candidate": {"kind": "code", "source": "x"}, "result": {}}',
        '{"candidate": {"kind": "spam", "source": "x"}}',
        '{"candidate": {"kind": "code", "source": 3}}',
        '{"candidate": {"kind": "code", "source": "x", "edits": "ab"}}',
        '{"candidate": {"kind": "code", "source": "x", "edits": [1]}}',
        '{"candidate": {"kind": "code", "source": "x", "logprob": "high"}}',
        '{"candidate": {"kind": "code", "source": "x", "logprob": true}}',
        '{"candidate": {"kind": "code", "source": "x", "new": 1}}',
        '{"result": {"code_id": "c", "test_id": "t", "verdict": "spam"}}',
        '{"result": {"code_id": "c", "test_id": null, "verdict": "passed"}}',
        '{"ask": {"kind": "code"}}',
        "[" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_last", [True, False])
def test_given_a_damaged_line_then_it_is_named(path, line, is_last):
    write(path, [CODE])
    good = b"" if is_last else json.dumps(poolfile.to_json(JUDGED)).encode() + b"\n"
    data = line.encode(errors="surrogatepass") + b"\n" + good
    path.write_bytes(path.read_bytes() + data)

    with pytest.raises(BadInput) as raised:
        poolfile.load(path)
    assert str(raised.value).startswith(f"{path}:3: not an entry of a pool (")
    assert "\n" not in str(raised.value)


def test_given_whole_numbers_then_they_do_for_seconds():
    line = {"judgement": {"code_id": "c", "test_id": None, "score": 1}}

    assert poolfile.from_json(line) == Judgement("c", None, 1.0)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "is not a supercharge pool: its first line is no header"),
        ("\n", "is not a supercharge pool: its first line is no header"),
        ("def f(): ...\n", "is not a supercharge pool: its first line is no header"),
        ("[]\n", "is not a supercharge pool: its first line is no header"),
        ("{}\n", "is not a supercharge pool: its first line is no header"),
        ("[" * 100_000 + "\n", "is not a supercharge pool: its first line is no header"),
        ('{"format": "other", "version": 1}\n',
         "is a other of version 1; this reads supercharge-pool 1"),
        (
            '{"format": "supercharge-pool", "version": 2, "spec": {"new": 1}}\n',
            "is a supercharge-pool of version 2; this reads supercharge-pool 1",
        ),
        ('{"format": "supercharge-pool", "version": "x"}\n', "is not a supercharge pool: "),
        ('{"format": "supercharge-pool", "version": 1}\n',
         "the header has no function that this reads"),
        ('{"format": "supercharge-pool", "version": 1, "spec": []}\n', "the header has no function"),
    ],
)  # fmt: skip
def test_given_a_file_that_is_no_pool_then_reading_says_so_and_writing_leaves_it_alone(
    tmp_path, head, said
):
    path = tmp_path / "f.jsonl"
    path.write_text(head)

    with pytest.raises(BadInput, match=rf"f\.jsonl.*{said}"):
        poolfile.load(path)
    if head:
        with pytest.raises(BadInput):
            poolfile.PoolWriter(path, SPEC)
        assert path.read_text() == head


def test_given_text_without_a_line_end_then_the_writer_does_not_take_it_for_a_torn_header(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary")

    with pytest.raises(BadInput, match="is not a supercharge pool, and is left as it is"):
        poolfile.PoolWriter(path, SPEC)
    assert path.read_text() == "dear diary"


def test_given_the_pool_of_another_function_then_nothing_is_added(path):
    write(path, [CODE])
    before = path.read_bytes() + b'{"torn'
    path.write_bytes(before)

    with pytest.raises(BadInput, match="is the pool of another function"):
        poolfile.PoolWriter(path, replace(SPEC, description="Other."))
    assert path.read_bytes() == before


def test_given_a_file_that_was_moved_then_its_pool_is_still_its_own(path):
    write(path, [CODE])
    write(path, [JUDGED], spec=replace(SPEC, path="elsewhere/a.py"))

    assert poolfile.load(path)[1] == Pool().grown([CODE, JUDGED])


def test_given_a_place_that_cannot_be_read_or_written_then_one_line_says_so(tmp_path):
    with pytest.raises(BadInput, match=r"^cannot read the pool .*: No such file or directory$"):
        poolfile.load(tmp_path / "missing")
    with pytest.raises(BadInput, match=r"^cannot write the pool .*: Is a directory$"):
        poolfile.PoolWriter(tmp_path, SPEC)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"^cannot write the pool .*$"):
        poolfile.PoolWriter(tmp_path / "file" / "pool", SPEC)
