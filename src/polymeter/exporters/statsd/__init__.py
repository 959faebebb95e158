"""StatsD and DogStatsD: datagrams and lines, to whoever listens."""

from __future__ import annotations

from polymeter.exporters.statsd.exporter import StatsDExporter

__all__ = ["StatsDExporter"]
