"""Records and reads from ``gc.callbacks``, ``__del__``, weak references and finalisers, wherever an object is made."""

from __future__ import annotations

import itertools
import weakref

from tests.torture.load import Cycle, Until, collecting_often, in_threads

READ_EVERY = 4


def run(ledger, seconds):
    """Let the garbage of two threads record while they record themselves."""
    until = Until(seconds)
    turn = itertools.count()
    dying = set()

    def interrupt(*_):
        ledger.record()
        if next(turn) % READ_EVERY == 0:
            ledger.record_fresh()
            ledger.read()

    def died(reference):
        dying.discard(reference)
        interrupt()

    def litter():
        garbage = Cycle(interrupt)
        weakref.finalize(garbage, interrupt).atexit = False
        dying.add(weakref.ref(garbage, died))

    def work():
        while until:
            litter()
            ledger.record_fresh()
            for _ in range(20):
                ledger.record()
            ledger.record_and_read()

    with ledger.noting(), collecting_often(interrupt):
        in_threads(work, beside=work)
    ledger.settle()
    ledger.notes["interruptions"] = next(turn)
