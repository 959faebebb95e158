"""Clears again and again while threads record and make series, and a signal handler records and reads inside of it."""

from __future__ import annotations

import itertools

from tests.torture.alarm import alarm
from tests.torture.load import Until, in_threads, switching_every

THREADS = 3
SWITCH_INTERVAL = 1e-5
MOST_SERIES = 16  # each of them is a new one again after a clear
READ_EVERY = 8
AFTERWARDS = 300


def run(ledger, seconds):
    """Clear under load; then clear once more, and see that everything that can record still does."""
    until = Until(seconds)
    ledger.goes_back = True
    numbers, turn, clears = itertools.count(), itertools.count(), itertools.count()

    def work():
        while until:
            for _ in range(30):
                ledger.record()
            ledger.subject.fresh(next(numbers) % MOST_SERIES)
            ledger.read()

    def interrupt():
        ledger.record()
        if next(turn) % READ_EVERY == 0:
            ledger.read()

    def clear():
        while until:
            ledger.subject.clear()
            next(clears)

    with switching_every(SWITCH_INTERVAL), alarm(interrupt), ledger.noting():
        in_threads(*[work] * THREADS, beside=clear)
    ledger.notes["clears"] = next(clears)
    afterwards(ledger, min(next(numbers), MOST_SERIES))


def afterwards(ledger, numbers):
    """Clear in peace; then every series counts, however old, and the registry's law holds."""
    subject = ledger.subject
    subject.clear()
    ledger.forget()
    ledger.goes_back = False
    ledger.expect_totals(0, ledger.read(), "cleared: ", level=False)
    for _ in range(AFTERWARDS):
        ledger.record()
    ledger.settle()
    for n in range(numbers):
        subject.fresh(n)
    older = subject.kept[:]  # those that were just made among them
    for series in older:
        series.add()
    totals = sum(subject.total_of_fresh(n) for n in range(numbers))
    ledger.expect("fresh series, old and new", numbers + len(older), totals)
    health = subject.health()
    ledger.expect("records applied", 3 * AFTERWARDS + numbers + len(older), health.applied)
    ledger.expect("records refused", 0, health.invalid)
