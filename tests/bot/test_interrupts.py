"""Ctrl-C ends what can end by itself, and cannot get lost."""

from __future__ import annotations

import signal
import threading

import pytest

from bot.interrupts import cancelled_by_ctrl_c


def test_ctrl_c_is_heard_where_an_exception_would_be_swallowed():
    cancel = threading.Event()

    class Swallows:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with cancelled_by_ctrl_c(cancel):
        Swallows()
    assert cancel.is_set()


def test_a_second_ctrl_c_does_not_wait_for_anything():
    with cancelled_by_ctrl_c(threading.Event()):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_is_what_it_was():
    before = signal.getsignal(signal.SIGINT)
    with cancelled_by_ctrl_c(threading.Event()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_changed():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with cancelled_by_ctrl_c(threading.Event()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
