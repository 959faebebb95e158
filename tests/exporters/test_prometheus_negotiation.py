"""Which format a scrape is answered in, by its ``Accept`` header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter
from polymeter.exporters import PrometheusExporter
from tests.exporters.prometheus_messages import PROTOBUF as ASKS_FOR_PROTOBUF
from tests.exporters.prometheus_reading import body

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
TEXT = "text/plain; version=1.0.0; charset=utf-8; escaping="
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

ANSWERS = [
    # what real ones send: Prometheus 2.42 and 3.5, without and with native histograms, a browser, curl
    (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1",
        OPENMETRICS,
    ),
    (f"{ASKS_FOR_PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5", PROTOBUF),
    (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        f"{OPENMETRICS}; escaping=allow-utf-8",
    ),
    (
        f"{ASKS_FOR_PROTOBUF};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1",
        PROTOBUF,
    ),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PLAIN),
    ("*/*", PLAIN),
    ("", PLAIN),
    # versions
    ("text/plain", PLAIN),
    ("text/plain;version=0.0.4", PLAIN),
    ("text/plain;version=1.0.0", f"{TEXT}underscores"),
    ("text/plain;version=2.0.0", PLAIN),
    ("application/openmetrics-text", OPENMETRICS),
    ("application/openmetrics-text;escaping=allow-utf-8", OPENMETRICS),
    ("application/openmetrics-text;version=0.0.1", PLAIN),
    ("application/openmetrics-text;version=2.0.0", PLAIN),
    ("application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1", OPENMETRICS),
    # escaping
    ("text/plain;version=1.0.0;escaping=values", f"{TEXT}values"),
    ("text/plain;version=1.0.0;escaping=dots", f"{TEXT}dots"),
    ("text/plain;version=1.0.0;escaping=nonsense", f"{TEXT}underscores"),
    ("text/plain;version=0.0.4;escaping=allow-utf-8", PLAIN),
    ("application/openmetrics-text;version=1.0.0;escaping=underscores", f"{OPENMETRICS}; escaping=underscores"),
    ("application/openmetrics-text;version=1.0.0;escaping=nonsense", OPENMETRICS),
    (f"{ASKS_FOR_PROTOBUF};escaping=allow-utf-8", f"{PROTOBUF}; escaping=allow-utf-8"),
    # protobuf only if it is this one
    ("application/vnd.google.protobuf", PLAIN),
    ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", PLAIN),
    ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", PLAIN),
    ("application/vnd.google.protobuf;proto=other.Message;encoding=delimited", PLAIN),
    # quality, then order
    (f"text/plain;q=0.2,{OPENMETRICS};q=0.3", OPENMETRICS),
    (f"text/plain;q=0.3,{OPENMETRICS};q=0.2", PLAIN),
    (f"text/plain,{OPENMETRICS}", PLAIN),
    (f"{OPENMETRICS},text/plain", OPENMETRICS),
    (f"{OPENMETRICS};q=0", PLAIN),
    (f"{OPENMETRICS};q=0,text/plain;version=1.0.0;q=0.1", f"{TEXT}underscores"),
    (f"{OPENMETRICS};q=high,text/plain;version=1.0.0;q=0.1", f"{TEXT}underscores"),
    (f"{OPENMETRICS};q=7,text/plain;version=1.0.0;q=0.1", f"{TEXT}underscores"),
    (f"{OPENMETRICS};q=nan", PLAIN),
    # how it is written does not matter
    (" Application/OpenMetrics-Text ; Version = 1.0.0 ; Q=0.5 ", OPENMETRICS),
    ('text/plain; version="1.0.0"; escaping="allow-utf-8"', f"{TEXT}allow-utf-8"),
    # nonsense
    (",;=,;q=;,", PLAIN),
    ("application/openmetrics-text version=1.0.0", PLAIN),
    ("\x00\u2028é", PLAIN),
    ("," * 100_000, PLAIN),
]


@pytest.mark.parametrize(("accept", "content_type"), ANSWERS, ids=lambda text: text[:60])
def test_the_answer_to_an_accept_header(accept, content_type):
    assert PrometheusExporter().exposition(accept).content_type == content_type


@given(accept=st.one_of(st.text(), st.text(",;=q.01*/ ")))
def test_any_header_gets_an_answer(accept):
    exporter = PrometheusExporter()
    exporter.export([Counter("calls", 1)])
    assert b"calls_total 1" in body(exporter, accept)


def test_no_header_at_all_is_the_plain_text():
    assert PrometheusExporter().exposition(None).content_type == PLAIN


def test_what_is_answered_is_what_the_content_type_says():
    exporter = PrometheusExporter()
    exporter.export([Counter("calls", 1)])
    assert body(exporter, OPENMETRICS).endswith(b"# EOF\n")
    assert body(exporter, "text/plain;version=1.0.0") == body(exporter) == exporter.render().encode()
    assert body(exporter, ASKS_FOR_PROTOBUF).startswith(b"\x2b\x0a\x0bcalls_total\x12")
