"""What is pushed to a real Pushgateway is there, and in the Prometheus that scrapes it, as long as it should be."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from polymeter import Metrics
from polymeter.errors import DeliveryError
from polymeter.exporters import PushgatewayExporter
from tests.backends.ledger import ODD_TAGS, at_or_below, labels_of, record_everything
from tests.backends.reading import legal
from tests.servers.asking import answer_of

GROUPING = {"instance": "i/1", "path": "/var/spool with spaces/é", "empty": ""}
GROUP = frozenset({("job", "nightly run/eu"), ("instance", "i/1"), ("path", "/var/spool with spaces/é")})


@pytest.fixture
def pushed(pushgateway):
    """Push a ledger, and take it away in the end; give both."""
    exporter = PushgatewayExporter(pushgateway, "nightly run/eu", grouping=GROUPING)
    metrics = Metrics().export_to(exporter)
    ledger = record_everything(metrics.registry)
    metrics.export()
    yield ledger, exporter
    exporter.delete()
    exporter.close()


@pytest.fixture
def pushed_elsewhere(pushgateway):
    """Push one counter to a group of its own; give the job."""
    exporter = PushgatewayExporter(pushgateway, "another")
    metrics = Metrics().export_to(exporter)
    metrics.registry.counter("jobs.done")
    metrics.export()
    yield "another"
    exporter.delete()
    exporter.close()


def samples_of(pushgateway, name):
    """Give the samples of one name that the gateway shows, by labels."""
    text = answer_of(f"{pushgateway}/metrics").decode()
    return {
        frozenset((label, value) for label, value in sample.labels.items() if value): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def in_group(expected):
    """Give the labels as they are in the group; what the group has too is kept under another name."""
    renamed = {"path": "exported_path"}
    return {
        frozenset((renamed.get(name, name), text) for name, text in legal(labels)) | GROUP: value
        for labels, value in expected.items()
    }


def test_the_gateway_shows_the_ledger_in_its_group(pushed, pushgateway):
    ledger, _ = pushed
    assert samples_of(pushgateway, "jobs_done_total") == in_group(ledger.sums["jobs.done"])
    assert samples_of(pushgateway, "temperature") == in_group(ledger.sums["temperature"])
    counts = {labels: len(values) for labels, values in ledger.observations["queue.wait_ms"].items()}
    assert samples_of(pushgateway, "queue_wait_seconds_count") == in_group(counts)


def test_the_prometheus_behind_it_has_the_ledger(pushed, prometheus):
    ledger, _ = pushed
    page = prometheus.scraped("pushgateway")
    assert page.vector('jobs_done_total{job="nightly run/eu"}') == in_group(ledger.sums["jobs.done"])
    values = ledger.observations["queue.wait_ms"][labels_of(ODD_TAGS[0])]
    below = page.value('queue_wait_seconds_bucket{job="nightly run/eu", room="day", le=~"1|1.0"}')
    assert below == at_or_below(1.0, values)


def test_what_is_pushed_again_replaces_what_was_there(pushed, pushgateway):
    _, exporter = pushed
    metrics = Metrics().export_to(exporter)
    metrics.registry.counter("jobs.done", {"room": "other"}, 5)
    metrics.export()
    assert samples_of(pushgateway, "jobs_done_total") == in_group({labels_of({"room": "other"}): 5})
    assert samples_of(pushgateway, "temperature") == {}


def test_what_is_posted_leaves_the_other_names_alone(pushed, pushgateway):
    ledger, _ = pushed
    posting = PushgatewayExporter(pushgateway, "nightly run/eu", grouping=GROUPING, method="POST", gzip=True)
    metrics = Metrics().export_to(posting)
    metrics.registry.counter("jobs.done", {"room": "other"}, 5)
    metrics.export()
    posting.close()
    assert samples_of(pushgateway, "jobs_done_total") == in_group({labels_of({"room": "other"}): 5})
    assert samples_of(pushgateway, "temperature") == in_group(ledger.sums["temperature"])


def test_what_is_deleted_is_gone_and_nothing_else(pushed, pushed_elsewhere, pushgateway):
    _, exporter = pushed
    exporter.delete()
    assert samples_of(pushgateway, "jobs_done_total") == {frozenset({("job", pushed_elsewhere)}): 1}


def test_what_the_gateway_cannot_take_is_an_error_that_says_so(pushed, pushgateway):
    """A metric of the same name and another type, from another group."""
    exporter = PushgatewayExporter(pushgateway, "another")
    metrics = Metrics()
    metrics.registry.histogram("temperature", 5.0)
    with pytest.raises(DeliveryError) as caught:
        exporter.export(metrics.snapshot())
    exporter.close()
    assert caught.value.reason == "rejected"
    assert "400" in str(caught.value)
