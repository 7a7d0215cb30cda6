"""What GitHub sent: stored once, handled once."""

from __future__ import annotations

import pytest


def accept(store, delivery_id="d1", body=b'{"a": 1}', **about):
    return store.accept_delivery(delivery_id, "issue_comment", body, **about)


def test_given_the_same_delivery_again_then_it_is_known_and_the_first_body_stays(store):
    assert accept(store, body=b"first")
    assert not accept(store, body=b"second")

    [delivery] = store.next_deliveries("w")
    assert (delivery.id, delivery.name, delivery.body) == ("d1", "issue_comment", b"first")
    assert store.count_unhandled_deliveries() == 1


def test_given_the_same_happening_under_another_id_then_it_is_known(store):
    assert accept(store, "d1", semantic_key="octo/maths:comment:1")
    assert not accept(store, "d2", semantic_key="octo/maths:comment:1")
    assert accept(store, "d3", semantic_key="octo/maths:comment:2")
    assert accept(store, "d4")
    assert accept(store, "d5")

    assert store.known_deliveries(["d1", "d2", "d5", "other"]) == {"d1", "d5"}
    assert store.known_deliveries([]) == set()


def test_deliveries_come_in_their_order_and_to_one_worker_alone(store, clock):
    for name in ("d3", "d1", "d2"):
        accept(store, name)
        clock.advance(1)

    assert [d.id for d in store.next_deliveries("w1", limit=2)] == ["d3", "d1"]
    assert [d.id for d in store.next_deliveries("w2", limit=2)] == ["d2"]
    assert store.next_deliveries("w3") == []


def test_when_a_worker_dies_over_deliveries_then_the_next_who_asks_gets_them(store, clock):
    accept(store)
    store.next_deliveries("w1", lease_s=60)
    clock.advance(59)
    assert store.next_deliveries("w2") == []

    clock.advance(1)
    [delivery] = store.next_deliveries("w2")
    assert (delivery.id, delivery.tries) == ("d1", 2)


def test_what_was_handled_never_comes_again(store, clock):
    accept(store)
    store.next_deliveries("w")
    store.mark_handled("d1", note="made request r1")
    store.mark_handled("d1", note="again")
    store.put_back_delivery("d1")
    clock.advance(1_000)

    assert store.next_deliveries("w") == []
    assert store.count_unhandled_deliveries() == 0
    assert not accept(store)


def test_what_could_not_be_handled_comes_again_after_its_delay(store, clock):
    accept(store)
    store.next_deliveries("w")
    store.put_back_delivery("d1", delay_s=30, note="GitHub is down")
    assert store.next_deliveries("w") == []

    clock.advance(30)
    assert [d.id for d in store.next_deliveries("w")] == ["d1"]


def test_old_deliveries_are_forgotten_once_they_are_handled(store, clock):
    for name in ("old", "open"):
        accept(store, name)
    store.mark_handled("old")
    later = clock.advance(10)
    accept(store, "new")
    store.mark_handled("new")

    assert store.prune_deliveries(later) == 1
    assert store.known_deliveries(["old", "open", "new"]) == {"open", "new"}


@pytest.mark.parametrize("body", [b"", b"\0\xff", b"x" * 100_000])
def test_any_body_comes_back_byte_for_byte(store, body):
    accept(store, body=body)

    assert store.next_deliveries("w")[0].body == body
