"""Reading: find, get, total, all and len."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polymeter.errors import InvalidTagsError, MetricNotFoundError
from polymeter.testing.contracts.registry.base import RegistryTests

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics

__all__ = ["Questions"]


class Questions(RegistryTests):
    """Every question has one answer, and asking changes nothing."""

    @pytest.fixture
    def calls(self, registry: CanStoreMetrics) -> CanStoreMetrics:
        """Give the registry with three series of one name and one of another."""
        registry.counter("calls", {"model": "a", "ok": True}, 1)
        registry.counter("calls", {"model": "a", "ok": False}, 10)
        registry.counter("calls", {"model": "b", "ok": True}, 100)
        registry.gauge("queue", 7)
        return registry

    def test_find_gives_what_has_at_least_these_tags(self, calls: CanStoreMetrics) -> None:
        """Without tags it gives all of the name."""
        assert sorted(metric.value for metric in calls.find("calls")) == [1, 10, 100]
        assert sorted(metric.value for metric in calls.find("calls", {"model": "a"})) == [1, 10]
        assert [metric.value for metric in calls.find("calls", {"ok": "true", "model": "b"})] == [100]

    def test_find_gives_nothing_for_what_is_not_there(self, calls: CanStoreMetrics) -> None:
        """Neither an unknown name nor unknown tags are an error."""
        assert calls.find("cals") == []
        assert calls.find("calls", {"model": "c"}) == []
        assert calls.find("calls", {"region": "eu"}) == []

    def test_get_wants_exactly_these_tags(self, calls: CanStoreMetrics) -> None:
        """In any order, and by their text."""
        assert calls.get("calls", {"ok": "true", "model": "a"}).value == 1
        assert calls.get("queue").value == 7

    def test_get_says_which_tags_there_are(self, calls: CanStoreMetrics) -> None:
        """A part of the tags is not enough; the message shows the whole ones and points at find."""
        with pytest.raises(MetricNotFoundError) as caught:
            calls.get("calls", {"model": "a"})
        assert """no metric 'calls' has exactly the tags {model="a"}""" in str(caught.value)
        assert """{model="a",ok="false"}""" in str(caught.value)
        assert "find()" in str(caught.value)

    def test_get_says_which_names_are_near(self, calls: CanStoreMetrics) -> None:
        """A misspelt name is met with the right one."""
        with pytest.raises(MetricNotFoundError, match=r"there is no metric 'cals'; near: 'calls'"):
            calls.get("cals")
        with pytest.raises(MetricNotFoundError, match=r"'zzz'; nothing was recorded under a similar name"):
            calls.get("zzz")

    def test_total_adds_up_the_series_that_have_the_tags(self, calls: CanStoreMetrics) -> None:
        """Zero for what is not there."""
        assert calls.total("calls") == 111
        assert calls.total("calls", {"ok": True}) == 101
        assert calls.total("calls", {"ok": "maybe"}) == 0
        assert calls.total("nothing") == 0

    def test_the_total_of_a_distribution_is_the_sum_of_what_was_observed(self, registry: CanStoreMetrics) -> None:
        """In the metric's unit."""
        for value in (100, 200):
            registry.histogram("size", value, {"a": value})
            registry.timer("wait", value, {"a": value})
        assert registry.total("size") == 300
        assert registry.total("wait") == 300

    def test_all_gives_everything_and_len_counts_it(self, calls: CanStoreMetrics) -> None:
        """An empty registry has neither."""
        assert len(calls) == len(calls.all()) == 4
        assert {metric.name for metric in calls.all()} == {"calls", "queue"}

    def test_a_new_registry_is_empty(self, registry: CanStoreMetrics) -> None:
        """Definitions alone do not fill it."""
        registry.define("calls", "counter")
        assert len(registry) == 0
        assert registry.all() == []

    def test_tags_that_are_none_are_an_error_in_a_question(self, calls: CanStoreMetrics) -> None:
        """Who asks by hand is told, unlike who records."""
        for ask in (calls.find, calls.get, calls.total):
            with pytest.raises(InvalidTagsError):
                ask("calls", {"model": float("nan")})

    def test_asking_changes_nothing(self, calls: CanStoreMetrics) -> None:
        """Twice the same question, twice the same answer."""
        before = [str(metric) for metric in calls.all()]
        calls.find("calls")
        calls.total("nothing")
        calls.snapshot()
        assert [str(metric) for metric in calls.all()] == before
