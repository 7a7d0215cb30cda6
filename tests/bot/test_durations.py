"""Spans of time as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("20min", 1200),
        ("1h", 3600),
        ("1.5h", 5400),
        ("2d", 172_800),
        (" 1 H ", 3600),
    ],
)
def test_given_a_span_then_it_is_so_many_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "20", "m", "1w", "-1h", "1h30m", "1e3s", "9999999s", "١h", "1\nh"]
)
def test_given_anything_else_then_it_is_none(text):
    assert parse_duration(text) is None


@given(st.text(max_size=20))
def test_given_any_text_then_there_is_an_answer(text):
    seconds = parse_duration(text)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (45.4, "45 s"),
        (125, "2 min 05 s"),
        (120, "2 min"),
        (12_000, "3 h 20 min"),
        (7200, "2 h"),
        (172_800, "2 days"),
    ],
)
def test_given_seconds_then_people_can_read_them(seconds, text):
    assert format_duration(seconds) == text
