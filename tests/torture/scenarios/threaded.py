"""Sixteen threads that change places every microsecond, all of them making the same new series."""

from __future__ import annotations

import functools
import threading

from tests.torture.load import Until, in_threads, switching_every

THREADS = 16
SWITCH_INTERVAL = 1e-6
RECORDS_PER_ROUND = 30
MOST_SERIES = 24


def run(ledger, seconds):
    """Record, read and make series in all threads; every fourth one mostly reads."""
    until = Until(seconds)
    together = threading.Barrier(THREADS)
    rounds = [0] * THREADS

    def work(me):
        together.wait()
        while until:
            if rounds[me] < MOST_SERIES:
                ledger.subject.fresh(rounds[me])
            for _ in range(1 if me % 4 == 0 else RECORDS_PER_ROUND):
                ledger.record()
            ledger.record_and_read()
            rounds[me] += 1

    with switching_every(SWITCH_INTERVAL):
        in_threads(*(functools.partial(work, me) for me in range(THREADS)))
    ledger.settle()
    made = [sum(each > n for each in rounds) for n in range(MOST_SERIES)]
    ledger.expect("totals of new series", made, [ledger.subject.total_of_fresh(n) for n in range(MOST_SERIES)])
    ledger.notes["rounds"] = sum(rounds)
