"""What real servers have taken by remote write, in both versions, equals what was recorded."""

from __future__ import annotations

import time
from collections import Counter as Count
from contextlib import closing
from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.data import Gauge, Snapshot, Timer
from polymeter.errors import DeliveryError
from polymeter.exporters import RemoteWriteExporter
from polymeter.exporters.http import Backoff
from polymeter.registries import AggregatingRegistry
from tests.backends.ledger import ODD_TAGS, WAIT_BOUNDS, Ledger, at_or_below, quantile, record_everything
from tests.backends.reading import OBSERVED, SUMS, legal, seen_by
from tests.servers import fixtures, server
from tests.servers.prometheus import Moment

victoria_metrics = fixtures.victoria_metrics
VERSIONS = ["1.0", "2.0"]
NAMES = ["prometheus", "prometheus-3", "victoria-metrics-1"]
PAGES = [(name, version) for name in NAMES for version in VERSIONS]
PROMETHEUS = [page for page in PAGES if page[0] != "victoria-metrics-1"]
KNOW_VERSION_2 = ["prometheus-3"]


@dataclass
class Target:
    """A server: where it is written to, and what it knows now."""

    url: str
    now: object


@dataclass
class Written:
    """What one export has left at a server."""

    page: Moment
    ledger: Ledger
    server: object


@pytest.fixture
def target(request, scrapers):
    """Give a server by its name, or skip."""
    return target_of(request.param, request, scrapers)


def target_of(name, request, scrapers):
    server(name)
    if name == "victoria-metrics-1":
        running = request.getfixturevalue("victoria_metrics")
        return Target(running.remote_write, running.now)
    running = scrapers[name]
    return Target(f"{running.address}/write", lambda: Moment(running.address, time.time() + 1))


@pytest.fixture(scope="module")
def known():
    """Give what has been written already."""
    return {}


@pytest.fixture
def written(request, scrapers, known):
    """Give what is at a server after one export of everything: by server, version and style of histograms."""
    name, version, *style = request.param
    histograms = style[0] if style else "classic"
    target = target_of(name, request, scrapers)
    key = name, version, histograms
    if key not in known:
        registry = AggregatingRegistry(resource={"service.name": "shop", "service.version": "1.5"})
        job = " ".join(("remote write", *key))
        exporter = RemoteWriteExporter(target.url, job=job, version=version, histograms=histograms)
        with closing(exporter), Metrics(registry=registry) as metrics:
            ledger = record_everything(registry)
            exporter.export(metrics.snapshot())
            assert exporter._wants_2 == (version == "2.0" and name in KNOW_VERSION_2)
        page = target.now()
        page.job = job
        known[key] = Written(page, ledger, scrapers.get(name))
    return known[key]


def written_by(pages, *style):
    pages = [(*page, *style) for page in pages]
    return pytest.mark.parametrize("written", pages, indirect=True, ids=[" ".join(page) for page in pages])


@written_by(PAGES)
@pytest.mark.parametrize("name", SUMS)
def test_sums_and_readings_are_exactly_those_of_the_ledger(name, written):
    expected = {legal(labels): value for labels, value in written.ledger.sums[name].items()}
    if written.server is None:  # VictoriaMetrics keeps 15 decimal digits
        expected = pytest.approx(expected, rel=1e-14)
    assert seen_by(written.page, SUMS[name] + "{}") == expected


@written_by(PAGES)
@pytest.mark.parametrize("name", OBSERVED)
def test_counts_and_sums_of_observations_are_those_of_the_ledger(name, written):
    observed = {legal(labels): values for labels, values in written.ledger.observations[name].items()}
    counts = seen_by(written.page, f"{OBSERVED[name]}_count{{}}")
    assert counts == {labels: len(values) for labels, values in observed.items()}
    sums = {labels: pytest.approx(sum(values), rel=1e-12) for labels, values in observed.items()}
    assert seen_by(written.page, f"{OBSERVED[name]}_sum{{}}") == sums


@written_by(PAGES)
def test_buckets_with_bounds_of_their_own_are_counted_exactly(written):
    buckets = {}
    for labels, count in seen_by(written.page, "queue_wait_seconds_bucket{}").items():
        [bound] = (float(text) for name, text in labels if name == "le")
        buckets[frozenset(pair for pair in labels if pair[0] != "le"), bound] = count
    assert buckets == {
        (legal(labels), bound): at_or_below(bound, values)
        for labels, values in written.ledger.observations["queue.wait_ms"].items()
        for bound in (*WAIT_BOUNDS, float("inf"))
    }


@written_by(PAGES)
def test_nothing_else_arrives_than_was_recorded_and_polymeters_own(written):
    seen = Count(series["__name__"] for series in written.page.series(f'{{job="{written.page.job}"}}'))
    histograms = {name + suffix for name in OBSERVED.values() for suffix in ("_bucket", "_count", "_sum")}
    own = {"polymeter_records_applied_total", "polymeter_series"}
    assert set(seen) == {*SUMS.values(), *histograms, "target_info", *own}
    assert seen_by(written.page, "target_info{}") == {
        frozenset({("service_name", "shop"), ("service_version", "1.5")}): 1
    }


@written_by(PROMETHEUS)
def test_exemplars_come_back_with_their_values(written):
    found = {each["labels"]["trace_id"]: each for each in written.server.exemplars(f'{{job="{written.page.job}"}}')}
    assert {trace: float(each["value"]) for trace, each in found.items()} == written.ledger.exemplars
    assert found["t50"]["labels"] == {"trace_id": "t50", "span_id": "é"}
    assert found["t50"]["seriesLabels"]["room"] == ODD_TAGS[0]["room"]


@written_by(PROMETHEUS, "native")
@pytest.mark.parametrize("name", OBSERVED)
def test_quantiles_of_native_histograms_are_in_the_bucket_of_the_truth(name, written):
    observed = {legal(labels): values for labels, values in written.ledger.observations[name].items()}
    counts = seen_by(written.page, f"histogram_count({OBSERVED[name]}{{}})")
    assert counts == {labels: len(values) for labels, values in observed.items()}
    for share in (0.055, 0.503, 0.987):
        seen = seen_by(written.page, f"histogram_quantile({share}, {OBSERVED[name]}{{}})")
        assert seen == {
            labels: pytest.approx(quantile(share, values), rel=0.011) for labels, values in observed.items()
        }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", ["prometheus-3", "victoria-metrics-1"], indirect=True)
def test_names_in_utf8_arrive_where_a_server_can_take_them(target, version, request):
    job = request.node.name
    with closing(RemoteWriteExporter(target.url, job=job, version=version, utf8_names=True)) as exporter:
        exporter.export(Snapshot([Gauge("küche.temperature", 20.5, {"sensor.id": "é"})], taken_at=time.time()))
    [series] = target.now().series(f'{{"__name__"="küche.temperature", job="{job}"}}')
    assert series["sensor.id"] == "é"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_a_series_that_is_gone_is_gone_at_once_and_the_others_stay(target, version, request):
    job = request.node.name
    gone = [Gauge("remote.gone", 1), Timer("remote.waited", 5)]
    began = time.time() - 2
    with closing(RemoteWriteExporter(target.url, job=job, version=version)) as exporter:
        exporter.export(Snapshot([*gone, Gauge("remote.stays", 1)], taken_at=began))
        seen = {series["__name__"] for series in target.now().series(f'{{job="{job}"}}')}
        assert seen > {"remote_gone", "remote_stays", "remote_waited_seconds_count"}
        exporter.export(Snapshot([Gauge("remote.stays", 2)], taken_at=began + 1))
    seen = {series["__name__"] for series in target.now().series(f'{{job="{job}"}}')}
    assert seen == {"remote_stays"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", [name for name in NAMES if name != "victoria-metrics-1"], indirect=True)
def test_a_native_histogram_that_is_gone_is_gone_at_once(target, version, request):
    job = request.node.name
    began = time.time() - 2
    with closing(RemoteWriteExporter(target.url, job=job, version=version, histograms="native")) as exporter:
        exporter.export(Snapshot([Timer("remote.waited", 5)], taken_at=began))
        assert len(target.now().series(f'{{job="{job}"}}')) == 1
        exporter.export(Snapshot([], taken_at=began + 1))
    assert target.now().series(f'{{job="{job}"}}') == []


@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_after_many_exports_every_sample_is_there_and_the_last_is_the_ledger(target, request):
    job = request.node.name
    began = time.time() - 10
    with closing(RemoteWriteExporter(target.url, job=job)) as exporter, Metrics() as metrics:
        for second in range(10):
            metrics.registry.counter("orders", increment=second)
            exporter.export(Snapshot(metrics.snapshot(), taken_at=began + second))
    page = target.now()
    assert page.value(f'sum(orders_total{{job="{job}"}})') == 45
    assert page.value(f'count_over_time(orders_total{{job="{job}"}}[1m])') == 10


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", ["prometheus", "prometheus-3"], indirect=True)
def test_a_second_writer_of_the_same_series_is_an_error_that_somebody_sees(target, version, request):
    """Of the same time and another value."""
    options = {"job": request.node.name, "instance": "both", "version": version}
    at = time.time()
    one, other = (RemoteWriteExporter(target.url, **options) for _ in range(2))
    with closing(one), closing(other):
        one.export(Snapshot([Gauge("contested", 1)], taken_at=at))
        with pytest.raises(DeliveryError, match="400") as caught:
            other.export(Snapshot([Gauge("contested", 2)], taken_at=at))
    assert caught.value.reason == "rejected"
    assert "instance=" in caught.value.__notes__[0]


@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_a_wrong_path_is_an_error_that_somebody_sees(target):
    exporter = RemoteWriteExporter(target.url.replace("write", "wrong"), backoff=Backoff(retries=0))
    with closing(exporter), pytest.raises(DeliveryError, match=r"answered 40[04]") as caught:
        exporter.export([Gauge("g", 1)])
    assert caught.value.reason == "rejected"
    assert "/api/v1/write" in caught.value.__notes__[0]
