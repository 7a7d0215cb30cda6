"""What is told of how the bot is doing."""

from __future__ import annotations

import re

from bot.metrics import exposition, one_line
from bot.requests import RequestStatus
from bot.retry import ParkReason
from bot.store.queries import Gauges

S = RequestStatus


def gauges(requests=(), parked=(), **more):
    told = {"oldest_queued_s": 0.0, "words_owed": 0, "deliveries": 0, "pools": 0, **more}
    return Gauges(
        requests={status: dict(requests).get(status, 0) for status in S},
        parked={part: dict(parked).get(part, 0) for part in ParkReason},
        **told,
    )


BUSY = gauges(
    {S.QUEUED: 3, S.RUNNING: 1, S.PR_OPENED: 9},
    {ParkReason.MODEL: 2},
    oldest_queued_s=12.5,
    words_owed=1,
    deliveries=4,
    pools=7,
)


def test_every_gauge_is_there_in_prometheus_text_format():
    lines = exposition(BUSY).splitlines()

    samples = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r'supercharge_[a-z_]+(\{[a-z]+="[a-z_]+"\})? \S+', s) for s in samples)
    named = {sample.split("{")[0].split(" ")[0] for sample in samples}
    for name in named:
        assert lines.index(f"# TYPE {name} gauge") < lines.index(
            next(sample for sample in samples if sample.startswith(name))
        )
    assert 'supercharge_requests{status="queued"} 3' in samples
    assert 'supercharge_requests{status="failed"} 0' in samples
    assert 'supercharge_parked_requests{part="model"} 2' in samples
    assert "supercharge_oldest_queued_seconds 12.5" in samples
    assert "supercharge_unhandled_deliveries 4" in samples


def test_the_log_is_told_what_is_under_way_and_nothing_of_what_has_ended():
    assert one_line(BUSY) == (
        "3 queued, 1 running, 2 wait for model, 4 deliveries to handle, 1 to be told of"
    )
    assert one_line(gauges({S.PR_OPENED: 9}, pools=7)) == "nothing to do"
