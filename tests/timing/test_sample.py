"""A sample is named when it is over."""

from __future__ import annotations

import pytest

from polymeter.errors import DefinitionError
from polymeter.timing import start


def test_name_and_tags_are_chosen_at_the_end(metrics, clock):
    sample = start()
    clock.advance(0.5)
    assert sample.elapsed_ms == 500
    assert sample.stop("http.client_ms", {"status": 200}) == 500
    timer = metrics.registry.get("http.client_ms", {"status": 200, "outcome": "ok"})
    assert (timer.count, timer.total_ms) == (1, 500)


def test_only_the_first_stop_counts(metrics, clock):
    sample = start()
    clock.advance(0.5)
    sample.stop("first_ms")
    clock.advance(1)
    assert sample.stop("second_ms") == sample.elapsed_ms == 500
    assert metrics.registry.find("second_ms") == []


@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError(), "error"), (KeyboardInterrupt(), "cancelled"), (GeneratorExit(), "abandoned")]
)
def test_an_error_says_the_outcome(error, outcome, metrics, told):
    start().stop("it", error=error)
    assert (told[0].outcome, told[0].error_type) == (outcome, "ValueError" if outcome == "error" else None)


def test_an_outcome_can_be_said(metrics, told):
    start().stop("it", outcome="error")
    assert (told[0].outcome, told[0].error_type) == ("error", None)


def test_one_that_is_dropped_says_nothing(metrics, told):
    start()
    assert told == []


@pytest.mark.parametrize(
    ("name", "tags"), [("", {}), (None, {}), ("it", {"": "x"}), ("it", {"a": []}), ("it", {"outcome": "x"})]
)
def test_what_cannot_be_a_name_or_tag_is_refused_and_the_sample_goes_on(name, tags, metrics):
    sample = start()
    with pytest.raises(DefinitionError):
        sample.stop(name, tags)
    sample.stop("it")
    assert metrics.registry.find("it")[0].count == 1
