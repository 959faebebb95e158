"""Remote write 1.0: ``prometheus.WriteRequest``, in which every series has its labels as text.

Field numbers are those of ``remote.proto`` and ``types.proto`` in prometheus/prometheus.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final

from polymeter.exporters import wire
from polymeter.exporters.prometheus.escaping import utf8
from polymeter.exporters.remote_write.encoding import NAME, TYPES, Samples, exemplar_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.remote_write.encoding import Parts

__all__ = ["Version1"]


class Version1:
    """Writes what every receiver understands."""

    content_type: ClassVar[str] = "application/x-protobuf"
    version: ClassVar[str] = "0.1.0"
    is_lasting: ClassVar[bool] = True

    def __init__(self, at: int) -> None:
        """:param at: Unix milliseconds of all samples."""
        self._samples = Samples(at)
        self._about: list[bytes] = []

    def pair(self, name: str, text: str) -> bytes:  # noqa: D102 - see Encoding
        return _common(name, text) if name in _COMMON else _pair(name, text)

    def about(self, family: Family) -> None:  # noqa: D102
        fields = wire.number(1, TYPES[family.type]) + wire.text(2, family.name) + wire.text(4, utf8(family.help))
        self._about.append(wire.embedded(3, fields + (wire.text(5, family.unit) if family.unit else b"")))

    def number(self, labels: bytes, value: float, exemplars: Sequence[Shown] = ()) -> bytes:  # noqa: D102
        fields = labels + self._samples.number(value)
        return _series(fields + self._exemplars(exemplars) if exemplars else fields)

    def counts(self, parts: Parts, name: bytes, extras: Sequence[bytes], counts: Sequence[int]) -> bytes:  # noqa: D102
        before, after = parts.before + name + parts.between, parts.after
        head, tail = self._samples.around
        rest = len(before) + len(after) + len(head) + 8 + len(tail)
        fields: list[bytes] = []
        for extra, count in zip(extras, counts, strict=True):
            fields += b"\x0a", wire.unsigned(rest + len(extra)), before, extra, after, head, _double(count), tail
        return b"".join(fields)

    def native(self, labels: bytes, distribution: Distribution, exemplars: Sequence[Shown] = ()) -> bytes:  # noqa: D102
        return _series(labels + self._exemplars(exemplars) + wire.embedded(4, self._samples.native(distribution)))

    def ended(self, labels: bytes, *, is_native: bool) -> bytes:  # noqa: D102
        ended = wire.embedded(4, self._samples.end_of_native()) if is_native else self._samples.end()
        return _series(labels + ended)

    def request(self, series: Iterable[bytes]) -> bytes:  # noqa: D102
        about, self._about = self._about, []
        return b"".join([*series, *about])

    def _exemplars(self, exemplars: Sequence[Shown]) -> bytes:
        return b"".join(
            wire.embedded(3, exemplar_fields(b"".join(self.pair(*pair) for pair in each.labels), each))
            for each in exemplars
        )


def _pair(name: str, text: str) -> bytes:
    return wire.embedded(1, wire.text(1, name) + wire.text(2, text))


_COMMON: Final = frozenset({NAME, "le", "quantile"})
"""Labels that many series have with the same text."""
_common: Final = lru_cache(maxsize=4096)(_pair)


_double: Final = struct.Struct("<d").pack


def _series(fields: bytes) -> bytes:
    return b"\x0a" + wire.unsigned(len(fields)) + fields
