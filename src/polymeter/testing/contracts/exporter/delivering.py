"""How an exporter delivers, again and again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from polymeter.data.counter import Counter
from polymeter.metrics import Metrics
from polymeter.testing.clock import ManualClock
from polymeter.testing.contracts.exporter.base import ExporterTests, export
from polymeter.testing.contracts.registry.child import answer_of_a_child

if TYPE_CHECKING:
    from polymeter.contracts import CanExportMetrics
    from polymeter.data.snapshot import Snapshot

__all__ = ["Delivering"]


class Delivering(ExporterTests):
    """By hand, by a facade, on other threads, in children, and when the back end is down."""

    def test_the_next_export_replaces_or_follows_the_one_before(
        self, exporter: CanExportMetrics, snapshot: Snapshot
    ) -> None:
        """It is used for as long as the program runs."""
        export(exporter, [Counter("something.else", 1)])
        export(exporter, snapshot)
        other = self.make_exporter()
        export(other, snapshot)
        assert self.delivered(exporter) == self.delivered(other)

    def test_any_thread_may_export(self, exporter: CanExportMetrics, snapshot: Snapshot) -> None:
        """The pump's does."""
        errors: list[Exception] = []

        def work() -> None:
            try:
                export(exporter, snapshot)
            except Exception as error:  # noqa: BLE001 - shown by the test
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert errors == []

    def test_a_forked_child_may_export(self, exporter: CanExportMetrics, snapshot: Snapshot) -> None:
        """With what it has of its parent's; and the parent goes on."""
        export(exporter, snapshot)
        assert answer_of_a_child(lambda: export(exporter, snapshot)) is None
        export(exporter, snapshot)

    def test_a_facade_can_deliver_to_it(self, exporter: CanExportMetrics) -> None:
        """Its exports succeed, and it is closed with the facade."""
        with Metrics(clock=ManualClock()) as metrics:
            metrics.export_to(exporter)
            metrics.registry.counter("calls", increment=3)
            metrics.export()
            for health in metrics.health().exporters:
                assert (health.succeeded, health.failed, health.ambiguous) == (1, 0, 0)

    def test_it_raises_when_it_could_not_deliver(self, exporter: CanExportMetrics, snapshot: Snapshot) -> None:
        """Else what it was given would be lost; afterwards it delivers again, and nothing secret was said."""
        block = self.out_of_order(exporter)
        if block is None:
            return
        with block, pytest.raises(Exception) as caught:  # noqa: PT011 - whichever says it
            export(exporter, snapshot)
        for secret in self.secrets:
            assert secret not in str(caught.value)
        export(exporter, snapshot)
        other = self.make_exporter()
        export(other, snapshot)
        assert self.delivered(exporter) == self.delivered(other)
