"""Exports every few milliseconds while eight threads record; exporters that record, raise, come and go."""

from __future__ import annotations

import threading
from contextlib import suppress

from polymeter.errors import ExportError
from tests.torture.exporter import Adding
from tests.torture.load import Until, in_threads, switching_every

THREADS = 8
SWITCH_INTERVAL = 1e-5
EVERY = 0.01


def run(ledger, seconds):
    """Export under load, close, and compare what every exporter got with what was recorded."""
    metrics = ledger.subject.metrics
    until = Until(seconds)
    flaky = Adding(ledger, "delta", fails=0.5)
    exporters = [flaky, Adding(ledger, "delta"), Adding(ledger, "cumulative")]
    for exporter in exporters:
        metrics.export_to(exporter)

    def work():
        while until:
            for _ in range(50):
                ledger.record()
            ledger.record_and_read()

    def rewire():
        while until:
            metrics.every(EVERY)
            passing = Adding(ledger, "delta", fails=0.2)
            metrics.export_to(passing)
            with suppress(ExportError):
                metrics.export()
            metrics.remove(passing)

    ledger.record()
    metrics.every(EVERY)
    with switching_every(SWITCH_INTERVAL):
        in_threads(*[work] * THREADS, rewire, rewire)
    flaky.fails = 0
    metrics.close()
    running = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    ledger.expect("threads after close()", [], running)
    made = ledger.made.value - len(exporters)  # what they record during the last export comes too late for it
    for number, exporter in enumerate(exporters):
        ledger.expect(f"exporter {number}", [made, made, made / 8], exporter.totals)
    ledger.settle()
    ledger.notes["exports"] = sum(exporter.exports.value for exporter in exporters)
