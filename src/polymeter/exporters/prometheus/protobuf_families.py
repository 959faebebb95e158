"""Families in the protobuf format: delimited ``io.prometheus.client.MetricFamily`` messages.

Field numbers are those of ``metrics.proto`` in prometheus/client_model.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.exporters import wire
from polymeter.exporters.prometheus.escaping import utf8
from polymeter.exporters.prometheus.exemplars import by_bucket, exemplars_of, is_moment, newest, shown
from polymeter.exporters.prometheus.labelling import Labelling
from polymeter.exporters.prometheus.native import SCHEMA, ZERO_THRESHOLD, native
from polymeter.exporters.prometheus.native_fields import bucket_fields
from polymeter.exporters.prometheus.projection import Projection
from polymeter.exporters.prometheus.series import SeriesOf
from polymeter.exporters.prometheus.styles import Native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.prometheus.naming import Labels, Naming
    from polymeter.exporters.prometheus.styles import Quantiles

__all__ = ["ProtobufWriter"]

_BYTES_AT_ONCE: Final = 8_192
"""Bytes in a slice, and those of one more series: about a millisecond's work."""

_TYPES: Final = {"counter": 0, "gauge": 1, "summary": 2, "histogram": 4}
_INFINITE: Final = wire.double(2, math.inf)


class _ProtobufBlocks:
    """Writes labels as the first fields of a ``Metric``."""

    def block(self, labels: Labels) -> bytes:
        """Give the block of labels whose names are escaped already."""
        return b"".join(wire.embedded(1, wire.text(1, name) + wire.text(2, text)) for name, text in labels)

    def writer(self, names: Sequence[str]) -> Callable[[Sequence[str]], bytes]:
        """Give what makes the same block from the texts of labels with these names."""
        heads = [wire.text(1, name) for name in names]

        def write(texts: Sequence[str]) -> bytes:
            fields = [
                wire.prefixed(head + b"\x12" + wire.prefixed(text.encode()))
                for head, text in zip(heads, texts, strict=True)
            ]
            return b"\x0a" + b"\x0a".join(fields)

        return write


class ProtobufWriter:
    """Writes families as messages. One for each rendering."""

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        self.nothing = self.end = b""
        self._blocks = _ProtobufBlocks()
        self._labelling = Labelling(naming, self._blocks)

    def target_info(self, labels: Labels) -> bytes:
        """Give the family of the resource."""
        metric = self._blocks.block(labels) + wire.embedded(2, wire.double(1, 1))
        return wire.prefixed(_head("target_info", "Target metadata", "gauge") + wire.embedded(4, metric))

    def family(self, family: Family) -> Iterator[bytes]:
        """Give a family in slices. Its length stands before it, so the first ones are empty."""
        series = SeriesOf(family, self._labelling)
        for _ in series.prepare():
            yield self.nothing
        metrics = {"histogram": self._histogram, "summary": self._summary, "counter": self._counter}
        done = [_head(family.name, family.help, family.type, family.unit)]
        some: list[bytes] = []
        size = 0
        for metric in metrics.get(family.type, self._gauge)(family, series):
            some.append(b"\x22" + wire.prefixed(metric))
            size += len(metric)
            if size >= _BYTES_AT_ONCE:
                done.append(b"".join(some))
                some.clear()
                size = 0
                yield self.nothing
        done.append(b"".join(some))
        yield wire.unsigned(sum(map(len, done)))
        yield from done

    # -- series: each gives a Metric

    def _gauge(self, _family: Family, series: SeriesOf[bytes]) -> Iterator[bytes]:
        for block, value, _ in series:
            yield block + wire.embedded(2, wire.double(1, value))

    def _counter(self, _family: Family, series: SeriesOf[bytes]) -> Iterator[bytes]:
        for block, value, metric in series:
            counter = wire.double(1, value)
            exemplars = exemplars_of(metric)
            exemplar = newest(shown(exemplars, self.naming)) if exemplars else None
            if exemplar is not None:
                counter += wire.embedded(2, self._exemplar(exemplar))
            yield block + wire.embedded(3, counter + _began(3, metric.start))

    def _summary(self, family: Family, series: SeriesOf[bytes]) -> Iterator[bytes]:
        quantiles = cast("Quantiles", family.style).quantiles
        for block, distribution, metric in series:
            summary = wire.number(1, distribution.count) + wire.double(2, distribution.sum)
            for share in quantiles:
                summary += wire.embedded(3, wire.double(1, share) + wire.double(2, distribution.quantile(share)))
            yield block + wire.embedded(4, summary + _began(4, metric.start))

    def _histogram(self, family: Family, series: SeriesOf[bytes]) -> Iterator[bytes]:
        project = Projection(family.bounds).of
        bounds = [*(wire.double(2, bound) for bound in family.bounds), _INFINITE]
        is_native = isinstance(family.style, Native)
        for block, distribution, metric in series:
            count = distribution.count
            exemplars = exemplars_of(metric)
            written = shown(exemplars, self.naming) if exemplars else []
            placed = by_bucket(written, family.bounds) if written else {}
            fields = [wire.number(1, count), wire.double(2, distribution.sum)]
            for place, (up_to, bound) in enumerate(zip((*project(distribution), count), bounds, strict=True)):
                bucket = b"\x08" + wire.unsigned(up_to) + bound
                if place in placed:
                    bucket += wire.embedded(3, self._exemplar(placed[place]))
                    fields.append(wire.embedded(3, bucket))
                else:  # so short that its length takes one byte
                    fields.append(b"\x1a%c%b" % (len(bucket), bucket))
            if is_native:
                fields.append(_native(distribution))
                fields += [wire.embedded(16, self._exemplar(each)) for each in written]
            fields.append(_began(15, metric.start))
            yield block + wire.embedded(7, b"".join(fields))

    def _exemplar(self, exemplar: Shown) -> bytes:
        labels = self._blocks.block(exemplar.labels)
        return labels + wire.double(2, exemplar.value) + wire.embedded(3, _timestamp(exemplar.at))


def _head(name: str, said: str, of_type: str, unit: str = "") -> bytes:
    head = wire.text(1, name) + wire.text(2, utf8(said)) + wire.number(3, _TYPES[of_type])
    return head + wire.text(5, unit) if unit else head


def _native(distribution: Distribution) -> bytes:
    zeros, positive, negative = native(distribution)
    fields = wire.signed(5, SCHEMA) + wire.double(6, ZERO_THRESHOLD) + wire.number(7, zeros)
    return fields + bucket_fields(9, negative) + bucket_fields(12, positive)


@lru_cache(maxsize=256)
def _began(field: int, start: float) -> bytes:
    return wire.embedded(field, _timestamp(start)) if is_moment(start) else b""


def _timestamp(at: Any) -> bytes:
    seconds = math.floor(at)
    nanos = min(round((at - seconds) * 1e9), 999_999_999)
    return wire.number(1, seconds) + wire.number(2, nanos)
