"""Poison: what cannot be recorded is counted aside, by reason, and never raises."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import pytest

from polymeter.data.kind import Kind
from polymeter.testing.contracts.registry.base import EACH_KIND, RegistryTests, health_of, record, record_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.contracts import CanStoreMetrics

__all__ = ["Poison"]


class _Number:
    """Converts to a float, as the numbers of numerical libraries do."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return self._value


class _Index:
    """Converts to an integer, as the integers of numerical libraries do."""

    def __index__(self) -> int:
        return 2


class _Broken:
    """A number that cannot be had."""

    def __float__(self) -> float:
        message = "secret"
        raise RuntimeError(message)


class _Level(enum.IntEnum):
    TWO = 2


class _Half(float):
    """A float of a class of its own."""


class _BrokenTags(Mapping[str, str]):
    """Tags that another thread changes while they are read."""

    def __getitem__(self, key: str) -> str:
        return key

    def __iter__(self) -> Iterator[str]:
        message = "dictionary changed size during iteration"
        raise RuntimeError(message)

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "broken"


def _short(value: object) -> str:
    return type(value).__name__ if "object at" in repr(value) else repr(value)[:20]


_USELESS: Final[list[tuple[Any, str]]] = [
    (math.nan, "nan"),
    (Decimal("NaN"), "nan"),
    (math.inf, "infinite"),
    (-math.inf, "infinite"),
    (10**400, "infinite"),
    ("1", "type"),
    (b"1", "type"),
    (True, "type"),
    (None, "type"),
    (1j, "type"),
    ([1], "type"),
    (object(), "type"),
    (_Broken(), "type"),
]
_USEFUL: Final[list[tuple[Any, float]]] = [
    (Decimal("1.5"), 1.5),
    (Fraction(3, 2), 1.5),
    (_Number(1.5), 1.5),
    (_Index(), 2),
    (_Level.TWO, 2),
    (_Half(0.5), 0.5),
]
_NO_TAGS: Final[list[Any]] = [
    {"": "x"},
    {1: "x"},
    {"a": object()},
    {"a": math.nan},
    {"a": math.inf},
    {"a": [1]},
    "text",
    5,
    [1, 2],
    {"a"},
    _BrokenTags(),
]
_NO_NAMES: Final[list[Any]] = ["", None, 5, ["calls"], b"calls"]


class Poison(RegistryTests):
    """Records that are none."""

    @EACH_KIND
    @pytest.mark.parametrize(("value", "reason"), _USELESS, ids=_short)
    def test_a_value_that_is_no_finite_number_is_counted_by_reason(
        self, registry: CanStoreMetrics, kind: Kind, value: Any, reason: str
    ) -> None:
        """By the verb and on a bound series alike; what is healthy beside it still counts."""
        record(registry, kind, "metric", 1)
        record(registry, kind, "metric", value)
        series = registry.bind(kind, "metric")
        record_on(series, kind, value)
        record_on(series, kind, 1)
        assert registry.get("metric").value in {1, 2}
        health = health_of(registry)
        assert (health.applied, dict(health.invalid_by), health.records) == (2, {("metric", reason): 2}, 4)

    @pytest.mark.parametrize("kind", [Kind.COUNTER, Kind.TIMER])
    def test_a_negative_is_poison_where_nothing_can_fall(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """A counter and a timer; everything else may be negative."""
        record(registry, kind, "metric", -1)
        record_on(registry.bind(kind, "metric"), kind, -0.001)
        health = health_of(registry)
        assert (health.applied, dict(health.invalid_by)) == (0, {("metric", "negative"): 2})

    @pytest.mark.parametrize("kind", [Kind.GAUGE, Kind.UP_DOWN, Kind.HISTOGRAM])
    def test_a_negative_is_welcome_where_things_fall(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """And reads as it came."""
        record(registry, kind, "metric", -1.5)
        assert registry.get("metric").value == -1.5

    @EACH_KIND
    @pytest.mark.parametrize(("value", "number"), _USEFUL, ids=_short)
    def test_numbers_of_every_make_are_taken(
        self, registry: CanStoreMetrics, kind: Kind, value: Any, number: float
    ) -> None:
        """Decimals, fractions, enums, and what numerical libraries bring."""
        record(registry, kind, "metric", value)
        record_on(registry.bind(kind, "bound"), kind, value)
        assert registry.get("metric").value == number
        assert registry.get("bound").value == number
        assert type(registry.get("bound").value) in {int, float}

    @EACH_KIND
    @pytest.mark.parametrize("value", [2**1022, 8e307, 5e-324], ids=["int", "huge", "tiny"])
    def test_numbers_at_the_edge_do_no_harm(self, registry: CanStoreMetrics, kind: Kind, value: float) -> None:
        """Whether they count or not: nothing is raised, and the metric beside them stays right."""
        registry.define("metric", kind, "h" if kind is Kind.TIMER else None)
        record(registry, kind, "beside", 1)
        series = registry.bind(kind, "metric")
        for each in (value, value, value, value, 0.5):
            record(registry, kind, "metric", each)
            record_on(series, kind, each)
        assert registry.get("beside").value == 1
        assert health_of(registry).records == 11

    @EACH_KIND
    @pytest.mark.parametrize("tags", _NO_TAGS, ids=_short)
    def test_tags_that_are_none_are_counted(self, registry: CanStoreMetrics, kind: Kind, tags: Any) -> None:
        """By the verb and on a series bound with them."""
        touched = record(registry, kind, "metric", 1, tags)
        record_on(registry.bind(kind, "metric", tags), kind, 1)
        assert touched.name == "metric"
        assert registry.all() == []
        health = health_of(registry)
        assert (health.applied, dict(health.invalid_by)) == (0, {("metric", "tags"): 2})

    def test_pairs_instead_of_a_mapping_raise_nothing(self, registry: CanStoreMetrics) -> None:
        """Whether they are taken as tags or refused."""
        pairs: Any = [("model", "m")]
        registry.counter("metric", pairs)
        registry.bind("counter", "metric", pairs).add()
        assert health_of(registry).records == 2

    @EACH_KIND
    @pytest.mark.parametrize("name", _NO_NAMES, ids=_short)
    def test_names_that_are_none_are_counted(self, registry: CanStoreMetrics, kind: Kind, name: Any) -> None:
        """Under the name itself if it is text."""
        touched = record(registry, kind, name, 1)
        record_on(registry.bind(kind, name), kind, 1)
        assert isinstance(touched.name, str)
        assert registry.all() == []
        health = health_of(registry)
        assert health.applied == 0
        assert [(reason, count) for (_, reason), count in health.invalid_by.items()] == [("name", 2)]

    @EACH_KIND
    def test_a_record_of_another_kind_is_counted(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """The kind that a name got first, or was declared with, stays."""
        for other in Kind:
            if other is not kind:
                name = f"metric.{other}"
                record(registry, kind, name, 1)
                record(registry, other, name, 1)
                record_on(registry.bind(other, name), other, 1)
                assert registry.get(name).kind is kind
        health = health_of(registry)
        assert health.applied == 4
        assert {reason: count for (_, reason), count in health.invalid_by.items()} == {"kind": 2}
        assert health.invalid == 8

    @EACH_KIND
    def test_the_verb_of_another_kind_is_counted(self, registry: CanStoreMetrics, kind: Kind) -> None:
        """A bound series takes the verb of its kind only."""
        series = registry.bind(kind, "metric")
        record_on(series, kind, 1)
        verbs: dict[str, Callable[[float], object]] = {
            "add": series.add,
            "set": series.set,
            "record": series.record,
        }
        own = "set" if kind is Kind.GAUGE else "record" if kind.is_distribution else "add"
        for verb, call in verbs.items():
            if verb != own:
                call(1)
        health = health_of(registry)
        assert (health.applied, dict(health.invalid_by)) == (1, {("metric", "verb"): 2})

    @EACH_KIND
    def test_what_was_refused_reads_as_empty_and_belongs_to_nothing(
        self, registry: CanStoreMetrics, kind: Kind
    ) -> None:
        """It takes further records, and refuses them too."""
        touched = record(registry, kind, "metric", math.nan)
        assert (touched.kind, touched.name, touched.tags) == (kind, "metric", {})
        assert touched.value == 0 or math.isnan(touched.value)
        assert touched.freeze().kind is kind
        assert touched.to_dict()["name"] == "metric"
        record_on(touched, kind, 1)
        assert registry.find("metric") == []
        assert dict(health_of(registry).invalid_by) == {("metric", "nan"): 2}

    @EACH_KIND
    @pytest.mark.parametrize("at", ["yesterday", math.nan, math.inf, True, [1]], ids=_short)
    def test_a_time_that_is_none_does_no_harm(self, registry: CanStoreMetrics, kind: Kind, at: Any) -> None:
        """Whether it is refused or passed over where no time is kept: reading goes on, and nothing is lost."""
        if kind is Kind.COUNTER:
            registry.counter("metric", at=at)
        else:
            verb: Any = getattr(registry, kind.value)
            verb("metric", 1, at=at)
        record(registry, kind, "metric", 2)
        assert registry.snapshot().taken_at == registry.snapshot().taken_at
        assert registry.get("metric").timestamp < math.inf
        assert health_of(registry).records == 2

    def test_a_gauge_refuses_a_time_that_is_none(self, registry: CanStoreMetrics) -> None:
        """Its readings are placed by it."""
        registry.gauge("metric", 1)
        registry.gauge("metric", 5, at=math.nan)
        assert registry.get("metric").value == 1
        assert dict(health_of(registry).invalid_by) == {("metric", "at"): 1}
        assert registry.get("metric").timestamp == registry.get("metric").timestamp

    def test_records_are_applied_invalid_or_denied(self, registry: CanStoreMetrics) -> None:
        """The law: none is missing, none is counted twice."""
        made = 0
        for number in range(1000):
            value: Any = (1, -1, math.nan, "x", 2.5)[number % 5]
            tags: Any = ({}, {"a": number % 3}, {"a": object()})[number % 3]
            for kind in Kind:
                record(registry, kind, f"metric.{kind}", value, tags)
                made += 1
        health = health_of(registry)
        assert health.applied + health.invalid + health.denied == made
