"""Remote write: the series that Prometheus would scrape, sent to whoever takes them."""

from __future__ import annotations

from polymeter.exporters.remote_write.exporter import RemoteWriteExporter

__all__ = ["RemoteWriteExporter"]
