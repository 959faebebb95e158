"""Packing: metrics as bytes and back, for stores that processes share.

A series has an *identity*, packed once: the same bytes in every process, whatever the Python types of the tags and
their order. Its *state* is packed whenever it has changed: numbers in fixed places. Unpacking either makes values and
nothing else, whatever the bytes are.
"""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.bucket_array import NO_BUCKETS, Buckets
from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.distribution import Distribution
from polymeter.data.exemplar import Exemplar
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.sums import Sum
from polymeter.data.tags import Tags
from polymeter.data.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.metric import Metric
    from polymeter.data.units import Unit

__all__ = ["Identity", "pack_identity", "pack_state", "types_of", "unpack_state"]

_TIMES: Final = struct.Struct("<dd")
_SUM: Final = struct.Struct("<qdd")
_READING: Final = struct.Struct("<qd")
_OBSERVED: Final = struct.Struct("<QddQ")
_BUCKETS: Final = struct.Struct("<iIB")
_LENGTH: Final = struct.Struct("<I")

_MOST: Final = 2**63 - 1
_LONG: Final = -(2**63)
"""Stands for an integer of more than 64 bits, which then follows as text."""

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
        self.tags = Tags.of({key: _TYPES[type_](text) for (key, text), type_ in zip(tags, types, strict=True)})
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
    times = _TIMES.pack(metric.start, metric.timestamp)
    exemplars = _exemplars(metric.exemplars) if metric.exemplars else b""
    return times + _PACK[metric.kind](metric) + exemplars


def unpack_state(identity: Identity, packed: bytes) -> Metric:
    """Give the metric whose state was packed.

    :raises Exception: for bytes that are no state of this kind; of whatever class.
    """
    start, timestamp = _TIMES.unpack_from(packed)
    return _UNPACK[identity.kind](identity, packed, start, timestamp)


# -- parts


def _sum(total: Sum) -> bytes:
    integers = total.integers
    if _LONG < integers <= _MOST:
        return _SUM.pack(integers, total.floats, total.lost)
    text = format(integers, "x").encode()
    return _SUM.pack(_LONG, total.floats, total.lost) + _LENGTH.pack(len(text)) + text


def _read_sum(packed: bytes, at: int) -> tuple[Sum, int]:
    integers, floats, lost = _SUM.unpack_from(packed, at)
    at += _SUM.size
    if integers == _LONG:
        [length] = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size + length
        integers = int(packed[at - length : at], 16)
    return Sum(integers, floats, lost), at


def _buckets(buckets: Buckets) -> bytes:
    counts = buckets.counts
    if isinstance(counts, bytes):
        return _BUCKETS.pack(buckets.offset, len(counts), 1) + counts
    return _BUCKETS.pack(buckets.offset, len(counts), 8) + struct.pack(f"<{len(counts)}Q", *counts)


def _read_buckets(packed: bytes, at: int) -> tuple[Buckets, int]:
    offset, length, width = _BUCKETS.unpack_from(packed, at)
    at += _BUCKETS.size
    if not length:
        return NO_BUCKETS, at
    end = at + length * width
    counts = packed[at:end] if width == 1 else struct.unpack_from(f"<{length}Q", packed, at)
    return Buckets(offset, counts), end


def _exemplars(exemplars: tuple[Exemplar, ...]) -> bytes:
    plain = [[each.labels.canonical, each.value, each.at] for each in exemplars]
    return json.dumps(plain, separators=(",", ":")).encode()


def _read_exemplars(packed: bytes, at: int) -> list[Exemplar]:
    if at >= len(packed):
        return []
    return [Exemplar(dict(labels), value, when) for labels, value, when in json.loads(packed[at:])]


# -- kinds


def _pack_total(metric: Counter | UpDownCounter) -> bytes:
    return _sum(metric.total)


def _unpack_total(make: Callable[..., Metric]) -> Callable[[Identity, bytes, float, float], Metric]:
    def unpack(identity: Identity, packed: bytes, start: float, timestamp: float) -> Metric:
        total, at = _read_sum(packed, _TIMES.size)
        exemplars = _read_exemplars(packed, at)
        return make(
            identity.name,
            total,
            identity.tags,
            start=start,
            timestamp=timestamp,
            unit=identity.unit,
            exemplars=exemplars,
        )

    return unpack


def _pack_gauge(metric: Gauge) -> bytes:
    value = metric.value
    if isinstance(value, int):  # comes back as one
        text = format(value, "x").encode()
        return _READING.pack(metric.sequence, 0.0) + text
    return _READING.pack(metric.sequence, value)


def _unpack_gauge(identity: Identity, packed: bytes, start: float, timestamp: float) -> Metric:
    sequence, value = _READING.unpack_from(packed, _TIMES.size)
    text = packed[_TIMES.size + _READING.size :]
    return Gauge(
        identity.name,
        int(text, 16) if text else value,
        identity.tags,
        start=start,
        timestamp=timestamp,
        sequence=sequence,
        unit=identity.unit,
    )


def _pack_observed(metric: Histogram | Timer) -> bytes:
    what = metric.distribution
    bounds = what.bounds
    return b"".join(
        (
            _OBSERVED.pack(what.count, what.min, what.max, what.zeros),
            _sum(what.total),
            _buckets(what.positive),
            _buckets(what.negative),
            _LENGTH.pack(len(bounds)),
            struct.pack(f"<{len(bounds)}d{len(what.bound_counts)}Q", *bounds, *what.bound_counts) if bounds else b"",
        )
    )


def _unpack_observed(make: Callable[..., Metric]) -> Callable[[Identity, bytes, float, float], Metric]:
    def unpack(identity: Identity, packed: bytes, start: float, timestamp: float) -> Metric:
        count, low, high, zeros = _OBSERVED.unpack_from(packed, _TIMES.size)
        total, at = _read_sum(packed, _TIMES.size + _OBSERVED.size)
        positive, at = _read_buckets(packed, at)
        negative, at = _read_buckets(packed, at)
        [length] = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        explicit: tuple[Any, ...] = ()
        if length:
            layout = struct.Struct(f"<{length}d{length + 1}Q")
            explicit = layout.unpack_from(packed, at)
            at += layout.size
        distribution = Distribution(
            count=count,
            total=total,
            min=low,
            max=high,
            zeros=zeros,
            positive=positive,
            negative=negative,
            bounds=explicit[:length],
            bound_counts=explicit[length:],
        )
        return make(
            identity.name,
            distribution,
            identity.tags,
            start=start,
            timestamp=timestamp,
            unit=identity.unit,
            exemplars=_read_exemplars(packed, at),
        )

    return unpack


_PACK: Final[dict[Kind, Callable[[Any], bytes]]] = {
    Kind.COUNTER: _pack_total,
    Kind.UP_DOWN: _pack_total,
    Kind.GAUGE: _pack_gauge,
    Kind.HISTOGRAM: _pack_observed,
    Kind.TIMER: _pack_observed,
}

_UNPACK: Final[dict[Kind, Callable[[Identity, bytes, float, float], Metric]]] = {
    Kind.COUNTER: _unpack_total(Counter),
    Kind.UP_DOWN: _unpack_total(UpDownCounter),
    Kind.GAUGE: _unpack_gauge,
    Kind.HISTOGRAM: _unpack_observed(Histogram),
    Kind.TIMER: _unpack_observed(Timer),
}
