"""What the contract of exporters notices: exporters that break one promise each."""

from __future__ import annotations

import inspect
import os
import threading
from contextlib import contextmanager

import pytest

from polymeter.data import Snapshot
from polymeter.testing.contracts.exporter.base import EVERY_KIND
from polymeter.testing.contracts.exporters import ExporterContract

SECRET = "a-secret"


class Sound:
    """What the broken ones would be, if they were not."""

    temporality = "cumulative"
    is_down = False

    def __init__(self):
        self.thread, self.process = threading.get_ident(), os.getpid()
        self.lines = []
        self.closed = 0

    def export(self, snapshot):
        if self.is_down:
            raise ConnectionError
        self.lines = [str(metric) for metric in Snapshot.of(snapshot)]

    def names(self, definition):
        return (definition.name,)

    def close(self):
        self.closed += 1


class Silent(Sound):
    """Says nothing when it fails."""

    def export(self, snapshot):
        if not self.is_down:
            super().export(snapshot)


class Telling(Sound):
    """Quotes its key."""

    def export(self, snapshot):
        if self.is_down:
            raise ConnectionError(SECRET)
        super().export(snapshot)


class Broken(Sound):
    """Never comes back."""

    def export(self, snapshot):
        if self.lines and self.is_down:
            self.lines = None
        if self.lines is None or self.is_down:
            self.lines = None
            raise ConnectionError
        super().export(snapshot)


class Literal(Sound):
    """Delivers points as they come."""

    def export(self, snapshot):
        if self.is_down:
            raise ConnectionError
        self.lines = [str(metric) for metric in snapshot]


class Counting(Sound):
    """Wants to know how many there are."""

    def export(self, snapshot):
        len(snapshot)
        super().export(snapshot)


class Greedy(Sound):
    """Cannot do without metrics."""

    def export(self, snapshot):
        snapshot = Snapshot.of(snapshot)
        next(iter(snapshot))
        super().export(snapshot)


class Numeric(Sound):
    """Takes every value for a number."""

    def export(self, snapshot):
        snapshot = Snapshot.of(snapshot)
        for metric in snapshot:
            int(metric.value)
        super().export(snapshot)


class Changing(Sound):
    """Takes away what it has delivered."""

    def export(self, snapshot):
        super().export(snapshot)
        if isinstance(snapshot, Snapshot):
            snapshot._metrics.clear()


class Collecting(Sound):
    """Delivers all that it was ever given."""

    def export(self, snapshot):
        before = self.lines
        super().export(snapshot)
        self.lines = before + self.lines


class Attached(Sound):
    """Works on one thread only."""

    def export(self, snapshot):
        if threading.get_ident() != self.thread:
            raise RuntimeError
        super().export(snapshot)


class Homely(Sound):
    """Works in one process only."""

    def export(self, snapshot):
        if os.getpid() != self.process:
            raise RuntimeError
        super().export(snapshot)


class Odd(Sound):
    """Wants something else."""

    temporality = "sometimes"


class Showing(Sound):
    """Shows its key."""

    def __repr__(self):
        return SECRET


class Nameless(Sound):
    """Has no name for timers."""

    def names(self, definition):
        return () if definition.kind == "timer" else (definition.name,)


class Final(Sound):
    """Can be closed once."""

    def close(self):
        super().close()
        if self.closed > 1:
            raise RuntimeError


class Over(Sound):
    """Takes nothing once it is closed."""

    def export(self, snapshot):
        if self.closed:
            raise RuntimeError
        super().export(snapshot)


CASES = [
    (Silent, "test_it_raises_when_it_could_not_deliver", {}),
    (Telling, "test_it_raises_when_it_could_not_deliver", {}),
    (Broken, "test_it_raises_when_it_could_not_deliver", {}),
    (Literal, "test_points_of_one_series_are_delivered_as_one", {}),
    (Counting, "test_any_iterable_of_metrics_is_taken_for_a_snapshot", {"shape": "generator"}),
    (Greedy, "test_nothing_at_all_can_be_delivered", {}),
    (Numeric, "test_what_is_unusual_is_no_reason_to_fail", {"number": 0}),
    (Changing, "test_what_is_given_stays_as_it_was", {}),
    (Collecting, "test_the_next_export_replaces_or_follows_the_one_before", {}),
    (Attached, "test_any_thread_may_export", {}),
    (Homely, "test_a_forked_child_may_export", {}),
    (Odd, "test_it_has_what_an_exporter_has", {}),
    (Showing, "test_it_shows_no_secret", {}),
    (Nameless, "test_its_names_for_a_metric_are_texts", {}),
    (Final, "test_closing_is_harmless", {}),
    (Over, "test_closing_is_harmless", {}),
]


def run(exporter_class, test, case):
    """Run one test of the contract, with the arguments of one case, over an exporter."""

    class Contract(ExporterContract):
        secrets = (SECRET,)

        def make_exporter(self):
            return exporter_class()

        def delivered(self, exporter):
            return exporter.lines

        @contextmanager
        def out_of_order(self, exporter):
            exporter.is_down = True
            yield
            exporter.is_down = False

    contract = Contract()
    method = getattr(contract, test)
    known = {"exporter": contract.make_exporter(), "snapshot": Snapshot(EVERY_KIND), **case}
    method(**{name: known[name] for name in inspect.signature(method).parameters})


@pytest.mark.parametrize(("broken", "test", "case"), CASES, ids=[f"{each[0].__name__}-{each[1]}" for each in CASES])
def test_it_is_noticed(broken, test, case):
    """By the test that is about it, and which a sound one passes."""
    run(Sound, test, case)
    with pytest.raises((Exception, pytest.fail.Exception)):
        run(broken, test, case)


def test_what_cannot_be_asked_is_taken_at_its_word():
    """An exporter whose back end is out of reach passes by what it does itself."""

    class Contract(ExporterContract):
        def make_exporter(self):
            return Sound()

    assert Contract().delivered(Sound()) is None
    assert Contract().out_of_order(Sound()) is None
