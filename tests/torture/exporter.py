"""An exporter that adds up what it gets, and records itself."""

from __future__ import annotations

import random

from tests.torture.ledger import Tally
from tests.torture.subjects import LATENCY, OPEN, TURNS, reading_of


class Adding:
    """Its totals are what the pump delivered, whatever the temporality.

    :ivar totals: of the counter, of the timer's observations and of their sum.
    :ivar fails: the share of exports that raise.
    """

    def __init__(self, ledger, temporality, *, fails=0.0):
        self.ledger = ledger
        self.temporality = temporality
        self.fails = fails
        self.exports = Tally()
        self.totals = [0, 0, 0]
        self._inside = False

    def export(self, snapshot):
        if self._inside:
            self.ledger.errors.add("two exports at once")
        self._inside = True
        try:
            self.exports.add()
            self.ledger.record()
            if random.random() < self.fails:
                raise OSError
            self._take(snapshot)
        finally:
            self._inside = False

    def _take(self, snapshot):
        found = {metric.name: metric for metric in snapshot}
        reading = reading_of(found[TURNS], found[LATENCY], found[OPEN])
        got = [reading.counted, reading.count, reading.seconds]
        if reading.is_torn:
            self.ledger.torn.add(reading)
        if self.temporality == "delta":
            got = [before + more for before, more in zip(self.totals, got, strict=True)]
        if got < self.totals:
            self.ledger.stale.add(got)
        self.totals = got
