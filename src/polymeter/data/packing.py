"""Packing: metrics as bytes and back, for stores that processes share.

A series has an *identity*, packed once: the same bytes in every process, whatever the Python types of the tags and
their order. Its *state* is packed whenever it has changed: numbers in fixed places. Unpacking either makes values and
nothing else, whatever the bytes are.
"""

from __future__ import annotations

import json
import math
import struct
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from polymeter.data.bucket_array import Buckets
from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.exemplar import Exemplar
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.sums import ZERO, Sum
from polymeter.data.tags import Tags
from polymeter.data.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.data.metric import Metric
    from polymeter.data.units import Unit

__all__ = [
    "Identity",
    "Place",
    "pack_identity",
    "pack_state",
    "timestamp_of",
    "types_of",
    "unpack_merged",
    "unpack_state",
]

_TIMES: Final = struct.Struct("<dd")
_TOTAL: Final = struct.Struct("<ddqdd")  # times and a sum
_READING: Final = struct.Struct("<ddqd")  # times, sequence and value
_OBSERVED: Final = struct.Struct("<ddqddQddQ")  # times, a sum, count, minimum, maximum and zeros
_BUCKETS: Final = struct.Struct("<iIB")
_LENGTH: Final = struct.Struct("<I")

_MOST: Final = 2**63 - 1
_LONG: Final = -(2**63)
"""Stands for an integer of more than 64 bits, which then follows as text."""

Place: TypeAlias = "tuple[bytes, int]"
"""Bytes, and where in them a state begins."""

_TYPES: Final[dict[str, Callable[[str], Any]]] = {
    "s": str,
    "i": int,
    "f": float,
    "b": lambda text: text == "true",
}


class Identity:
    """What identifies a series, unpacked once for all of its states.

    :ivar tags: with values of the types that they had where the series was made.
    """

    __slots__ = ("kind", "name", "tags", "unit")

    kind: Kind
    name: str
    tags: Tags
    unit: Unit

    def __init__(self, packed: bytes, types: str = "") -> None:
        """Unpack it.

        :param types: as :func:`types_of` gives it; left out: all values are texts.
        :raises Exception: for bytes that are no identity; of whatever class.
        """
        kind, name, symbol, tags = json.loads(packed)
        self.kind = Kind(kind)
        self.name = str(name)
        letters = types or "s" * len(tags)
        self.tags = Tags.of({key: _TYPES[letter](text) for (key, text), letter in zip(tags, letters, strict=True)})
        self.unit = unit_of(self.name, symbol, is_timer=self.kind is Kind.TIMER)


def pack_identity(kind: Kind, name: str, tags: Tags, unit: Unit) -> bytes:
    """Pack what identifies a series."""
    return json.dumps([kind.value, name, unit.symbol, tags.canonical], separators=(",", ":")).encode()


def types_of(tags: Tags) -> str:
    """Give a letter for the type of each value, in the order of the identity."""
    return "".join(_type_of(tags[key]) for key, _ in tags.canonical)


def _type_of(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    for letter, type_ in (("b", bool), ("i", int), ("f", float)):
        if isinstance(value, type_):
            return letter
    return "s"


def pack_state(metric: Any) -> bytes:
    """Pack the values of a metric, with its start, its timestamp and its exemplars."""
    return _PACK[metric.kind](metric)


def unpack_state(identity: Identity, packed: bytes, at: int = 0) -> Metric:
    """Give the metric whose state was packed.

    :param at: where in ``packed`` the state begins; it ends with ``packed``.
    :raises Exception: for bytes that are no state of this kind; of whatever class.
    """
    return _UNPACK[identity.kind](identity, [(packed, at)])


def unpack_merged(identity: Identity, states: Sequence[Place]) -> Metric:
    """Give what many states of one series merge to: the same as merging the metrics one by one, in less time.

    :param states: at least one.
    :raises Exception: for bytes that are no state of this kind; of whatever class.
    """
    return _UNPACK[identity.kind](identity, states)


def timestamp_of(packed: bytes, at: int = 0) -> float:
    """Give the Unix seconds up to which a state has been gathered."""
    timestamp: float = _TIMES.unpack_from(packed, at)[1]
    return timestamp


# -- sums


def _long(integers: int) -> tuple[int, bytes]:
    """Give an integer for its place of 64 bits, and what has to follow if it has no room there."""
    if _LONG < integers <= _MOST:
        return integers, b""
    text = format(integers, "x").encode()
    return _LONG, _LENGTH.pack(len(text)) + text


def _read_long(packed: bytes, at: int) -> tuple[int, int]:
    [length] = _LENGTH.unpack_from(packed, at)
    at += _LENGTH.size + length
    return int(packed[at - length : at], 16), at


def _pack_total(metric: Counter | UpDownCounter) -> bytes:
    total = metric.total
    integers, more = _long(total.integers)
    packed = _TOTAL.pack(metric.start, metric.timestamp, integers, total.floats, total.lost)
    return packed + more + _exemplars(metric.exemplars) if more or metric.exemplars else packed


def _unpack_total(make: Callable[..., Metric]) -> Callable[[Identity, Sequence[Place]], Metric]:
    def unpack(identity: Identity, states: Sequence[Place]) -> Metric:
        begun, until, whole = math.inf, -math.inf, 0
        broken = ZERO
        exemplars: list[Exemplar] = []
        for packed, at in states:
            start, timestamp, integers, floats, lost = _TOTAL.unpack_from(packed, at)
            end = at + _TOTAL.size
            if integers == _LONG:
                integers, end = _read_long(packed, end)
            whole += integers
            if floats or lost:
                broken = broken.plus(Sum(0, floats, lost))
            begun = min(begun, start)
            until = max(until, timestamp)
            if end < len(packed):
                exemplars += _read_exemplars(packed, end)
        total = Sum(whole, broken.floats, broken.lost)
        return make(
            identity.name,
            total,
            identity.tags,
            start=begun,
            timestamp=until,
            unit=identity.unit,
            exemplars=exemplars,
        )

    return unpack


# -- gauges


def _pack_gauge(metric: Gauge) -> bytes:
    value = metric.value
    if not isinstance(value, int):
        return _READING.pack(metric.start, metric.timestamp, metric.sequence, value)
    return _READING.pack(metric.start, metric.timestamp, metric.sequence, 0.0) + format(value, "x").encode()


def _unpack_gauge(identity: Identity, states: Sequence[Place]) -> Metric:
    merged: Metric | None = None
    for packed, at in states:
        start, timestamp, sequence, value = _READING.unpack_from(packed, at)
        whole = packed[at + _READING.size :]  # an integer comes back as one
        gauge = Gauge(
            identity.name,
            int(whole, 16) if whole else value,
            identity.tags,
            start=start,
            timestamp=timestamp,
            sequence=sequence,
            unit=identity.unit,
        )
        merged = gauge if merged is None else merged.merge(gauge)
    return cast("Metric", merged)


# -- distributions


def _pack_observed(metric: Histogram | Timer) -> bytes:
    what = metric.distribution
    total, bounds = what.total, what.bounds
    integers, more = _long(total.integers)
    packed = _OBSERVED.pack(
        metric.start,
        metric.timestamp,
        integers,
        total.floats,
        total.lost,
        what.count,
        what.min,
        what.max,
        what.zeros,
    )
    explicit = _LENGTH.pack(len(bounds))
    if bounds:
        explicit += struct.pack(f"<{len(bounds)}d{len(what.bound_counts)}Q", *bounds, *what.bound_counts)
    return b"%b%b%b%b%b%b" % (
        packed,
        more,
        _buckets(what.positive),
        _buckets(what.negative),
        explicit,
        _exemplars(metric.exemplars) if metric.exemplars else b"",
    )


def _buckets(buckets: Buckets) -> bytes:
    counts = buckets.counts
    if isinstance(counts, bytes):
        return _BUCKETS.pack(buckets.offset, len(counts), 1) + counts
    return _BUCKETS.pack(buckets.offset, len(counts), 8) + struct.pack(f"<{len(counts)}Q", *counts)


def _read_buckets(packed: bytes, at: int, into: list[Buckets]) -> int:
    head: tuple[int, int, int] = _BUCKETS.unpack_from(packed, at)
    offset, length, width = head
    at += _BUCKETS.size
    if not length:
        return at
    end = at + length * width
    counts = packed[at:end] if width == 1 else struct.unpack_from(f"<{length}Q", packed, at)
    if len(counts) != length:
        message = "buckets end before they should"
        raise ValueError(message)
    into.append(Buckets(offset, counts))
    return end


def _unpack_observed(make: Callable[..., Metric]) -> Callable[[Identity, Sequence[Place]], Metric]:
    def unpack(identity: Identity, states: Sequence[Place]) -> Metric:
        begun, until, whole, count, zeros = math.inf, -math.inf, 0, 0, 0
        low, high, broken = math.inf, -math.inf, ZERO
        positive: list[Buckets] = []
        negative: list[Buckets] = []
        exemplars: list[Exemplar] = []
        for packed, at in states:
            start, timestamp, integers, floats, lost, observed, least, most, none = _OBSERVED.unpack_from(packed, at)
            end = at + _OBSERVED.size
            if integers == _LONG:
                integers, end = _read_long(packed, end)
            end = _read_buckets(packed, end, positive)
            end = _read_buckets(packed, end, negative)
            [length] = _LENGTH.unpack_from(packed, end)
            end += _LENGTH.size
            if length:
                return _with_bounds(make, identity, states)
            if end < len(packed):
                exemplars += _read_exemplars(packed, end)
            begun, until = min(begun, start), max(until, timestamp)
            if observed:
                whole, count, zeros = whole + integers, count + observed, zeros + none
                if floats or lost:
                    broken = broken.plus(Sum(0, floats, lost))
                low, high = _lower(low, least), -_lower(-high, -most)
        distribution = Distribution(
            count=count,
            total=Sum(whole, broken.floats, broken.lost),
            min=_extreme(low, broken) if count else math.nan,
            max=_extreme(high, broken) if count else math.nan,
            zeros=zeros,
            positive=Buckets.of_all(positive),
            negative=Buckets.of_all(negative),
        )
        return make(
            identity.name,
            distribution,
            identity.tags,
            start=begun,
            timestamp=until,
            unit=identity.unit,
            exemplars=exemplars,
        )

    return unpack


def _lower(a: float, b: float) -> float:
    return b if b < a or b != b else a  # noqa: PLR0124 - NaN: unknown, and then it stays so


def _extreme(value: float, total: Sum) -> float:
    """Give an integer where only integers were observed; beyond 2^53 it may be the one beside it."""
    return int(value) if total.are_whole and value.is_integer() else value


def _with_bounds(make: Callable[..., Metric], identity: Identity, states: Sequence[Place]) -> Metric:
    """Give the same, of states some of which have explicit bounds."""
    merged: Metric | None = None
    for packed, at in states:
        start, timestamp, integers, floats, lost, count, low, high, zeros = _OBSERVED.unpack_from(packed, at)
        end = at + _OBSERVED.size
        if integers == _LONG:
            integers, end = _read_long(packed, end)
        positive: list[Buckets] = []
        negative: list[Buckets] = []
        end = _read_buckets(packed, end, positive)
        end = _read_buckets(packed, end, negative)
        [length] = _LENGTH.unpack_from(packed, end)
        layout = struct.Struct(f"<{length}d{length + 1}Q" if length else "")
        explicit = layout.unpack_from(packed, end + _LENGTH.size)
        total = Sum(integers, floats, lost)
        distribution = Distribution(
            count=count,
            total=total,
            min=_extreme(low, total),
            max=_extreme(high, total),
            zeros=zeros,
            positive=Buckets.of_all(positive),
            negative=Buckets.of_all(negative),
            bounds=explicit[:length],
            bound_counts=explicit[length:],
        )
        metric = make(
            identity.name,
            distribution,
            identity.tags,
            start=start,
            timestamp=timestamp,
            unit=identity.unit,
            exemplars=_read_exemplars(packed, end + _LENGTH.size + layout.size),
        )
        merged = metric if merged is None else merged.merge(metric)
    return cast("Metric", merged)


# -- exemplars


def _exemplars(exemplars: tuple[Exemplar, ...]) -> bytes:
    if not exemplars:
        return b""
    plain = [[each.labels.canonical, each.value, each.at] for each in exemplars]
    return json.dumps(plain, separators=(",", ":")).encode()


def _read_exemplars(packed: bytes, at: int) -> list[Exemplar]:
    if at >= len(packed):
        return []
    return [Exemplar(dict(labels), value, when) for labels, value, when in json.loads(packed[at:])]


_PACK: Final[dict[Kind, Callable[[Any], bytes]]] = {
    Kind.COUNTER: _pack_total,
    Kind.UP_DOWN: _pack_total,
    Kind.GAUGE: _pack_gauge,
    Kind.HISTOGRAM: _pack_observed,
    Kind.TIMER: _pack_observed,
}

_UNPACK: Final[dict[Kind, Callable[[Identity, Sequence[Place]], Metric]]] = {
    Kind.COUNTER: _unpack_total(Counter),
    Kind.UP_DOWN: _unpack_total(UpDownCounter),
    Kind.GAUGE: _unpack_gauge,
    Kind.HISTOGRAM: _unpack_observed(Histogram),
    Kind.TIMER: _unpack_observed(Timer),
}
