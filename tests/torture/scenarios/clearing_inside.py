"""Clears from a signal handler, whatever the only thread is at: reading, draining, recording or clearing."""

from __future__ import annotations

import itertools

from tests.torture.alarm import alarm, quiet
from tests.torture.load import Until

CLEAR_EVERY = 8
MOST_BETWEEN = 3  # a record that is interrupted between its parts has some of them before the clear, some after it


def run(ledger, seconds):
    """Keep count of what was recorded since the last clear, and compare."""
    until = Until(seconds)
    ledger.goes_back = True
    turn = itertools.count()
    off_by = set()

    def interrupt():
        ledger.record()
        if next(turn) % CLEAR_EVERY == 0:
            ledger.subject.clear()
            ledger.forget()
        ledger.read()

    with alarm(interrupt, most_nested=1) as calls:
        while until:
            for _ in range(40):
                ledger.record()
            ledger.read()
            with quiet():
                reading = ledger.read()
                off_by |= {reading.counted - ledger.made.value, reading.count - ledger.made.value}
    ledger.expect("further off than may be", [], sorted(each for each in off_by if abs(each) > MOST_BETWEEN)[-3:])
    ledger.notes["interruptions"] = calls.value
