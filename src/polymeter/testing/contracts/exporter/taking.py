"""What an exporter takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polymeter.data.counter import Counter
from polymeter.data.snapshot import Snapshot
from polymeter.testing.contracts.exporter.base import EVERY_KIND, ODD, ExporterTests, export

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanExportMetrics

__all__ = ["Taking"]

_SHAPES: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "generator": lambda metrics: (metric for metric in metrics),
}


class Taking(ExporterTests):
    """Any metrics, in any shape."""

    @pytest.mark.parametrize("shape", list(_SHAPES))
    def test_any_iterable_of_metrics_is_taken_for_a_snapshot(self, exporter: CanExportMetrics, shape: str) -> None:
        """Whoever has no snapshot need not make one."""
        export(exporter, Snapshot(EVERY_KIND))
        expected = self.delivered(exporter)
        other = self.make_exporter()
        export(other, _SHAPES[shape](EVERY_KIND))
        assert self.delivered(other) == expected

    def test_points_of_one_series_are_delivered_as_one(self, exporter: CanExportMetrics) -> None:
        """They are folded first."""
        export(exporter, [Counter("calls", 3)])
        expected = self.delivered(exporter)
        other = self.make_exporter()
        export(other, iter([Counter("calls", 1), Counter("calls", 2)]))
        assert self.delivered(other) == expected

    def test_nothing_at_all_can_be_delivered(self, exporter: CanExportMetrics) -> None:
        """A program that has just begun has nothing to tell."""
        export(exporter, [])
        export(exporter, Snapshot())

    @pytest.mark.parametrize("number", range(len(ODD)))
    def test_what_is_unusual_is_no_reason_to_fail(self, exporter: CanExportMetrics, number: int) -> None:
        """Values and names that few back ends can carry."""
        export(exporter, [*EVERY_KIND, ODD[number]])

    def test_what_is_given_stays_as_it_was(self, exporter: CanExportMetrics, snapshot: Snapshot) -> None:
        """Others are given the same."""
        before = list(snapshot), dict(snapshot.definitions)
        export(exporter, snapshot)
        assert (list(snapshot), dict(snapshot.definitions)) == before
