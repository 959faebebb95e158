"""What metrics are made of, for properties: numbers, tags, names, and points of each kind."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Exemplar, Gauge, Histogram, Kind, Metric, Timer, UpDownCounter
from polymeter.data.exemplar import WITH_EXEMPLARS

KINDS = tuple(Kind)
CLASSES: dict[Kind, type[Metric]] = {each.kind: each for each in (Counter, Gauge, UpDownCounter, Histogram, Timer)}
NEGATIVE = frozenset({Kind.GAUGE, Kind.UP_DOWN, Kind.HISTOGRAM})
"""The kinds that take values below zero."""

FEWER = settings(max_examples=settings.default.max_examples // 3)
"""For a property that is searched many times over, for each kind and each rule."""

NAME = "work.done"
TAGS = {"model": "a", "streamed": True}
BOUNDS = (1.0, 5.0, 10.0, 100.0)
"""What explicit bounds are chosen from."""


class Colour(Enum):
    """An enum of texts."""

    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    """An enum of integers, which are integers as well."""

    LOW = 1
    HIGH = 2


# -- numbers

whole_numbers = st.integers(-(10**20), 10**20)
real_numbers = st.floats(-1e300, 1e300)  # so that no sum of a few is infinite
numbers = st.one_of(whole_numbers, real_numbers, st.sampled_from([0, 0.0, -0.0, 1, 2**53 + 1, 1e-300, 1e300, 5e-324]))
moments = st.one_of(st.integers(0, 10), st.floats(0, 2e9))
"""Unix seconds, with many that are equal."""


def in_range(low: float = 2.0**-30, high: float = 2.0**30) -> st.SearchStrategy[float]:
    """Give magnitudes that have a bucket of their own, spread over all orders."""
    return st.one_of(st.floats(low, high), st.floats(-30, 30).map(lambda power: min(max(2.0**power, low), high)))


signed_in_range = st.one_of(in_range(), in_range().map(lambda value: -value), st.just(0.0))


def values_of(kind: Kind) -> st.SearchStrategy[float]:
    """Give what can be recorded on a kind."""
    return numbers if kind in NEGATIVE else numbers.map(abs)


# -- texts

any_text = st.text(st.characters(), max_size=8)
"""Any text at all: lone surrogates, NUL and line breaks too."""
hostile_text = st.sampled_from(
    [
        "",
        "\n",
        '"',
        "\\",
        "\\n",
        '\\"',
        "a\nb",
        "\r\n",
        "\x00",
        "\u2028",
        "\x85",
        " ",
        "}",
        '{x="y"} 1',
        "# TYPE",
        "é",
        "\ud800",
    ]
)
tag_names = st.one_of(
    any_text, st.sampled_from(["le", "quantile", "__x", "__name__", "___", "a.b", "a_b", "a-b", "1a", "é", "名"])
).filter(bool)
tag_values: st.SearchStrategy[Any] = st.one_of(
    any_text,
    hostile_text,
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.sampled_from([*Colour, *Level]),
)
any_tags = st.dictionaries(tag_names, tag_values, max_size=4)


# -- metrics


@dataclass(frozen=True)
class Point:
    """What one metric is built of: a value, or for distributions several, and its times.

    :ivar order: place among the points of one writer, for gauges.
    :ivar exemplars: where some of the values came from, for kinds that can say so.
    """

    kind: Kind
    values: tuple[float, ...]
    start: float
    timestamp: float
    order: int = 0
    bounds: tuple[float, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()

    def metric(self) -> Metric:
        """Build it. A timer's values are seconds, as its distribution holds them."""
        made: Any = CLASSES[self.kind]
        times = {"start": self.start, "timestamp": self.timestamp}
        if self.kind.is_distribution:
            content: Any = Distribution.of(self.values, bounds=self.bounds)
            return made(NAME, content, TAGS, **times, exemplars=self.exemplars)
        if self.kind is Kind.GAUGE:
            return Gauge(NAME, self.values[0], TAGS, **times, sequence=self.order)
        return made(NAME, self.values[0], TAGS, **times, exemplars=self.exemplars)


exemplars = st.builds(
    Exemplar,
    st.dictionaries(st.sampled_from(["trace_id", "span_id"]), st.sampled_from(["a", "b", 1]), max_size=2),
    st.one_of(st.sampled_from([0.0, 1, 1.5, 2.0, -1.5]), numbers),
    moments,
)
"""With many that stand in the same place, and of the same time."""


@st.composite
def points(draw: st.DrawFn, kind: Kind, *, bounds: bool = False) -> Point:
    """Give one point of a kind.

    :param bounds: whether distributions have explicit bounds, and which.
    """
    few = st.lists(values_of(kind), max_size=6) if kind.is_distribution else st.tuples(values_of(kind))
    start, timestamp = sorted((draw(moments), draw(moments)))
    chosen = draw(st.sets(st.sampled_from(BOUNDS))) if bounds else ()
    origins = tuple(draw(st.lists(exemplars, max_size=3))) if kind in WITH_EXEMPLARS else ()
    order = draw(st.integers(0, 5))
    return Point(kind, tuple(draw(few)), start, timestamp, order, tuple(sorted(chosen)), origins)


def same(one: Metric, other: Metric, magnitude: float) -> bool:
    """Tell whether two metrics are equal, of float sums as far as is promised: 1e-12 of the sum of magnitudes."""
    if one.key != other.key or one.unit != other.unit or (one.start, one.timestamp) != (other.start, other.timestamp):
        return False
    if isinstance(one, Gauge) or isinstance(other, Gauge):
        return one == other
    if one.exemplars != other.exemplars:
        return False
    a, b = _parts(one), _parts(other)
    return a[:-1] == b[:-1] and close(a[-1], b[-1], magnitude)


def same_content(one: Distribution, other: Distribution, magnitude: float) -> bool:
    """Tell the same of two distributions."""
    return same(Histogram(NAME, one), Histogram(NAME, other), magnitude)


def close(one: float, other: float, magnitude: float) -> bool:
    """Tell whether two sums differ by no more than 1e-12 of the sum of the magnitudes in them."""
    return abs(one - other) <= 1e-12 * magnitude


def magnitude_of(*points: Point) -> float:
    """Give the sum of the magnitudes of the floats in points."""
    return sum(abs(value) for point in points for value in point.values if isinstance(value, float))


def twins_of(value: Any) -> list[Any]:
    """Give what comes back of a value that is pickled, by every protocol of today, or copied."""
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    pickled = [pickle.loads(pickle.dumps(value, protocol)) for protocol in protocols]  # noqa: S301 - our own
    return [*pickled, copy.copy(value), copy.deepcopy(value)]


def _parts(metric: Any) -> tuple[Any, ...]:
    """Give what must be exact, and last what may be rounded."""
    if isinstance(metric, Counter | UpDownCounter):
        return (metric.total.integers, metric.total.floats + metric.total.lost)
    held: Distribution = metric.distribution
    total = held.total
    extremes = (held.min, held.max) if held.count else ()
    explicit = (held.bounds, held.bound_counts) if held.count else ()
    exact = (held.count, held.zeros, held.positive, held.negative, *extremes, *explicit, total.integers)
    return (*exact, total.floats + total.lost)
