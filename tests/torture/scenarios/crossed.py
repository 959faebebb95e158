"""Two registries, each read from inside of the other: by a signal handler here, by ``gc.callbacks`` anywhere."""

from __future__ import annotations

import functools
import itertools

from tests.torture.alarm import alarm
from tests.torture.ledger import Ledger
from tests.torture.load import Until, collecting_often, in_threads


def run(ledger, seconds):
    """Record and read both in three threads."""
    until = Until(seconds)
    other = Ledger(type(ledger.subject)())
    turn = itertools.count()

    def interrupt(*_):
        for each in (ledger, other) if next(turn) % 2 else (other, ledger):
            each.record()
            each.read()

    def work(*ledgers):
        while until:
            for each in ledgers:
                for _ in range(30):
                    each.record()
                each.record_and_read()

    there, back = functools.partial(work, ledger, other), functools.partial(work, other, ledger)
    with ledger.noting(), collecting_often(interrupt), alarm(interrupt):
        in_threads(there, back, beside=there)
    ledger.settle()
    other.settle()
    ledger.take_over(other.to_dict(), "the other: ")
