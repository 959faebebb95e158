"""The interpreter exits while daemon threads record, and the last export carries what was recorded before."""

from __future__ import annotations

import atexit
import threading
import time

from tests.torture.exporter import Adding

THREADS = 8
EVERY = 0.01


def run(ledger, seconds):
    """Leave the threads to themselves; the watchdog sees to it that the exit comes to an end."""
    ledger.record()
    exporter = Adding(ledger, "delta")
    noted = []

    def compare():
        ledger.expect("the last export has what came before the exit", True, exporter.totals[0] >= noted[0])
        ledger.notes["exports"] = exporter.exports.value

    atexit.register(compare)  # before every(): so it is called after the pump's
    ledger.subject.metrics.export_to(exporter).every(EVERY)
    leave(ledger, seconds)
    noted.append(ledger.read().counted)


def leave(ledger, seconds):
    """Start threads that record until the process is gone, and wait a little."""

    def work():
        while True:
            ledger.record()

    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(seconds)
