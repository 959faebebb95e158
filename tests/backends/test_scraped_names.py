"""Names with dots, where a Prometheus can take them, and each way to write them where it wants something else."""

from __future__ import annotations

import pytest

from tests.backends.reading import legal, seen_by

ON_PROMETHEUS_3 = pytest.mark.parametrize("prometheus", ["prometheus-3"], indirect=True)


def escaped(labels, escape):
    return frozenset((escape(name), text) for name, text in labels)


@ON_PROMETHEUS_3
@pytest.mark.parametrize("page", ["dotted text", "dotted openmetrics"], indirect=True)
def test_names_keep_their_dots_and_labels_their_spaces(page, application):
    ledger = application.ledger
    assert seen_by(page, '{"jobs.done_total"}') == ledger.sums["jobs.done"]
    counts = {labels: len(values) for labels, values in ledger.observations["queue.wait_ms"].items()}
    assert seen_by(page, '{"queue.wait_seconds_count"}') == counts
    assert page.vector(f'count({{"queue.wait_seconds_bucket", job="{page.job}", "tag with spaces"="{{a=b,c}}"}})')
    assert not page.vector(f'jobs_done_total{{job="{page.job}"}}')


@ON_PROMETHEUS_3
@pytest.mark.parametrize("page", ["dots"], indirect=True)
def test_dots_are_written_as_words_if_it_asks_for_that(page, application):
    expected = application.ledger.sums["jobs.done"]
    assert seen_by(page, "jobs_dot_done__total{}") == {
        escaped(labels, lambda name: name.replace(" ", "__")): value for labels, value in expected.items()
    }


@ON_PROMETHEUS_3
@pytest.mark.parametrize("page", ["values"], indirect=True)
def test_dots_are_written_as_numbers_if_it_asks_for_that(page, application):
    expected = application.ledger.sums["jobs.done"]
    assert seen_by(page, "U__jobs_2e_done__total{}") == {
        escaped(labels, lambda name: f"U__{name.replace(' ', '_20_')}" if " " in name else name): value
        for labels, value in expected.items()
    }


@pytest.mark.parametrize("prometheus", ["prometheus"], indirect=True)
@pytest.mark.parametrize("page", ["dotted text", "dotted openmetrics"], indirect=True)
def test_a_prometheus_that_knows_no_such_names_gets_legal_ones(page, prometheus, application):
    if prometheus.version >= (3, 0):
        pytest.skip("the Prometheus on PATH knows them")
    expected = {legal(labels): value for labels, value in application.ledger.sums["jobs.done"].items()}
    assert seen_by(page, "jobs_done_total{}") == expected
