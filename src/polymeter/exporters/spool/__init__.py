"""Numbers that could not be delivered wait in a folder for the next process."""

from polymeter.exporters.spool.exporter import SpoolingExporter
from polymeter.exporters.spool.health import SpoolHealth

__all__ = ["SpoolHealth", "SpoolingExporter"]
