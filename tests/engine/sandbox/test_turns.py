"""Several threads run pairs in one sandbox: none waits for another's end, none hurts another."""

from __future__ import annotations

import itertools
import threading
import time

from engine.sandbox.turns import Cores, Turns
from engine.verdicts import Verdict

GOOD = "def {name}(n):\n    return {factor} * n\n"
BAD = "def {name}(n):\n    return n - 1\n"
TEST = "from {name} import {name}\n\n\ndef test_it():\n    assert {name}({n}) == {value}\n"
# No row can take it, so every pair is a unit of its own.
SLOW = "import time\n\n\ndef {name}(n):\n    time.sleep(0.05)\n    return {factor} * n\n"


def test_a_run_alone_has_all_the_room():
    turns = Turns(4)
    with turns.join(1) as turn:
        assert [turns.room(turn, flying, alone=False) for flying in (0, 3)] == [4, 4]


def test_runs_share_the_room_and_each_has_some():
    turns = Turns(4)
    with turns.join(1) as first, turns.join(1) as second:
        assert [turns.room(turn, 0, alone=False) for turn in (first, second)] == [2, 2]
        with turns.join(1) as third, turns.join(1), turns.join(1):
            assert turns.room(third, 0, alone=False) == 1
    with turns.join(1) as last:
        assert turns.room(last, 0, alone=False) == 4


def test_a_second_try_waits_for_the_others_and_has_the_runner_for_itself():
    turns = Turns(4)
    with turns.join(1) as first, turns.join(1) as second:
        assert turns.room(first, 1, alone=False) == 2
        assert turns.room(second, 0, alone=True) == 0
        # Nothing new, while what is out comes home.
        assert turns.room(first, 1, alone=False) == 0
        assert turns.room(first, 0, alone=False) == 0
        assert turns.room(second, 0, alone=True) == 1
        assert turns.room(first, 0, alone=False) == 0
        assert turns.room(second, 0, alone=False) == 2
        assert turns.room(first, 0, alone=False) == 2


def test_second_tries_of_several_runs_come_one_after_the_other():
    turns = Turns(4)
    with turns.join(1) as first:
        with turns.join(1) as second:
            assert turns.room(second, 0, alone=True) == 1
            assert turns.room(first, 0, alone=True) == 0
        # The one that went away keeps nobody waiting.
        assert turns.room(first, 0, alone=True) == 1


def test_the_longest_timeout_counts():
    turns = Turns(4)
    with turns.join(1), turns.join(9), turns.join(3):
        assert turns.longest_s == 9
    assert turns.longest_s == 0


def test_alone_on_the_machine_a_sandbox_sends_ahead():
    cores = Cores(2)
    here, there = Turns(4, cores), Turns(4, cores)
    with here.join(1) as first, here.join(1) as second, there.join(1):
        assert [here.room(turn, 0, alone=False) for turn in (first, second)] == [2, 2]
        # Another sandbox's run has nothing out and wants nothing: it counts for nothing.
        assert [here.room(turn, 1, alone=False) for turn in (first, second)] == [2, 2]


def test_sandboxes_have_no_more_out_together_than_there_are_processors():
    cores = Cores(2)
    places = [Turns(4, cores) for _ in range(3)]
    with places[0].join(1) as a, places[1].join(1) as b, places[2].join(1) as c:

        def room(turn, flying):
            return turn.place.room(turn, flying, alone=False)

        assert room(a, 0) == 4
        assert room(b, 0) == 4
        # Two are out. Each may go on only when one has come home, and who has none goes first.
        assert [room(a, 1), room(b, 1), room(c, 0)] == [1, 1, 0]
        assert room(a, 0) == 0
        assert room(c, 0) == 4
        assert [room(c, 1), room(b, 1), room(a, 0)] == [1, 1, 0]
        assert room(b, 0) == 0
        assert [room(a, 0), room(b, 0)] == [4, 0]


def test_processors_are_shared_evenly_where_there_are_more():
    cores = Cores(4)
    big, small = Turns(8, cores), Turns(8, cores)
    with big.join(1) as a, small.join(1) as b:
        assert small.room(b, 0, alone=False) == 8
        assert [big.room(a, n, alone=False) for n in range(4)] == [8, 8, 8, 3]
        assert small.room(b, 1, alone=False) == 1
        # What comes home goes to the one that has less than its share.
        assert big.room(a, 2, alone=False) == 2
        assert small.room(b, 1, alone=False) == 8
        assert small.room(b, 2, alone=False) == 2
        # Who wants no more leaves the rest to the others.
        assert small.room(b, 1, alone=False, wants=False) == 1
        assert big.room(a, 2, alone=False) == 8


def test_one_whose_caller_has_stopped_to_read_holds_no_processor(monkeypatch):
    cores, now = Cores(1), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one, two = Turns(4, cores), Turns(4, cores)
    with one.join(1) as a, two.join(1) as b:
        assert one.room(a, 0, alone=False) == 4
        assert two.room(b, 0, alone=False) == 0
        now[0] += 3
        assert two.room(b, 0, alone=False) == 4


def run_together(sandbox, asked):
    """Start a run per thread at once; the order in which results came, as (run, pair), by run."""
    order, gate = [], threading.Barrier(len(asked))

    def run(name, codes, tests):
        gate.wait()
        for result in sandbox.run_pairs(codes, tests, entry_point=name, timeout_s=10):
            order.append((name, result))

    threads = [threading.Thread(target=run, args=job) for job in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    return order


def test_each_of_several_threads_gets_its_own_verdicts(opened):
    asked = []
    for factor, name in enumerate(("double", "triple", "fourfold"), 2):
        good = GOOD.format(name=name, factor=factor)
        codes = {"good": good, "odd": f"import time\n{good}", "bad": BAD.format(name=name)}
        tests = {f"{n}": TEST.format(name=name, n=n, value=factor * n) for n in range(1, 4)}
        asked.append((name, codes, tests))

    order = run_together(opened, asked)

    for name, codes, tests in asked:
        found = {r.pair: r.verdict for who, r in order if who == name}
        assert found == {
            (code, test): Verdict.FAILED if code == "bad" else Verdict.PASSED
            for code, test in itertools.product(codes, tests)
        }


def test_a_small_run_does_not_wait_for_a_big_one(opened):
    """It has every other unit: it is done long before the one that owes ten times as much."""
    small = {"only": SLOW.format(name="small", factor=2)}
    big = {f"{n}": SLOW.format(name="big", factor=2) + f"# {n}\n" for n in range(30)}

    order = run_together(
        opened,
        [
            ("big", big, {"t": TEST.format(name="big", n=1, value=1)}),
            ("small", small, {f"{n}": TEST.format(name="small", n=n, value=0) for n in (1, 2, 3)}),
        ],
    )

    names = [name for name, _ in order]
    assert (names.count("big"), names.count("small")) == (30, 3)
    last_small = len(names) - names[::-1].index("small")
    assert last_small < 20


def test_a_run_that_is_left_early_takes_only_its_own_work_along(opened):
    hang = {
        f"{n}": f"import time\n\n\ndef left(n):\n    time.sleep(3600)\n# {n}\n" for n in range(4)
    }
    left = opened.run_pairs(
        {"bad": BAD.format(name="left")} | hang,
        {"t": TEST.format(name="left", n=1, value=2)},
        entry_point="left",
        timeout_s=60,
    )
    other = opened.run_pairs(
        {f"{n}": SLOW.format(name="stay", factor=2) + f"# {n}\n" for n in range(4)},
        {"t": TEST.format(name="stay", n=1, value=3)},
        entry_point="stay",
        timeout_s=60,
    )
    assert next(left).code_id == "bad"
    left.close()
    assert [result.verdict for result in other] == [Verdict.FAILED] * 4


def test_a_runner_that_dies_costs_no_run_its_pairs(open_here):
    sandbox, seen = open_here(), []
    asked = [
        (
            name,
            {f"{n}": SLOW.format(name=name, factor=2) + f"# {n}\n" for n in range(6)},
            {"t": TEST.format(name=name, n=1, value=3)},
        )
        for name in ("one", "two")
    ]
    ends = threading.Event()

    def watch():
        ends.wait()
        sandbox._connection._link.close()

    killer = threading.Thread(target=watch)
    killer.start()

    def run(name, codes, tests):
        for result in sandbox.run_pairs(codes, tests, entry_point=name):
            seen.append((name, result))
            ends.set()

    threads = [threading.Thread(target=run, args=job) for job in asked]
    for thread in [*threads, killer]:
        if thread is not killer:
            thread.start()
    for thread in [*threads, killer]:
        thread.join(timeout=120)

    assert sorted((name, r.code_id) for name, r in seen) == sorted(
        itertools.product(("one", "two"), map(str, range(6)))
    )
    assert {r.verdict for _, r in seen} == {Verdict.FAILED}
