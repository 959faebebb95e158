"""Eight threads record as fast as they can on one series: what they leave pending stays bounded, reads come back."""

from __future__ import annotations

import functools
import resource
import sys
import time

from tests.torture.load import Until, in_threads

THREADS = 8
MOST_KILOBYTES = 32_000
PEAK_UNIT = 1024 if sys.platform == "darwin" else 1  # getrusage counts in bytes there, in kilobytes elsewhere


def run(ledger, seconds):
    """Record in a tight loop, read now and then, and look at the memory."""
    until = Until(seconds)
    made = [0] * THREADS

    def work(me):
        record = ledger.subject.record
        while until:
            for _ in range(1000):
                record()
            made[me] += 1000

    def read():
        while until:
            time.sleep(seconds / 10)
            ledger.read()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    in_threads(*(functools.partial(work, me) for me in range(THREADS)), beside=read)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // PEAK_UNIT
    ledger.expect_totals(sum(made), ledger.read())
    ledger.expect("memory that grew with the records", 0, grown if grown > MOST_KILOBYTES else 0)
    ledger.notes |= {"recorded": sum(made), "kilobytes": grown}
