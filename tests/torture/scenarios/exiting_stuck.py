"""The interpreter exits while exporters do not return: one has the pump's thread, one gets its first export at exit."""

from __future__ import annotations

import threading

from polymeter import Metrics
from tests.torture.scenarios import exiting


class Stuck:
    """Waits for what never comes."""

    temporality = "cumulative"

    def export(self, snapshot):
        threading.Event().wait()


def run(ledger, seconds):
    """Leave two facades to the exit, and threads that record on."""
    ledger.subject.metrics.export_to(Stuck()).every(exiting.EVERY)
    Metrics().export_to(Stuck()).at_exit()
    exiting.leave(ledger, seconds)
