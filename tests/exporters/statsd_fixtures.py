"""An exporter and what listens to it."""

from __future__ import annotations

from polymeter.exporters import StatsDExporter
from tests.exporters.statsd_reading import lines_of
from tests.exporters.statsd_receivers import Udp


class Pair:
    """An exporter over UDP, and its receiver."""

    def __init__(self, **options):
        self.dialect = options.get("dialect", "datadog")
        self.receiver = Udp()
        self.exporter = StatsDExporter(self.receiver.address, **{"origin_detection": False, **options})

    def sent(self, metrics):
        """Export, and give the packets that came."""
        self.exporter.export(metrics)
        return self.receiver.packets()

    def lines(self, metrics):
        """Export, and give the lines as they came."""
        return [line for packet in self.sent(metrics) for line in packet.decode().split("\n")]

    def read(self, metrics):
        """Export, and give the lines, read strictly."""
        return lines_of(self.sent(metrics), self.dialect)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.exporter.close()
        self.receiver.close()


def lines(metrics, **options):
    """Give the lines of metrics as they arrive."""
    with Pair(**options) as pair:
        return pair.lines(metrics)
