"""The parts of the exporter's contract: see ``polymeter.testing.contracts.exporters``."""
