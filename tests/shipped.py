"""Every collector that we ship, with the back ends whose names we promise: the target of our own manifest."""

from __future__ import annotations

from polymeter import Metrics
from polymeter.configuration.options import options_of
from polymeter.configuration.rooms import COLLECTORS
from polymeter.exporters import PrometheusExporter


def shipped() -> Metrics:
    """Wire all of them; nothing is recorded."""
    metrics = Metrics().export_to(PrometheusExporter())
    for name in COLLECTORS.names:
        collector = COLLECTORS.find(name)
        if not any(option.is_required for option in options_of(collector).by_name.values()):
            metrics.collect(collector())
    return metrics
