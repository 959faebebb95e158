"""OTLPExporter can be written in a file, with every option that is no code."""

from __future__ import annotations

import tomllib

from polymeter.configuration import Configuration
from polymeter.exporters import OTLPExporter

DOCUMENT = """
[exporters.otlp]
endpoint = "https://localhost:4318"
protocol = "http/json"
temporality = "delta"
histograms = "explicit"
max_buckets = 64
exemplars = "trace_based"
headers = { api-key = "a-secret" }
compression = "none"
timeout = 5
resource = { "deployment.environment.name" = "test" }
detect_resource = false
"""


def test_every_option_can_be_said():
    [part] = Configuration.of(tomllib.loads(DOCUMENT)).exporters
    exporter = part.make()
    assert isinstance(exporter, OTLPExporter)
    assert repr(exporter) == "OTLPExporter('localhost:4318', protocol='http/json')"
    assert exporter.temporality == "delta"


def test_secrets_are_not_shown():
    assert "a-secret" not in str(Configuration.of(tomllib.loads(DOCUMENT)))
