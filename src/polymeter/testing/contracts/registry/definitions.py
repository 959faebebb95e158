"""Definitions: what a name means is said once."""

from __future__ import annotations

import pytest

from polymeter.contracts import CanStoreMetrics  # noqa: TC001 - one import for all of it
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionConflictError, DefinitionError
from polymeter.testing.contracts.registry.base import RegistryTests

__all__ = ["Definitions"]


class Definitions(RegistryTests):
    """Declaring, adding to a declaration, and contradicting it."""

    def test_a_definition_can_be_read_in_the_snapshot(self, registry: CanStoreMetrics) -> None:
        """Whether or not anything was recorded."""
        made = registry.define("queue", "gauge", "items", "Things that wait.", combine="sum")
        assert (made.name, made.kind, made.unit, made.help) == ("queue", Kind.GAUGE, "items", "Things that wait.")
        assert registry.snapshot().definitions["queue"] == made
        assert registry.find("queue") == []

    def test_the_same_definition_twice_is_fine(self, registry: CanStoreMetrics) -> None:
        """The second call gives what the first one gave."""
        first = registry.define("wait", "timer", "s", help="Waiting.", buckets=(0.1, 1))
        assert registry.define("wait", "timer", "s", help="Waiting.", buckets=[0.1, 1.0]) == first

    def test_what_one_definition_left_unsaid_another_may_add(self, registry: CanStoreMetrics) -> None:
        """Both together are what holds."""
        registry.define("wait", "timer", "s")
        both = registry.define("wait", "timer", help="Waiting.")
        assert (both.unit, both.help) == ("s", "Waiting.")

    def test_a_contradiction_shows_both_definitions(self, registry: CanStoreMetrics) -> None:
        """The one that stands and the one that was refused are in the message and on the error."""
        registry.define("wait", "timer", "s")
        with pytest.raises(DefinitionConflictError, match="'wait' is already defined differently") as caught:
            registry.define("wait", "timer", "ms")
        assert "unit='s'" in str(caught.value)
        assert "unit='ms'" in str(caught.value)
        assert (caught.value.existing.unit, caught.value.conflicting.unit) == ("s", "ms")
        assert registry.snapshot().definitions["wait"].unit == "s"

    def test_the_first_record_of_a_name_defines_its_kind(self, registry: CanStoreMetrics) -> None:
        """Declaring another kind afterwards is a contradiction."""
        registry.counter("calls")
        with pytest.raises(DefinitionConflictError):
            registry.define("calls", "gauge")
        registry.define("calls", "counter", help="Calls.")
        assert registry.total("calls") == 1

    def test_a_unit_cannot_change_under_what_was_recorded(self, registry: CanStoreMetrics) -> None:
        """It has to be declared before the first record; help may come at any time."""
        registry.histogram("size", 1)
        with pytest.raises(DefinitionError, match="'size' was recorded before"):
            registry.define("size", "histogram", "bytes")
        with pytest.raises(DefinitionError, match="'size' was recorded before"):
            registry.define("size", "histogram", buckets=(1, 2))
        assert registry.define("size", "histogram", help="How large.").help == "How large."

    def test_a_definition_that_cannot_work_is_refused(self, registry: CanStoreMetrics) -> None:
        """The message names the metric and what would work."""
        with pytest.raises(DefinitionError, match="'calls' has no kind 'rainbow': use one of"):
            registry.define("calls", "rainbow")
        with pytest.raises(DefinitionError, match="'calls' cannot have buckets"):
            registry.define("calls", "counter", buckets=(1, 2))

    def test_the_declared_unit_says_how_values_come_in_and_read_out(self, registry: CanStoreMetrics) -> None:
        """Inside they are in base units, whatever the unit."""
        registry.define("wait", "timer", "s")
        registry.define("size", "histogram", "kB")
        registry.timer("wait", 2)
        registry.histogram("size", 3)
        assert (registry.get("wait").mean, registry.get("wait").mean_ms) == (2, 2000)
        assert (registry.get("size").mean, registry.get("size").distribution.sum) == (3, 3000)

    def test_declared_buckets_are_counted_exactly(self, registry: CanStoreMetrics) -> None:
        """Beside the exponential ones."""
        registry.define("size", "histogram", buckets=(10, 20))
        for value in (9.99, 10, 10.01, 20.01):
            registry.histogram("size", value)
        distribution = registry.get("size").distribution
        assert distribution.bounds == (10, 20)
        assert distribution.bound_counts == (2, 1, 1)
