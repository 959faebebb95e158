"""Exports from a signal handler, whatever the main thread is at, while the pump exports on its own thread."""

from __future__ import annotations

from tests.torture.alarm import alarm
from tests.torture.exporter import Adding
from tests.torture.load import Until

EVERY = 0.001


def run(ledger, seconds):
    """Record and read in the main thread, export from both sides, and compare what arrived."""
    metrics = ledger.subject.metrics
    ledger.record()
    exporter = Adding(ledger, "delta")
    metrics.export_to(exporter).every(EVERY)
    until = Until(seconds)
    with alarm(metrics.export, most_nested=1) as calls, ledger.noting():
        while until:
            for _ in range(300):
                ledger.record()
            ledger.record_and_read()
    metrics.close()
    made = ledger.made.value - 1  # what the exporter records during the last export comes too late for it
    ledger.expect("exported", [made, made, made / 8], exporter.totals)
    ledger.settle()
    ledger.notes |= {"interruptions": calls.value, "exports": exporter.exports.value}
