"""Every ledger keeps one contract: the memory's, the command line's file, the workers' database."""

import threading

import pytest

from bot.spendingfile import SpendingFile
from bot.store import open_store
from engine.errors import BadInput
from engine.llm.ledger import MemoryLedger
from tests.bot.store.conftest import Clock

DAY_S = 24 * 3600


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "file", "store"])
def ledger(request, tmp_path, clock):
    match request.param:
        case "memory":
            yield MemoryLedger()
        case "file":
            yield SpendingFile(tmp_path / "state" / "spending.json", clock)
        case "store":
            with open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock) as store:
                yield store


@pytest.fixture(params=["file", "store"])
def reopened(request, tmp_path, clock):
    """Opens the same durable ledger as often as it is asked to."""
    opened = []

    def make():
        if request.param == "file":
            return SpendingFile(tmp_path / "spending.json", clock)
        opened.append(open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


def test_what_is_put_aside_counts_until_it_is_known_what_it_was(ledger):
    reservation = ledger.reserve("mind", 60, 100)
    assert ledger.spent_today("mind") == 60

    ledger.settle(reservation, 25)
    assert ledger.spent_today("mind") == 25
    assert ledger.spent_today("other") == 0


def test_the_cap_is_reached_and_never_passed(ledger):
    assert ledger.reserve("mind", 60, 100) is not None
    assert ledger.reserve("mind", 41, 100) is None
    assert ledger.reserve("mind", 40, 100) is not None
    assert ledger.reserve("mind", 1, 100) is None
    assert ledger.reserve("other", 100, 100) is not None
    assert ledger.spent_today("mind") == 100


def test_a_cap_holds_with_many_at_once(ledger):
    taken = []

    def take():
        for _ in range(10):
            if ledger.reserve("mind", 7, 100) is not None:
                taken.append(7)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == ledger.spent_today("mind") == 98


def test_what_was_spent_is_known_after_a_restart_and_what_nobody_settled_too(reopened):
    first = reopened()
    first.settle(first.reserve("mind", 50, 100), 30)
    first.reserve("mind", 20, 100)  # and then its process is killed

    assert reopened().spent_today("mind") == 50


def test_with_the_next_day_the_cap_begins_anew_and_money_belongs_to_the_day_it_was_taken(
    reopened, clock
):
    ledger = reopened()
    late = ledger.reserve("mind", 90, 100)
    assert 0 < ledger.seconds_to_next_day() <= DAY_S

    clock.advance(ledger.seconds_to_next_day())

    assert ledger.spent_today("mind") == 0
    assert ledger.seconds_to_next_day() == DAY_S
    assert ledger.reserve("mind", 90, 100) is not None
    ledger.settle(late, 10)
    assert ledger.spent_today("mind") == 90


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '{"2026-03-01": 5}', '{"2026-03-01": {"m": "x"}}']
)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "spending.json"
    path.write_text(text)

    with pytest.raises(BadInput, match=r"spending\.json is not what was written there"):
        SpendingFile(path).reserve("mind", 1, 100)
    assert path.read_text() == text
