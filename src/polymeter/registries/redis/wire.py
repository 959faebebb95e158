"""Wire: how series and their changes are written for the scripts in Redis, and read from there.

JSON, because the scripts can read it and so can whoever looks with ``redis-cli``. A change is a list: its shape (``c``
a sum, ``d`` a distribution, ``g`` a reading), start and time, then the parts. Floats are texts, for a script writes
numbers with 14 digits only; integers that may be large are limbs of 40 bits, the lowest first.
"""

from __future__ import annotations

import json
import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.data.bucket_array import NO_BUCKETS, Buckets
from polymeter.data.counter import Counter, UpDownCounter
from polymeter.data.definition import MetricDefinition
from polymeter.data.distribution import Distribution
from polymeter.data.exemplar import Exemplar, place_of
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.data.kind import Kind
from polymeter.data.sums import Sum
from polymeter.data.tags import Tags
from polymeter.data.units import unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.metric import Metric

__all__ = [
    "Change",
    "Identity",
    "change_of",
    "clean",
    "definition_json",
    "definition_of",
    "field_of",
    "identity_of",
    "is_own",
    "metric_of",
    "reading_of",
    "to_json",
    "whole_of",
]

Identity: TypeAlias = str
"""Kind, name, unit and tags of a series, as JSON."""

Change: TypeAlias = "list[Any]"

_LIMB: Final = 40
_BYTE: Final = 256
_encode = json.JSONEncoder(separators=(",", ":")).encode

to_json = _encode


def clean(name: str) -> str:
    """Give a name without lone surrogates, which no script can read."""
    return name.encode("utf-8", "replace").decode()


def identity_of(metric: Metric) -> Identity:
    """Give what stands for a series everywhere."""
    return _encode([metric.kind.value, clean(metric.name), metric.unit.symbol, metric.tags.canonical])


def definition_json(definition: MetricDefinition) -> str:
    """Write a definition."""
    parts = {part: getattr(definition, part) for part in definition.__match_args__[1:]}
    if definition.domains is not None:
        parts["domains"] = {
            key: [getattr(value, "value", value) for value in values] for key, values in definition.domains.items()
        }
    return _encode({part: said for part, said in parts.items() if said is not None})


def definition_of(name: str, written: str | bytes) -> MetricDefinition:
    """Read a definition; what a newer version may have added is passed over.

    :raises Exception: whatever comes of reading what is none.
    """
    parts = json.loads(written)
    known = {part: parts[part] for part in MetricDefinition.__match_args__[2:] if part in parts}
    return MetricDefinition.of(name, parts["kind"], **known)


# -- writing


def field_of(identity: Identity) -> str:
    """Give the field that a series has in Redis."""
    return f"o{identity}" if is_own(identity) else f"s{identity}"


def is_own(identity: Identity) -> bool:
    """Tell whether it is a metric of the registry about itself."""
    return identity.startswith(_OWN)


_OWN: Final = '["counter","polymeter.'


def change_of(metric: Metric, before: Metric | None = None) -> Change:
    """Write what came to a series since it was ``before``; of a gauge by how much it went up."""
    if before is not None and before.start != metric.start:
        before = None
    shape = "d" if metric.kind.is_distribution else "c"
    head = [shape, repr(float(metric.start)), repr(float(metric.timestamp))]
    noted = () if before is None else before.exemplars
    exemplars = [
        [place_of(metric.kind, each.value), repr(float(each.at)), repr(each.value), _encode(each.labels.canonical)]
        for each in metric.exemplars
        if each not in noted
    ]
    total = _total_of(metric)
    if before is not None:
        total = total.minus(_total_of(before))
    change = [*head, _limbs(total.integers), repr(total.floats), repr(total.lost), exemplars]
    if isinstance(metric, Histogram | Timer):
        now = metric.distribution
        change += _spread(now, before.distribution if isinstance(before, Histogram | Timer) else None)
    return change


def reading_of(metric: Metric, rule: str = "", writer: str = "") -> Change:
    """Write a gauge's reading, to be compared with that in Redis by ``rule``: ``latest``, ``max`` or ``min``."""
    head = ["g", repr(float(metric.start)), repr(float(metric.timestamp))]
    return [*head, repr(metric.value), getattr(metric, "sequence", 0), writer, rule]


def whole_of(metric: Metric) -> Change:
    """Write a metric as Redis keeps it, where nothing is added to it."""
    if isinstance(metric, Gauge):
        return reading_of(metric)
    written = change_of(metric)
    if isinstance(metric, Histogram | Timer):
        for place, held in ((_POSITIVE, metric.distribution.positive), (_NEGATIVE, metric.distribution.negative)):
            written[place] = [held.offset, *held.counts] if held.counts else []
    return written


_POSITIVE, _NEGATIVE = 11, 12


def _total_of(metric: Metric) -> Sum:
    if isinstance(metric, Histogram | Timer):
        return metric.distribution.total
    return metric.total if isinstance(metric, Counter | UpDownCounter) else Sum.of(metric.value)


def _spread(now: Distribution, before: Distribution | None) -> list[Any]:
    count, zeros, positive, negative = now.count, now.zeros, now.positive, now.negative
    below = list(accumulate(now.bound_counts))
    if before is not None:
        count, zeros = count - before.count, zeros - before.zeros
        positive, negative = positive.minus(before.positive), negative.minus(before.negative)
        below = [after - earlier for after, earlier in zip(below, accumulate(before.bound_counts), strict=False)]
    return [
        count,
        zeros,
        _text(now.min),
        _text(now.max),
        [number for item in positive.items() for number in item],
        [number for item in negative.items() for number in item],
        [[repr(bound), least, count - least] for bound, least in zip(now.bounds, below, strict=False)],
    ]


def _text(number: float) -> str:
    return "" if math.isnan(number) else repr(number)


def _limbs(number: int) -> list[int]:
    limbs: list[int] = []
    while not -(1 << _LIMB) <= number < 1 << _LIMB:
        limbs.append(number & ((1 << _LIMB) - 1))
        number >>= _LIMB
    return [*limbs, number]


# -- reading


def metric_of(identity: str | bytes, written: str | bytes) -> Metric:
    """Read a metric.

    :raises Exception: whatever comes of reading what is no metric.
    """
    kind_text, name, symbol, *rest = json.loads(identity)
    kind = Kind(kind_text)
    pairs: list[tuple[str, str]] = rest[0] if rest else []
    tags = Tags.of_texts(tuple(key for key, _ in pairs), tuple(text for _, text in pairs))
    unit = unit_of(name, symbol, is_timer=kind is Kind.TIMER)
    shape, start, at, *parts = json.loads(written)
    held: Any
    exemplars: list[Exemplar] = []
    options: dict[str, Any] = {"start": float(start), "timestamp": float(at), "unit": unit}
    if shape == "g":
        held = _number(parts[0])
        options["sequence"] = int(parts[1])
    else:
        limbs, floats, lost, noted, *observed = parts
        held = Sum(sum(int(limb) << _LIMB * place for place, limb in enumerate(limbs)), float(floats), float(lost))
        exemplars = [Exemplar(dict(json.loads(labels)), _number(value), float(at)) for _, at, value, labels in noted]
        if kind.is_distribution:
            held = _gathered(held, *observed)
        elif kind is Kind.GAUGE:
            held = held.value
    metric: Metric = _CLASSES[kind](name, held, tags, **options)
    return metric.with_exemplars(exemplars) if exemplars else metric


_CLASSES: Final[dict[Kind, Any]] = {each.kind: each for each in (Counter, UpDownCounter, Gauge, Histogram, Timer)}


def _gathered(  # noqa: PLR0917 - the parts as they are written
    total: Sum,
    count: int,
    zeros: int,
    low: str,
    high: str,
    positive: list[int],
    negative: list[int],
    bounds: Iterable[tuple[str, int, int]],
) -> Distribution:
    # A bound that not every observation was compared with says nothing.
    exact = sorted((float(bound), below) for bound, below, above in bounds if below + above == count)
    running = [0, *(below for _, below in exact), count]
    return Distribution(
        count=count,
        total=total,
        min=_number(low or "nan"),
        max=_number(high or "nan"),
        zeros=zeros,
        positive=_buckets(positive),
        negative=_buckets(negative),
        bounds=tuple(bound for bound, _ in exact),
        bound_counts=tuple(b - a for a, b in pairwise(running)) if exact else (),
    )


def _buckets(dense: list[int]) -> Buckets:
    if not dense:
        return NO_BUCKETS
    offset, *counts = dense
    return Buckets(offset, bytes(counts) if max(counts) < _BYTE else tuple(counts))


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)
