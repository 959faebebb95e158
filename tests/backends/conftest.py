"""One application that everything here scrapes, in each format that it has, and its ledger."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from polymeter import Metrics
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.serving import Basic, Bearer, serve
from polymeter.registries import AggregatingRegistry
from tests.backends.ledger import Ledger, record_everything
from tests.servers.application import serving
from tests.servers.jobs import PASSWORD, TOKEN, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.jobs import Job

ACCEPT = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "native": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
"""The format of a page, whatever is asked for: older versions of Prometheus cannot be told to ask for one."""


@dataclass(frozen=True)
class Application:
    """What is served, and since when (Unix seconds) nothing of it changes."""

    ledger: Ledger
    since: float


@pytest.fixture(scope="package")
def application(jobs: dict[str, Job]) -> Iterator[Application]:
    """Serve the same values as text, OpenMetrics and native histograms, and as is asked for, open and closed."""
    metrics = Metrics(registry=AggregatingRegistry(resource={"service.name": "shop", "service.version": "1.5"}))
    ledger = record_everything(metrics.registry)
    classic, native = PrometheusExporter(), PrometheusExporter(histograms="native")
    dotted = PrometheusExporter(utf8_names=True)
    for exporter in (classic, native, dotted):
        metrics.export_to(exporter)

    def page(job: str, exporter: PrometheusExporter) -> None:
        def answer(_: str):
            exposition = exporter.exposition(ACCEPT[job])
            return exposition.content_type, exposition

        stack.enter_context(serving(jobs[job].port, answer))

    def server(job: str, exporter: PrometheusExporter, **options) -> None:
        port = stack.enter_context(jobs[job].port.free())
        stack.enter_context(serve(exporter, port, **options))

    with ExitStack() as stack:
        page("text", classic)
        page("openmetrics", classic)
        page("native", native)
        server("negotiated", classic)
        for job in ("dotted text", "dotted openmetrics", "dots", "values"):
            server(job, dotted)
        server("refused", classic, auth=Bearer(TOKEN))
        server("basic", classic, auth=Basic(USER, PASSWORD))
        if "secured" in jobs:
            server("secured", classic, auth=Bearer(TOKEN), tls=jobs["secured"].certificate)
        yield Application(ledger, time.time())


@pytest.fixture(scope="package")
def moments():
    """Give what was seen already, by server and job."""
    return {}


@pytest.fixture
def page(request, application, prometheus, moments, jobs):
    """Give what a server knows of the application by the job that a test names."""
    if request.param not in jobs:
        pytest.skip("openssl, which makes the certificate, is not on PATH")
    key = prometheus, request.param
    if key not in moments:
        moments[key] = prometheus.scraped(request.param, since=application.since)
    return moments[key]
