"""Exporters that do what a test wants."""

from __future__ import annotations

import threading
from dataclasses import dataclass

PATIENCE = 60


class Recording:
    """Keeps what it is given, and raises while it is told to."""

    def __init__(self, temporality="cumulative"):
        self.temporality = temporality
        self.snapshots = []
        self.error = None
        self.exported = threading.Condition()

    def export(self, snapshot):
        with self.exported:
            if self.error is not None:
                raise self.error
            self.snapshots.append(snapshot)
            self.exported.notify_all()

    def wait_for(self, exports):
        with self.exported:
            assert self.exported.wait_for(lambda: len(self.snapshots) >= exports, PATIENCE)

    def values(self, name):
        """Give what each export had of a name, summed up."""
        return [sum(metric.value for metric in snapshot.by_name(name)) for snapshot in self.snapshots]


@dataclass
class Unhashable:
    """A data class, which cannot be a key."""

    temporality: str = "cumulative"
    exports: int = 0

    def export(self, snapshot):
        self.exports += 1


class Blocking:
    """Does not come back until it is let go."""

    def __init__(self, temporality="cumulative"):
        self.temporality = temporality
        self.entered, self.let_go, self.end = threading.Event(), threading.Event(), threading.Event()
        self.exports = 0

    def export(self, snapshot):
        self.exports += 1
        self.entered.set()
        assert self.let_go.wait(PATIENCE)
        self.end.set()
