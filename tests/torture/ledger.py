"""Ledger: what was done to a subject and what it said about it, kept by means that need no lock themselves."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import traceback
from contextlib import contextmanager

MOST_EXAMPLES = 3
MOST_SERIES = 48


class Tally:
    """A count that any thread, handler and finaliser may raise: one call into C."""

    def __init__(self):
        self._count = itertools.count()
        self.add = self._count.__next__

    @property
    def value(self):
        """How often ``add`` was called."""
        return int(repr(self._count)[len("count(") : -1])


class Findings:
    """Things that must not happen: how often, and the first few."""

    def __init__(self):
        self.times = Tally()
        self.examples = []

    def add(self, example):
        """Note one."""
        self.times.add()
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(str(example))

    def to_dict(self):
        """Give plain values."""
        return {"times": self.times.value, "examples": self.examples}


class Ledger:
    """One run's account, printed as JSON when it ends.

    :ivar made: records made through :meth:`record`.
    :ivar reads: reads made through :meth:`read`.
    :ivar torn: reads whose parts were not of one moment.
    :ivar stale: reads that showed less than an earlier read, or than their own thread had recorded.
    :ivar errors: exceptions, wherever they ended up.
    :ivar rows: ``[what, expected, actual]``, the last two to be equal.
    """

    def __init__(self, subject):
        self.subject = subject
        self.made = Tally()
        self.reads = Tally()
        self.torn = Findings()
        self.stale = Findings()
        self.errors = Findings()
        self.rows = []
        self.notes = {}
        self.goes_back = False  # set it where the subject is cleared: then less may be read than before
        self._seen = 0
        self._turn = itertools.count()
        self._fresh = [Tally() for _ in range(MOST_SERIES)]
        sys.unraisablehook = lambda raised: self.failed(raised.exc_value)
        threading.excepthook = lambda raised: self.failed(raised.exc_value)

    def record(self):
        """Make one record of everything."""
        self.subject.record()
        self.made.add()

    def record_fresh(self):
        """Count one on a series that may be new; after some of those, on one that is there."""
        n = next(self._turn) % MOST_SERIES
        self.subject.fresh(n)
        self._fresh[n].add()

    def read(self, *, own=0):
        """Read, and note whether that agrees with itself and with what was read before.

        A read that began after another had ended must not show less; one that follows ``own`` records of its thread
        shows as many more. (A read that interrupts a drain need not show what its thread left pending: ``own=0``.)
        """
        least = self._seen + own
        return self._checked(least)

    def record_and_read(self):
        """Make one record and read it, not inside of anything."""
        least = self._seen + 1
        self.record()
        return self._checked(least)

    def _checked(self, least):
        reading = self.subject.read()
        self.reads.add()
        if reading.is_torn:
            self.torn.add(reading)
        if reading.counted < least and not self.goes_back:
            self.stale.add(f"{reading.counted} when {least} had been seen or recorded")
        self._seen = max(self._seen, reading.counted)
        return reading

    def forget(self):
        """Take note that the subject starts from nothing."""
        self.made = Tally()
        self._seen = 0

    def failed(self, error):
        """Note an exception."""
        self.errors.add("".join(traceback.format_exception(error, limit=-4)))

    @contextmanager
    def noting(self):
        """Note what a block raises, and go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not have happened
            self.failed(error)

    def expect(self, what, expected, actual):
        """State that ``actual`` is to equal ``expected``."""
        self.rows.append([what, expected, actual])

    def settle(self):
        """Compare the totals with what was made, now that all is quiet."""
        self.expect_totals(self.made.value, self.read())
        made = [tally.value for tally in self._fresh]
        if any(made):
            self.expect("new series", made, [self.subject.total_of_fresh(n) for n in range(MOST_SERIES)])

    def expect_totals(self, made, reading, where="", level=True):
        """State that ``reading`` has ``made`` records in it."""
        self.expect(f"{where}counted", made, reading.counted)
        self.expect(f"{where}observed", made, reading.count)
        self.expect(f"{where}seconds", made / 8, reading.seconds)
        if level:
            self.expect(f"{where}in buckets", [made] * len(reading.in_buckets), list(reading.in_buckets))

    def take_over(self, told, where):
        """Add what another ledger found."""
        for name in ("torn", "stale", "errors"):
            for example in told[name]["examples"]:
                getattr(self, name).add(where + example)
        self.rows += [row for row in told["rows"] if row not in self.rows]

    def to_dict(self):
        """Give plain values."""
        return {
            "made": self.made.value,
            "reads": self.reads.value,
            "torn": self.torn.to_dict(),
            "stale": self.stale.to_dict(),
            "errors": self.errors.to_dict(),
            "rows": self.rows,
            "notes": self.notes,
        }

    def to_json(self):
        """Give all of it as one line."""
        return json.dumps(self.to_dict())
