"""AtomicCount: a number that only goes up."""

from __future__ import annotations

import signal

import pytest

from polymeter.counting import AtomicCount
from polymeter.testing.contracts.registry.together import together


def test_it_counts_from_zero():
    """Looking does not count."""
    count = AtomicCount()
    assert [count.value, count.value] == [0, 0]
    for _ in range(3):
        count.add()
    assert [count.value, count.value] == [3, 3]


def test_counts_are_independent():
    """Each has its own."""
    first, second = AtomicCount(), AtomicCount()
    first.add()
    assert (first.value, second.value) == (1, 0)


def test_threads_lose_no_count():
    """However often they are switched."""
    count = AtomicCount()

    def work(_):
        for _ in range(10_000):
            count.add()

    together(work)
    assert count.value == 80_000


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="no such signal here")
def test_a_signal_handler_loses_no_count():
    """In the middle of a count of the thread that it interrupts."""
    count, handled = AtomicCount(), []

    def handle(*_):
        count.add()
        handled.append(None)

    before = signal.signal(signal.SIGVTALRM, handle)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)
    try:
        made = 0
        while len(handled) < 50:
            count.add()
            made += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert count.value == made + len(handled)
