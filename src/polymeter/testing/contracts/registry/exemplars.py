"""Exemplars: where some of the values came from, in registries that keep that. The others skip these."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pytest

from polymeter.contracts import CanKeepExemplars
from polymeter.data.exemplar import Exemplar
from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, own_of, record
from polymeter.testing.contracts.registry.child import answer_of_a_child
from polymeter.testing.contracts.registry.together import together

if TYPE_CHECKING:
    from polymeter.contracts import CanStoreMetrics
    from polymeter.data.tags import TagsLike
    from polymeter.testing.clock import ManualClock

__all__ = ["Exemplars"]

_WITH_EXEMPLARS: Final = pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.HISTOGRAM, Kind.TIMER], ids=str)
_MOST: Final = 125
_THREADS: Final = 4


class Exemplars(RegistryTests):
    """They are bounded, never in the way of a record, and gone with the value that they belong to."""

    @pytest.fixture
    def keeping(self, registry: CanStoreMetrics) -> Any:
        """Give the registry, if it keeps exemplars."""
        if not isinstance(registry, CanKeepExemplars):
            pytest.skip(f"{type(registry).__name__} keeps no exemplars")
        return registry

    @_WITH_EXEMPLARS
    def test_an_exemplar_is_shown_with_what_was_recorded(self, keeping: Any, clock: ManualClock, kind: Kind) -> None:
        """With its value in base units, and the time of now or the one that was said; it is no record itself."""
        tags = {"model": "a"}
        for model in ("a", "b"):
            record(keeping, kind, "wait_ms", 250, {"model": model})
        keeping.exemplar(kind, "wait_ms", 250, {"trace_id": "4bf9"}, tags)
        [first] = _exemplars(keeping, "wait_ms", tags)
        assert first == Exemplar({"trace_id": "4bf9"}, 0.25, clock.wall())
        keeping.exemplar(str(kind), "wait_ms", 200, {"trace_id": "51c2"}, tags, at=clock.wall() + 5)
        [second] = _exemplars(keeping, "wait_ms", tags)
        assert second == Exemplar({"trace_id": "51c2"}, 0.2, clock.wall() + 5)
        assert _exemplars(keeping, "wait_ms", {"model": "b"}) == ()
        assert health_of(keeping).records == 2

    @_WITH_EXEMPLARS
    def test_it_can_be_noted_before_the_record(self, keeping: Any, kind: Kind) -> None:
        """Rows of a collector may wait while it is noted."""
        keeping.exemplar(kind, "metric", 5, {"trace_id": "a"})
        record(keeping, kind, "metric", 5)
        assert len(_exemplars(keeping, "metric")) == 1
        assert health_of(keeping).applied == 1

    @_WITH_EXEMPLARS
    def test_it_can_be_noted_on_a_bound_series(self, keeping: Any, kind: Kind) -> None:
        """Which reads it as well."""
        record(keeping, kind, "metric", 5, {"model": "a"})
        series = keeping.bind(kind, "metric", {"model": "a"})
        series.exemplar(5, {"trace_id": "a"}, at=17.5)
        [exemplar] = series.freeze().exemplars
        assert (exemplar.labels, exemplar.at) == ({"trace_id": "a"}, 17.5)
        assert _exemplars(keeping, "metric", {"model": "a"}) == (exemplar,)

    def test_a_distribution_keeps_the_latest_of_each_octave(self, keeping: Any) -> None:
        """In ascending order, so that there is one for the slow as well as for the usual ones."""
        for value in (1, 100, 0, -3, 1.5, 120):
            keeping.histogram("size", value)
            keeping.exemplar("histogram", "size", value, {"trace_id": str(value)}, at=100 + value)
        kept = [each.labels["trace_id"] for each in _exemplars(keeping, "size")]
        assert kept == ["-3", "0", "1", "1.5", "120"]

    def test_however_many_are_noted_few_are_kept(self, keeping: Any) -> None:
        """One of a counter, 125 of a distribution."""
        for power in range(-100, 100):
            for sign in (1, -1):
                keeping.histogram("size", sign * 2.0**power)
                keeping.exemplar("histogram", "size", sign * 2.0**power, {"trace_id": "a"})
            keeping.counter("bytes", None, 2.0**power)
            keeping.exemplar("counter", "bytes", 2.0**power, {"trace_id": str(power)}, at=power)
        assert len(_exemplars(keeping, "size")) <= _MOST
        assert [each.labels for each in _exemplars(keeping, "bytes")] == [{"trace_id": "99"}]

    @EACH_KIND
    def test_where_there_is_nothing_to_say_nothing_is_noted(self, keeping: Any, kind: Kind) -> None:
        """Without labels, or with an id that is None: nobody traces this one."""
        record(keeping, kind, "metric", 1)
        labels: Any
        for labels in ({}, None, {"trace_id": None}, {"trace_id": "a", "span_id": None}):
            keeping.exemplar(kind, "metric", 1, labels)
        assert _exemplars(keeping, "metric") == ()
        assert health_of(keeping).invalid == 0

    @pytest.mark.parametrize(
        ("kind", "value", "labels", "at"),
        [
            ("counter", math.nan, {"trace_id": "a"}, None),
            ("counter", -1, {"trace_id": "a"}, None),
            ("timer", -1, {"trace_id": "a"}, None),
            ("histogram", math.inf, {"trace_id": "a"}, None),
            ("histogram", "1", {"trace_id": "a"}, None),
            ("counter", 1, {"trace_id": "a" * 121}, None),
            ("counter", 1, {"trace_id": ...}, None),
            ("counter", 1, {1: "a"}, None),
            ("counter", 1, "trace_id", None),
            ("counter", 1, {"trace_id": "a"}, math.nan),
            ("counter", 1, {"trace_id": "a"}, "now"),
            ("gauge", 1, {"trace_id": "a"}, None),
            ("up_down", 1, {"trace_id": "a"}, None),
        ],
        ids=str,
    )
    def test_what_cannot_be_noted_is_left_out(self, keeping: Any, kind: str, value: Any, labels: Any, at: Any) -> None:
        """It neither raises nor counts among the records."""
        record(keeping, Kind(kind), "metric", 1)
        keeping.exemplar(kind, "metric", value, labels, at=at)
        keeping.bind(kind, "metric").exemplar(value, labels, at=at)
        assert _exemplars(keeping, "metric") == ()
        assert health_of(keeping).records == health_of(keeping).applied == 1

    @pytest.mark.parametrize(
        ("name", "tags"), [("", None), (None, None), ([], None), ("metric", {"a": ...}), ("metric", 5)], ids=str
    )
    def test_what_has_no_series_has_no_exemplar(self, keeping: Any, name: Any, tags: Any) -> None:
        """Nor has a name of another kind. It does not raise either."""
        keeping.gauge("metric", 1)
        keeping.exemplar("counter", name, 1, {"trace_id": "a"}, tags)
        keeping.exemplar("counter", "metric", 1, {"trace_id": "a"})
        assert _exemplars(keeping, "metric") == ()
        assert health_of(keeping).records == 1

    @_WITH_EXEMPLARS
    def test_clear_forgets_them(self, keeping: Any, kind: Kind) -> None:
        """Of a series that goes on as well."""
        series = keeping.bind(kind, "metric")
        record(keeping, kind, "metric", 1)
        series.exemplar(1, {"trace_id": "a"})
        keeping.clear()
        record(keeping, kind, "metric", 1)
        assert _exemplars(keeping, "metric") == ()
        series.exemplar(1, {"trace_id": "b"})
        assert [each.labels for each in _exemplars(keeping, "metric")] == [{"trace_id": "b"}]

    @_WITH_EXEMPLARS
    def test_a_child_starts_without_them(self, keeping: Any, kind: Kind) -> None:
        """It has its own."""
        series = keeping.bind(kind, "metric")
        record(keeping, kind, "metric", 1)
        series.exemplar(1, {"trace_id": "parent"})

        def child() -> Any:
            record(keeping, kind, "metric", 1)
            before = len(_exemplars(own_of(keeping), "metric"))
            series.exemplar(1, {"trace_id": "child"})
            return [before, [each.labels["trace_id"] for each in _exemplars(own_of(keeping), "metric")]]

        assert answer_of_a_child(child) == [0, ["child"]]
        assert [each.labels["trace_id"] for each in _exemplars(own_of(keeping), "metric")] == ["parent"]

    def test_threads_note_them_while_others_read(self, keeping: Any) -> None:
        """Nothing fails, and what is shown was noted."""

        def work(thread: int) -> None:
            for number in range(500):
                value = 2 ** (number % 20)
                keeping.histogram("size", value)
                keeping.exemplar("histogram", "size", value, {"trace_id": f"{thread}-{value}"})
                if number % 50 == 0:
                    seen = keeping.get("size").exemplars
                    assert all(each.labels["trace_id"].endswith(f"-{each.value}") for each in seen)

        together(work, _THREADS)
        assert [each.value for each in _exemplars(keeping, "size")] == [2**power for power in range(20)]
        assert keeping.get("size").count == _THREADS * 500


def _exemplars(registry: Any, name: str, tags: TagsLike | None = None) -> tuple[Exemplar, ...]:
    """Give the exemplars of one metric: the same ones wherever it is looked at."""
    asked: tuple[Exemplar, ...] = registry.get(name, tags).exemplars
    assert [each.exemplars for each in registry.snapshot().by_name(name) if each.tags == (tags or {})] == [asked]
    return asked
