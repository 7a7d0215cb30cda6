"""What was done outside is known to have been begun, or done, and is not done twice."""

from __future__ import annotations

from tests.bot.requests_made import NOW, request


def test_an_effect_is_begun_once_and_its_value_is_kept(store, clock):
    store.add_request(request())

    assert store.begin_effect("r1:comment", "r1") is None
    begun = store.begin_effect("r1:comment", "r1")
    assert (begun.request_id, begun.begun_at, begun.done_at) == ("r1", NOW, None)

    later = clock.advance(5)
    store.finish_effect("r1:comment", "4711")
    done = store.begin_effect("r1:comment")
    assert (done.value, done.begun_at, done.done_at) == ("4711", NOW, later)


def test_effects_with_other_keys_are_others(store):
    assert store.begin_effect("one") is None
    assert store.begin_effect("two") is None


def test_a_cursor_is_where_it_was_left(store):
    assert store.get_cursor("octo/maths") is None
    store.set_cursor("octo/maths", "2026-03-01")
    store.set_cursor("octo/maths", "2026-03-02")
    store.set_cursor("octo/other", "")

    assert store.get_cursor("octo/maths") == "2026-03-02"
    assert store.get_cursor("octo/other") == ""
