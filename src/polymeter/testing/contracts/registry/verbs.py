"""Recording: the five verbs, and the same on bound series."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, record, record_on

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics

__all__ = ["Verbs"]


class Verbs(RegistryTests):
    """What was recorded can be read."""

    def test_a_counter_adds_up(self, registry: CanStoreMetrics) -> None:
        """An increment of 1 is what is meant when nothing is said."""
        registry.counter("calls")
        registry.counter("calls", increment=41)
        assert registry.get("calls").value == 42
        assert registry.get("calls").kind is Kind.COUNTER

    def test_integers_stay_exact(self, registry: CanStoreMetrics) -> None:
        """A counter of integers is exact beyond what a float can hold."""
        registry.counter("bytes", increment=2**60)
        registry.counter("bytes", increment=1)
        assert registry.get("bytes").value == 2**60 + 1

    def test_an_up_down_counter_may_fall(self, registry: CanStoreMetrics) -> None:
        """It goes up, down and below zero."""
        for by in (3, -1, -4.5):
            registry.up_down("level", by)
        assert registry.get("level").value == -2.5
        assert registry.get("level").kind is Kind.UP_DOWN

    def test_a_gauge_keeps_the_last_value(self, registry: CanStoreMetrics) -> None:
        """Whether it is larger or smaller than the one before."""
        for value in (5, 9, -7.5):
            registry.gauge("temperature", value)
        assert registry.get("temperature").value == -7.5
        assert registry.get("temperature").kind is Kind.GAUGE

    def test_a_histogram_keeps_the_distribution(self, registry: CanStoreMetrics) -> None:
        """Count, sum and extremes are exact; the value is the mean."""
        for value in (4, -1, 0, 9):
            registry.histogram("size", value)
        metric = registry.get("size")
        assert metric.kind is Kind.HISTOGRAM
        assert (metric.count, metric.sum, metric.min, metric.max, metric.value) == (4, 12, -1, 9, 3)

    def test_a_timer_takes_milliseconds(self, registry: CanStoreMetrics) -> None:
        """Without a unit it takes and gives milliseconds, and can be read in seconds."""
        registry.timer("wait", 1500)
        registry.timer("wait", 500)
        metric = registry.get("wait")
        assert metric.kind is Kind.TIMER
        assert (metric.count, metric.mean_ms, metric.total_ms, metric.duration_seconds) == (2, 1000, 2000, 1.0)

    def test_the_last_word_of_a_name_is_its_unit(self, registry: CanStoreMetrics) -> None:
        """A timer called ``_seconds`` takes seconds."""
        registry.timer("wait_seconds", 1.5)
        assert registry.get("wait_seconds").mean == 1.5
        assert registry.get("wait_seconds").mean_ms == 1500

    @EACH_KIND
    def test_a_verb_gives_back_what_it_touched(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """Its kind, name, tags and value can be inspected at once."""
        touched = record(registry, kind, "touched", 3, {"model": "m", "ok": True})
        assert (touched.kind, touched.name, touched.value) == (kind, "touched", 3)
        assert touched.tags == {"ok": True, "model": "m"}

    @EACH_KIND
    def test_you_read_what_you_wrote(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """Every read after a record, by any question, has it."""
        for count in range(1, 1001):
            record(registry, kind, "mine", 1)
            if count % 97 < 2:
                metric = registry.get("mine")
                assert (metric.count if kind.is_distribution else metric.value) == (1 if kind is Kind.GAUGE else count)

    @EACH_KIND
    def test_a_bound_series_records_without_being_named(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """It is the same series as the one that the verb records on."""
        series = registry.bind(kind, "bound", {"a": 1})
        assert (series.kind, series.name) == (kind, "bound")
        assert series.tags == {"a": 1}
        record_on(series, kind, 2)
        record(registry, kind, "bound", 2, {"a": 1})
        metric = registry.get("bound", {"a": 1})
        assert metric.value == (4 if kind in {Kind.COUNTER, Kind.UP_DOWN} else 2)
        assert series.value == metric.value
        assert series.freeze().value == metric.value

    def test_a_bound_counter_adds_one_if_nothing_is_said(self, registry: CanStoreMetrics) -> None:
        """As the verb does."""
        registry.bind("counter", "bound").add()
        assert registry.total("bound") == 1

    def test_a_kind_can_be_bound_by_name_only_if_it_exists(self, registry: CanStoreMetrics) -> None:
        """Another one is an error in the program."""
        with pytest.raises(ValueError, match="rainbow"):
            registry.bind("rainbow", "bound")

    def test_a_bound_series_keeps_the_tags_it_was_bound_with(self, registry: CanStoreMetrics) -> None:
        """Changing the mapping afterwards changes nothing."""
        tags = {"model": "first"}
        series = registry.bind("counter", "bound", tags)
        tags["model"] = "second"
        series.add()
        assert registry.total("bound", {"model": "first"}) == 1

    def test_a_bound_series_reads_as_empty_before_its_first_record(self, registry: CanStoreMetrics) -> None:
        """A sum as zero, everything else as NaN."""
        assert registry.bind("counter", "sum").value == 0
        assert math.isnan(registry.bind("gauge", "last").value)
        assert math.isnan(registry.bind("timer", "time").value)

    def test_tags_are_told_apart_by_their_text(self, registry: CanStoreMetrics) -> None:
        """``1`` and ``"1"`` are one series, ``True`` another, ``None`` reads unknown, and order does not matter."""
        for value in (1, "1", True, "true", 1.0, None, "unknown"):
            registry.counter("calls", {"tag": value, "other": "x"})
        registry.counter("calls", {"other": "x", "tag": 1})
        totals = {text: registry.total("calls", {"tag": text}) for text in ("1", "true", "1.0", "unknown")}
        assert totals == {"1": 3, "true": 2, "1.0": 1, "unknown": 2}
