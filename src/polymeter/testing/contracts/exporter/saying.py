"""What an exporter says about itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from polymeter.contracts import CanExportMetrics
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.testing.contracts.exporter.base import ExporterTests, export

if TYPE_CHECKING:
    from polymeter.data.snapshot import Snapshot

__all__ = ["Saying"]


class Saying(ExporterTests):
    """The contract's attributes, the optional ones, and no secret."""

    def test_it_has_what_an_exporter_has(self, exporter: CanExportMetrics) -> None:
        """And wants totals or differences."""
        assert isinstance(exporter, CanExportMetrics)
        assert exporter.temporality in {"cumulative", "delta"}
        assert isinstance(getattr(exporter, "is_quick", False), bool)

    def test_its_names_for_a_metric_are_texts(self, exporter: CanExportMetrics) -> None:
        """If it says them at all; of every kind."""
        names: Any = getattr(exporter, "names", None)
        if names is None:
            return
        for kind in Kind:
            said: tuple[str, ...] = names(MetricDefinition.of(f"jobs.of.{kind}", kind))
            assert isinstance(said, tuple)
            assert said
            assert all(map(str.strip, said))  # raises for what is no text

    def test_closing_is_harmless(self, exporter: CanExportMetrics, snapshot: Snapshot) -> None:
        """Twice, and before another export: a facade closes its exporters, and another one may use them."""
        close = getattr(exporter, "close", None)
        if close is None:
            return
        for _ in range(2):
            closing: Any = close()
            if closing is not None:
                asyncio.run(closing)
        export(exporter, snapshot)

    def test_it_shows_no_secret(self, exporter: CanExportMetrics) -> None:
        """In its ``repr``."""
        for secret in self.secrets:
            assert secret not in repr(exporter)
