"""What a real Prometheus stores after it scraped us, in each format, equals what was recorded."""

from __future__ import annotations

import pytest

from tests.backends.ledger import ODD_TAGS, WAIT_BOUNDS, WAIT_HELP, at_or_below
from tests.backends.reading import OBSERVED, SUMS, legal, seen_by

CLASSIC = ["text", "openmetrics", "negotiated", "basic", "secured"]
"""Pages with classic histograms; the last three are served by ``serve``, in protobuf or what else is asked for."""
EVERY = [*CLASSIC, "native"]


@pytest.mark.parametrize("page", EVERY, indirect=True)
@pytest.mark.parametrize("name", SUMS)
def test_sums_and_readings_are_exactly_those_of_the_ledger(name, page, application):
    expected = {legal(labels): value for labels, value in application.ledger.sums[name].items()}
    assert seen_by(page, SUMS[name] + "{}") == expected


@pytest.mark.parametrize("page", CLASSIC, indirect=True)
@pytest.mark.parametrize("name", OBSERVED)
def test_counts_and_sums_of_observations_are_those_of_the_ledger(name, page, application):
    observed = {legal(labels): values for labels, values in application.ledger.observations[name].items()}
    assert seen_by(page, f"{OBSERVED[name]}_count{{}}") == {labels: len(values) for labels, values in observed.items()}
    sums = {labels: pytest.approx(sum(values), rel=1e-12) for labels, values in observed.items()}
    assert seen_by(page, f"{OBSERVED[name]}_sum{{}}") == sums


@pytest.mark.parametrize("page", CLASSIC, indirect=True)
def test_buckets_with_bounds_of_their_own_are_counted_exactly(page, application):
    buckets = {}
    for labels, count in seen_by(page, "queue_wait_seconds_bucket{}").items():
        [bound] = (float(text) for name, text in labels if name == "le")
        buckets[frozenset(pair for pair in labels if pair[0] != "le"), bound] = count
    assert buckets == {
        (legal(labels), bound): at_or_below(bound, values)
        for labels, values in application.ledger.observations["queue.wait_ms"].items()
        for bound in (*WAIT_BOUNDS, float("inf"))
    }


@pytest.mark.parametrize("page", EVERY, indirect=True)
def test_help_and_type_arrive_with_every_character(page, prometheus):
    metadata = prometheus.metadata(page.job)
    unit = "seconds" if page.job == "openmetrics" else ""
    expected = {"type": "histogram", "help": WAIT_HELP, "unit": unit}
    assert {**metadata["queue_wait_seconds"], "unit": unit} == expected
    assert metadata["temperature"]["type"] == "gauge"


@pytest.mark.parametrize("page", EVERY, indirect=True)
def test_the_resource_is_one_series(page):
    expected = {frozenset({("service_name", "shop"), ("service_version", "1.5")}): 1}
    assert seen_by(page, "target_info{}") == expected


@pytest.mark.parametrize("page", EVERY, indirect=True)
def test_nothing_else_arrives_than_was_recorded_and_polymeters_own(page):
    ours = {series["__name__"] for series in page.series(f'{{job="{page.job}"}}')}
    histograms = {name + suffix for name in OBSERVED.values() for suffix in ("_bucket", "_count", "_sum")}
    if page.job == "native":
        histograms = set(OBSERVED.values())
    servers_own = {name for name in ours if name == "up" or name.startswith("scrape_")}
    assert ours - servers_own == {
        *SUMS.values(),
        *histograms,
        "target_info",
        "polymeter_records_applied_total",
        "polymeter_series",
    }


@pytest.mark.parametrize("page", ["openmetrics", "negotiated", "native"], indirect=True)
def test_exemplars_come_back_with_their_values(page, prometheus, application):
    found = {each["labels"]["trace_id"]: each for each in prometheus.exemplars(f'{{job="{page.job}"}}')}
    expected = dict(application.ledger.exemplars)
    if page.job == "native" and prometheus.version < (3, 0):
        del expected["t5000"]  # 2.42 takes one exemplar of a native histogram
    assert {trace: float(each["value"]) for trace, each in found.items()} == expected
    assert found["t50"]["labels"] == {"trace_id": "t50", "span_id": "é"}
    assert found["t50"]["seriesLabels"]["room"] == ODD_TAGS[0]["room"]


def test_a_scraper_with_another_token_is_refused_and_told_why(application, prometheus):
    prometheus.failed("refused", "HTTP status 401")
