"""Prometheus: the formats that it scrapes, rendered. How they are served or pushed is beside this package."""

from __future__ import annotations

from polymeter.exporters.prometheus.exporter import PrometheusExporter
from polymeter.exporters.prometheus.exposition import Exposition
from polymeter.exporters.prometheus.styles import Classic, Quantiles

__all__ = ["Classic", "Exposition", "PrometheusExporter", "Quantiles"]
