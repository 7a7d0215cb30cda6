"""`supercharge pool` and `supercharge requests` as a user meets them: words and exit codes."""

from __future__ import annotations

import json
import os
import random
import sys

import pytest

from bot import cli, doctor, steps
from bot.bench import store as bench
from bot.requests import RequestStatus
from bot.retry import ParkPolicy, ParkReason
from bot.settings import DatabaseSettings, Settings
from bot.store import open_store, utc_now
from engine import poolfile
from engine.candidates import STUB, Candidate, Kind
from engine.spec import FunctionSpec
from engine.verdicts import PairResult
from tests.bot.requests_made import NOW, request
from tests.engine.pools import VERDICTS, outcome

MODULE = 'def double(n):\n    """Return twice n."""\n    raise NotImplementedError\n'
SPEC = FunctionSpec("double", "def double(n):", "Return twice n.", MODULE, (), "double.py")
CODES = [
    Candidate(Kind.CODE, f"def double(n):\n    return {body}\n", raw=body, logprob=-0.1)
    for body in ("n * 2", "n + n", "n + 2")
]
TESTS = [
    Candidate(
        Kind.TEST,
        f"from double import double\n\n\ndef test_double():\n    assert double({n}) == {2 * n}\n",
    )
    for n in (0, 2, 5, 7)
]


def entries(*rows: str) -> list:
    """The candidates, and their results as drawn: a row for the stub, then one per code."""
    ids = [STUB, *(code.id for code in CODES)]
    drawn = [
        PairResult(code, test.id, VERDICTS[sign])
        for code, row in zip(ids, rows, strict=True)
        for test, sign in zip(TESTS, row, strict=True)
    ]
    return [*CODES, CODES[0], *TESTS, outcome(Kind.CODE, 4), *drawn]


TRUE = ("FFFF", "PPPP", "PPPP", "FPFF")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A place of one's own to work in, with all state inside it."""
    for name in [name for name in os.environ if name.startswith("SUPERCHARGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(place):
    with open_store(f"sqlite:///{place}/state/supercharge/supercharge.db") as opened:
        yield opened


@pytest.fixture
def supercharge(place, monkeypatch, capsys):
    """Runs the command line in this process; gives its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["supercharge", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


def test_given_nothing_kept_then_that_is_said(supercharge):
    assert supercharge("pool", "list") == (0, "no pool is kept\n", "")
    assert supercharge("requests", "list") == (0, "no request\n", "")


def test_kept_pools_are_listed_and_shown(store, supercharge):
    pool_id = store.create_pool(SPEC, entries(*TRUE), model="small", seed=None)

    _, listed, _ = supercharge("pool", "list")
    code, shown, _ = supercharge("pool", "show", pool_id)

    assert listed.splitlines()[0].split() == [
        "POOL",
        "GREW",
        "(UTC)",
        "ENTRIES",
        "FUNCTION",
        "MODEL",
    ]
    assert pool_id in listed
    assert listed.rstrip().endswith("25       double.py::double  small")
    assert code == 0
    assert "codes     4 sampled, 3 unique\n" in shown
    assert "pairs     16 run, 9 passing, 0 owed\n" in shown
    assert "passes 4 of 4 live asserts; 3 of 4 sampled codes agree\n" in shown
    assert shown.endswith("def double(n):\n    return n * 2\n")


def test_an_exported_pool_is_a_file_that_comes_back_whole(store, supercharge, place):
    pool_id = store.create_pool(SPEC, entries(*TRUE), model="small", prompts="p", seed=3)
    code, told, _ = supercharge("pool", "export", pool_id, "out.jsonl")
    assert (code, told) == (0, "wrote 25 entries to out.jsonl\n")
    header, found = poolfile.read(place / "out.jsonl")
    assert found == entries(*TRUE)
    assert (header["model"], header["seed"], header["pool"]) == ("small", 3, pool_id)

    again = supercharge("pool", "import", "out.jsonl")
    assert again == (2, "", f"supercharge: there is a pool {pool_id} already\n")

    with open_store(f"sqlite:///{place}/other.db") as other:
        configured = ("--config", str(place / "other.toml"))
        (place / "other.toml").write_text(f'[database]\nurl = "sqlite:///{place}/other.db"\n')
        assert supercharge(*configured, "pool", "import", "out.jsonl") == (0, f"{pool_id}\n", "")
        assert list(other.iter_entries(pool_id)) == entries(*TRUE)
        assert other.get_pool(pool_id).about == {"model": "small", "prompts": "p", "seed": 3}


def test_an_imported_file_names_no_id_but_a_plain_one_and_nothing_of_ours(
    store, supercharge, place
):
    hostile = {"pool": "../x", "path": "/etc/passwd", "spec_": 1, "pool_id": "y"}
    with poolfile.PoolWriter(place / "in.jsonl", SPEC, model="m") as writer:
        writer.append(CODES)
    lines = (place / "in.jsonl").read_text().splitlines(keepends=True)
    head = json.loads(lines[0]) | hostile
    (place / "in.jsonl").write_text(json.dumps(head) + "\n" + "".join(lines[1:]))

    code, told, _ = supercharge("pool", "import", "in.jsonl")

    assert code == 0
    assert told.strip().isalnum()
    assert store.get_pool(told.strip()).about == {"model": "m"}


def test_an_export_never_writes_over_a_file(store, supercharge, place):
    pool_id = store.create_pool(SPEC)
    (place / "out.jsonl").write_text("mine")

    code, _, said = supercharge("pool", "export", pool_id, "out.jsonl")

    assert (code, said) == (2, "supercharge: out.jsonl is there already: name a new file\n")
    assert (place / "out.jsonl").read_text() == "mine"


@pytest.mark.docker
@pytest.mark.parametrize(
    ("rows", "exit_code", "said"),
    [
        (TRUE, 0, ["16 pairs run again: the same matrix, the same choice"]),
        (
            ("FFFF", "FFFF", "FFFF", "PPPP"),
            1,
            ["16 pairs run again: 11 ended differently, another choice", ": failed became passed"],
        ),
    ],
)
def test_a_replay_says_whether_the_same_comes_out(supercharge, place, rows, exit_code, said):
    with poolfile.PoolWriter(place / "pool.jsonl", SPEC) as writer:
        writer.append(entries(*rows))

    code, told, _ = supercharge("pool", "replay", "pool.jsonl")

    assert code == exit_code
    for words in said:
        assert words in told


@pytest.mark.docker
def test_a_pool_with_nothing_to_run_is_the_same(store, supercharge):
    pool_id = store.create_pool(SPEC, CODES)

    told = supercharge("pool", "replay", pool_id)

    assert told == (0, "0 pairs run again: the same matrix, no choice, as before\n", "")


def add(store, *requests):
    for made in requests:
        store.add_request(made)


def test_requests_are_listed_by_what_is_asked_for(store, supercharge):
    add(
        store,
        request("r1", reason="one\nline\x1b[31m"),
        request("r2", requester="bob", status=RequestStatus.REFUSED),
        request("r3", repository="octo/other"),
    )

    code, listed, _ = supercharge("requests", "list")
    assert code == 0
    assert [line.split()[0] for line in listed.splitlines()] == ["REQUEST", "r3", "r2", "r1"]
    assert "one line?[31m" in listed
    for arguments, name in (
        (("--status", "refused"), "r2"),
        (("--repository", "octo/other"), "r3"),
        (("--requester", "ada", "--repository", "octo/maths"), "r1"),
        (("--limit", "1"), "r3"),
    ):
        lines = supercharge("requests", "list", *arguments)[1].splitlines()
        assert [line.split()[0] for line in lines[1:]] == [name]


def test_a_request_is_shown_with_all_that_happened_to_it(store, supercharge):
    add(store, request("r1", created_at=NOW))
    store.claim("w1", 60)
    store.apply(
        "r1",
        lambda r: steps.parked(
            r,
            ParkReason.MODEL,
            policy=ParkPolicy(),
            now=NOW,
            rng=random.Random(1),
            reason="no model",
        ),
        worker="w1",
    )

    code, shown, _ = supercharge("requests", "show", "r1")

    assert code == 0
    for words in (
        "function      src/double.py::double",
        "where         octo/maths#7",
        "options       candidates=3 wish=faster dry_run=True",
        "status        waiting: no model",
        "waits for     model",
        "goes on       2026-03-01 12:00:",
    ):
        assert words in shown
    assert shown.count("running") == 2
    assert shown.splitlines()[-1].split()[-2:] == ["w1", "waiting"]


def test_a_retry_queues_a_request_that_had_ended(store, supercharge):
    pool_id = store.create_pool(SPEC)
    add(store, request("r1", status=RequestStatus.EXHAUSTED, pool_id=pool_id, attempts=6))

    assert supercharge("requests", "retry", "r1") == (0, "r1 is queued\n", "")

    again = store.get_request("r1")
    assert (again.status, again.attempts, again.pool_id) == (RequestStatus.QUEUED, 0, pool_id)
    assert again.expires_at > utc_now()
    store.claim("w1", 60)
    assert supercharge("requests", "retry", "r1") == (
        2, "", "supercharge: r1 cannot be retried: it is running\n",
    )  # fmt: skip


def test_a_fresh_retry_drops_the_pool(store, supercharge):
    pool_id = store.create_pool(SPEC)
    add(store, request("r1", status=RequestStatus.FAILED, pool_id=pool_id))

    assert supercharge("requests", "retry", "--fresh", "r1")[0] == 0
    assert store.get_request("r1").pool_id is None


def test_a_cancel_ends_a_request_or_has_its_worker_told(store, supercharge):
    add(store, request("r1"), request("r2", created_at=NOW.replace(year=2027)))
    store.claim("w1", 60)

    assert supercharge("requests", "cancel", "r1") == (0, "r1 is told to stop\n", "")
    assert supercharge("requests", "cancel", "r2") == (0, "r2 is cancelled\n", "")
    assert store.is_cancelled("r1")
    assert supercharge("requests", "cancel", "r2") == (
        2, "", "supercharge: r2 cannot be cancelled: it is cancelled\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pool", "show", "p9"], "there is no pool p9; list them: supercharge pool list"),
        (["pool", "export", "p9", "f.jsonl"], "there is no pool p9"),
        (["pool", "import", "none.jsonl"], "cannot read the pool none.jsonl"),
        (["pool", "replay", "p9"], "there is no pool p9"),
        (["requests", "show", "r9"], "there is no request r9; list them: supercharge requests list"),
        (["requests", "retry", "r9"], "there is no request r9"),
        (["requests", "cancel", "r9"], "there is no request r9"),
        (["requests", "list", "--status", "odd"], "--status odd: use one of queued, running, "),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_exit_2(supercharge, arguments, said):
    code, told, complained = supercharge(*arguments)

    assert (code, told) == (2, "")
    assert said in complained
    assert complained.count("\n") == 1


def test_a_database_that_does_not_answer_is_exit_3_with_what_mends_it(supercharge, place):
    (place / "supercharge.toml").write_text(
        f'[database]\nurl = "postgresql://ada:secret@/maths?host={place}"\n'
    )

    code, _, said = supercharge("requests", "list")

    assert code == 3
    assert "to mend it: start it, or mend [database] url" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("url", "ok", "said"),
    [
        ("", True, "supercharge.db, made when it is first needed"),
        ("sqlite:///kept.db", True, "sqlite:///kept.db answers"),
        ("mysql://here/there", False, "mysql is not supported; use sqlite or postgresql"),
        ("postgresql:///maths?host=/nowhere", False, "does not answer: "),
    ],
)
def test_the_doctor_says_how_the_database_is(place, url, ok, said):
    settings = Settings(database=DatabaseSettings(url))

    finding = doctor._database(settings)

    assert finding.ok is ok
    assert said in finding.detail
    assert bool(finding.remedy) is not ok


def test_the_bench_measures_the_store_beside_the_file(supercharge, place, monkeypatch):
    monkeypatch.setattr(bench, "QUICK", bench.Size(candidates=20, side=6, appends=4))

    code, told, _ = supercharge("bench", "store", "--quick", "--json", "out.json")

    measured = json.loads((place / "out.json").read_text())
    assert code == 0
    assert "20 candidates and 36 results (sqlite)" in told
    assert [row["kind"] for row in measured["rows"]] == ["store", "file"]
    for row in measured["rows"]:
        assert row.keys() == {"kind", "disk_mib", *bench._LINES}
        assert row["appends_per_s"] > 0
