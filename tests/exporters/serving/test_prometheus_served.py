"""The real exporter behind the server: formats, filters, and what is recorded meanwhile."""

from __future__ import annotations

import gzip
import threading

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from polymeter import Metrics
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.serving import serve
from tests.exporters.serving.visiting import ask


@pytest.fixture
def metrics():
    with Metrics() as it:
        it.registry.counter("jobs.done", {"queue": "day"}, 3)
        it.registry.timer("jobs.duration_ms", 12.5, {"queue": "day"})
        yield it


@pytest.fixture
def port(metrics):
    exporter = PrometheusExporter()
    metrics.export_to(exporter)
    with serve(exporter, 0) as server:
        yield server.port


def samples_of(text, read):
    return {
        sample.name: sample.value for family in read(text) for sample in family.samples if not sample.labels.get("le")
    }


@pytest.mark.parametrize(
    ("accept", "begins", "read"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", read_text),
        (
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0",
            read_openmetrics,
        ),
        ("text/plain; version=1.0.0; escaping=underscores", "text/plain; version=1.0.0", read_text),
        ("nonsense/;;;q=,\xff", "text/plain; version=0.0.4; charset=utf-8", read_text),
        ("image/png", "text/plain; version=0.0.4; charset=utf-8", read_text),
    ],
)
def test_the_format_is_what_was_asked_for(port, accept, begins, read):
    status, headers, body = ask(port, **({"Accept": accept} if accept else {}))
    assert (status, headers["content-type"].startswith(begins)) == (200, True)
    samples = samples_of(body.decode(), read)
    assert samples["jobs_done_total"] == 3
    assert samples["jobs_duration_seconds_sum"] == 0.0125


def test_native_histograms_are_negotiated_and_compressed(port):
    accept = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    status, headers, body = ask(port, **{"Accept": accept, "Accept-Encoding": "gzip"})
    assert status == 200
    assert headers["content-type"].startswith("application/vnd.google.protobuf")
    assert b"jobs_duration_seconds" in gzip.decompress(body)


def test_names_choose_series(port):
    text = ask(port, "/metrics?name[]=jobs_done_total")[2].decode()
    assert set(samples_of(text, read_text)) == {"jobs_done_total"}


def test_no_answer_is_older_than_its_request(metrics, port):
    def record_and_ask(number):
        for increment in range(1, 11):
            metrics.registry.counter("mine", {"thread": number})
            text = ask(port, "/metrics?name[]=mine_total")[2].decode()
            (mine,) = [line for line in text.splitlines() if f'"{number}"' in line]
            if float(mine.split()[-1]) < increment:
                old.append(mine)

    old = []
    threads = [threading.Thread(target=record_and_ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert old == []
