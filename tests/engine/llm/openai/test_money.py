"""What an ask costs, and what happens when the day's money is spent."""

import threading

import pytest

from engine.errors import ModelUnavailable
from engine.llm.base import Prompt, SamplingParams
from engine.llm.ledger import MICROS, MemoryLedger
from tests.engine.llm.openai.hostile import DONE, event, status, stream

PRICES = {"prompt_price": 1.0, "completion_price": 10.0}
PROMPT = Prompt("one two three four")

USED = {"usage": {"prompt_tokens": 4, "completion_tokens": 2}}
TOLD = stream(event(" a b", reason="stop"), event(**USED), DONE)
UNTOLD = stream(event(" a b", reason="stop"), DONE)


def ask(model, **how):
    return list(model.complete(PROMPT, SamplingParams(**{"max_tokens": 50} | how)))


def test_what_the_server_counts_is_what_it_costs(server, connect):
    server.answers = [TOLD]
    ledger = MemoryLedger()
    model = connect(ledger=ledger, daily_cap=1.0, **PRICES)

    ask(model)
    ask(model)

    assert ledger.spent_today(model.name) == 2 * (4 * 1 + 2 * 10)


def test_where_the_server_does_not_count_we_do(server, connect):
    server.answers = [UNTOLD]
    ledger = MemoryLedger()
    model = connect(ledger=ledger, daily_cap=1.0, **PRICES)

    ask(model)

    assert 4 <= ledger.spent_today(model.name) <= 50


def test_when_the_money_is_spent_nothing_is_asked_and_the_next_day_is_waited_for(server, connect):
    server.answers = [TOLD]
    # Enough for an ask at its dearest, 4 + 50 × 10 millionths, and no second one.
    model = connect(ledger=MemoryLedger(), daily_cap=510 / MICROS, **PRICES)
    ask(model)

    with pytest.raises(
        ModelUnavailable, match=r"the day's money for mind at .* is spent"
    ) as raised:
        ask(model)
    assert raised.value.retry_after_s > 0
    assert len(server.requests) == 1


def test_an_ask_that_fails_or_is_cancelled_gives_back_what_it_did_not_use(server, connect):
    server.answers = [status(400, "no such thing")]
    ledger = MemoryLedger()
    model = connect(ledger=ledger, daily_cap=1.0, **PRICES)
    with pytest.raises(ModelUnavailable):
        ask(model)
    assert ledger.spent_today(model.name) == 0  # refused, so nobody has read it

    cancel = threading.Event()
    cancel.set()
    list(model.complete(PROMPT, SamplingParams(), cancel=cancel))
    assert ledger.spent_today(model.name) == 0


def test_a_model_without_a_price_touches_no_ledger(server, connect):
    server.answers = [TOLD]
    ledger = MemoryLedger()
    model = connect(ledger=ledger)

    ask(model)

    assert ledger.spent_today(model.name) == 0
