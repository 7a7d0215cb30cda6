"""The status comment, letter for letter, and the marker that makes it ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import parse_comment
from bot.requests import RequestStatus
from bot.statuscomment import (
    RequestView,
    moment,
    standing,
    status_comment,
    status_key,
    status_marker,
)
from engine.progress import Progress
from tests.bot.markup import HOSTILE, acts, kinds, shown_text, tokens
from tests.bot.snapshots import assert_matches

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PROGRESS = Progress(
    stage="running pairs + sampling codes",
    codes=48,
    unique_codes=31,
    tests=24,
    asserts=40,
    live_asserts=33,
    pairs=900,
    passing=210,
    best=0.71,
    seconds_left=372.0,
)


def view(status: RequestStatus = RequestStatus.RUNNING, **changed: object) -> RequestView:
    usual = RequestView(
        request_id="k3m9x2a7bq",
        path="src/numbers.py",
        qualname="gcd",
        status=status,
        progress=PROGRESS,
    )
    return replace(usual, **changed)  # type: ignore[arg-type]


VIEWS = [
    view(),
    view(RequestStatus.QUEUED, qualname="lcm", progress=None, place=2),
    view(
        RequestStatus.WAITING,
        qualname="Stack.push",
        retry_at=AT,
        reason="the model does not answer",
    ),
    view(RequestStatus.SOLVED, qualname="a"),
    view(RequestStatus.PR_OPENED, qualname="b", pull_number=13),
    view(RequestStatus.EXHAUSTED, qualname="c", progress=replace(PROGRESS, best=None)),
    view(RequestStatus.FAILED, qualname="d", error_id="e7f3a9"),
    view(RequestStatus.CANCELLED, qualname="e", reason="octocat asked"),
    view(RequestStatus.REFUSED, qualname="f", reason="it has a body already"),
]


def test_given_one_request_then_all_its_figures_are_shown():
    assert_matches("status_running.txt", status_comment("k3m9x2a7bq", [view()], updated_at=AT))


def test_given_a_later_attempt_then_it_says_which():
    page = status_comment(
        "k3m9x2a7bq", [view(RequestStatus.QUEUED, attempts=3, place=1)], updated_at=AT
    )

    assert_matches("status_queued.txt", page)


def test_given_several_requests_then_each_has_its_row():
    assert_matches("status_several.txt", status_comment("batch-1", VIEWS, updated_at=AT))


def test_given_only_ends_then_nothing_can_be_cancelled():
    ended = [v for v in VIEWS if v.status in (RequestStatus.PR_OPENED, RequestStatus.FAILED)]

    assert "cancel" not in status_comment("k", ended, updated_at=AT)
    assert "cancel" in status_comment("k", [*ended, view()], updated_at=AT)


def test_given_more_requests_than_a_table_holds_then_the_rest_is_counted():
    page = status_comment("k", [view()] * 60, updated_at=AT)

    assert "30 more are not shown." in page
    assert len(page) < 60_000


@pytest.mark.parametrize("status", list(RequestStatus))
def test_every_status_has_its_own_words(status):
    others = {standing(view(other)) for other in RequestStatus if other is not status}

    assert standing(view(status)) not in others


def test_given_a_status_comment_then_its_key_is_found_again():
    assert status_key(status_comment("k3m9x2a7bq", [view()], updated_at=AT)) == "k3m9x2a7bq"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text\n<!-- supercharge:status request=a -->",
        " <!-- supercharge:status request=a -->",
        "<!-- supercharge:status request= -->",
        "<!-- supercharge:pull request=a -->",
        "<!-- supercharge:status request=a b -->",
    ],
)
def test_given_any_other_comment_then_it_has_no_key(body):
    assert status_key(body) is None


@given(st.text())
def test_given_any_comment_then_its_key_is_one_that_we_could_have_written(body):
    key = status_key(f"<!-- supercharge:status request={body} -->")

    if key is not None and "--" not in key:
        assert status_key(status_marker(key)) == key


@pytest.mark.parametrize("key", ["", "a b", "a-->b", "a--b", "a\n", "ä", "x" * 101])
def test_given_a_key_that_could_end_the_marker_then_it_is_refused(key):
    with pytest.raises(ValueError, match="cannot be in a marker"):
        status_marker(key)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("count", [1, 2])
def test_given_hostile_names_and_reasons_then_the_comment_keeps_its_shape(text, count):
    shown = view(
        RequestStatus.WAITING,
        path=text,
        qualname=text,
        reason=text,
        request_id=text,
        progress=replace(PROGRESS, stage=text),
    )
    page = status_comment(
        "k", [shown, replace(shown, status=RequestStatus.RUNNING)][:count], updated_at=AT
    )
    html = [t.content.strip() for t in tokens(page) if t.type in ("html_block", "html_inline")]

    assert html == ["<!-- supercharge:status request=k -->", "<sub>", "</sub>"]
    assert [t.type for t in tokens(page)].count("table_open") == 1
    assert not {"heading_open", "image", "link_open", "fence"} & kinds(page)
    assert not acts(shown_text(page))
    assert parse_comment(page) is None
    assert status_key(page) == "k"


@pytest.mark.parametrize("sign", ["x", "|", "`", "@1"])
def test_given_many_requests_with_long_names_then_the_comment_still_fits(sign):
    long = sign * 1000
    shown = view(RequestStatus.WAITING, path=long, qualname=long, reason=long)

    assert len(status_comment("k", [shown] * 100, updated_at=AT)) < 60_000


def test_given_a_time_elsewhere_then_it_is_told_in_utc():
    assert moment(AT.astimezone(timezone(timedelta(hours=5)))) == "2026-03-01 09:30 UTC"
