"""Records and reads from a signal handler, every half millisecond, whatever the main thread is at."""

from __future__ import annotations

import itertools

from tests.torture.alarm import alarm
from tests.torture.load import Until, in_threads

READ_EVERY = 4


def run(ledger, seconds):
    """Interrupt the main thread, and have two other threads make it wait."""
    until = Until(seconds)
    turn = itertools.count()

    def interrupt():
        ledger.record()
        if next(turn) % READ_EVERY == 0:
            ledger.record_fresh()
            ledger.read()

    def work():
        while until:
            ledger.record_fresh()
            for _ in range(50):
                ledger.record()
            ledger.record_and_read()

    with alarm(interrupt) as calls, ledger.noting():
        in_threads(work, work, beside=work)
    ledger.settle()
    ledger.notes["interruptions"] = calls.value
