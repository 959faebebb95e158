"""Room 5, where it goes: an exporter renders or sends a snapshot. One file per back end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.exporters.callback import CallbackExporter
    from polymeter.exporters.console import ConsoleExporter
    from polymeter.exporters.in_memory import InMemoryExporter
    from polymeter.exporters.json_lines import JsonLinesExporter
    from polymeter.exporters.log import LogExporter
    from polymeter.exporters.logfmt import LogfmtExporter
    from polymeter.exporters.null import NullExporter
    from polymeter.exporters.otlp import OTLPExporter
    from polymeter.exporters.prometheus import PrometheusExporter
    from polymeter.exporters.pushgateway import PushgatewayExporter
    from polymeter.exporters.remote_write import RemoteWriteExporter
    from polymeter.exporters.spool import SpoolingExporter
    from polymeter.exporters.statsd import StatsDExporter
    from polymeter.exporters.textfile import TextfileExporter
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "callback": "CallbackExporter",
            "console": "ConsoleExporter",
            "in_memory": "InMemoryExporter",
            "json_lines": "JsonLinesExporter",
            "log": "LogExporter",
            "logfmt": "LogfmtExporter",
            "null": "NullExporter",
            "otlp": "OTLPExporter",
            "prometheus": "PrometheusExporter",
            "pushgateway": "PushgatewayExporter",
            "remote_write": "RemoteWriteExporter",
            "spool": "SpoolingExporter",
            "statsd": "StatsDExporter",
            "textfile": "TextfileExporter",
        },
    )

__all__ = [
    "CallbackExporter",
    "ConsoleExporter",
    "InMemoryExporter",
    "JsonLinesExporter",
    "LogExporter",
    "LogfmtExporter",
    "NullExporter",
    "OTLPExporter",
    "PrometheusExporter",
    "PushgatewayExporter",
    "RemoteWriteExporter",
    "SpoolingExporter",
    "StatsDExporter",
    "TextfileExporter",
]
