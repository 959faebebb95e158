"""OTLP: the protocol of OpenTelemetry, over HTTP (protobuf or JSON) and gRPC."""

from __future__ import annotations

from polymeter.exporters.otlp.exporter import OTLPExporter

__all__ = ["OTLPExporter"]
