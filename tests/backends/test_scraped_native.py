"""Native histograms as a real Prometheus reads them."""

from __future__ import annotations

import pytest

from tests.backends.ledger import quantile
from tests.backends.reading import OBSERVED, legal, seen_by

pytestmark = pytest.mark.parametrize("page", ["native"], indirect=True)


@pytest.mark.parametrize("name", OBSERVED)
def test_count_and_sum_are_those_of_the_ledger(name, page, application):
    observed = {legal(labels): values for labels, values in application.ledger.observations[name].items()}
    counts = seen_by(page, f"histogram_count({OBSERVED[name]}{{}})")
    assert counts == {labels: len(values) for labels, values in observed.items()}
    sums = {labels: pytest.approx(sum(values), rel=1e-12) for labels, values in observed.items()}
    assert seen_by(page, f"histogram_sum({OBSERVED[name]}{{}})") == sums


@pytest.mark.parametrize("share", [0.055, 0.503, 0.903, 0.987])
@pytest.mark.parametrize("name", OBSERVED)
def test_quantiles_are_in_the_bucket_of_the_truth(name, share, page, application):
    """A bucket of schema 6 is 1.1 % wide. Each share means one observation, and not two neighbours."""
    for labels, seen in seen_by(page, f"histogram_quantile({share}, {OBSERVED[name]}{{}})").items():
        [values] = (values for each, values in application.ledger.observations[name].items() if legal(each) == labels)
        assert seen == pytest.approx(quantile(share, values), rel=0.011)


def test_a_share_below_a_bound_is_that_of_the_ledger(page, application):
    for labels, seen in seen_by(page, "histogram_fraction(0, 1, queue_wait_seconds{})").items():
        [values] = (
            values for each, values in application.ledger.observations["queue.wait_ms"].items() if legal(each) == labels
        )
        assert seen == pytest.approx(sum(value <= 1 for value in values) / len(values), abs=0.02)
