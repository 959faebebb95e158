"""A lock of the program's own: held around a read here, wanted by the garbage that a collection finds there."""

from __future__ import annotations

import threading

from tests.torture.load import Cycle, Until, collecting_often, in_threads


def run(ledger, seconds):
    """Read with the lock, record without it, and leave garbage that takes it."""
    until = Until(seconds)
    lock = threading.RLock()

    def end_of_life():
        with lock:
            ledger.record()

    def work_with_lock():
        while until:
            with lock:
                ledger.record()
                ledger.read()  # who cannot wait for the other's drain need not see its own record yet

    def work():
        while until:
            Cycle(end_of_life)
            for _ in range(30):
                ledger.record()
            ledger.read()

    with collecting_often():
        in_threads(work_with_lock, work)
    ledger.settle()
