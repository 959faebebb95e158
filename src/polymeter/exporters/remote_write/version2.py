"""Remote write 2.0: ``io.prometheus.write.v2.Request``, in which each text stands once.

Field numbers are those of ``io/prometheus/write/v2/types.proto`` in prometheus/prometheus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from polymeter.exporters import wire
from polymeter.exporters.prometheus.escaping import utf8
from polymeter.exporters.remote_write.encoding import TYPES, Samples, exemplar_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.remote_write.encoding import Parts

__all__ = ["Version2"]


class Version2:
    """Writes what is about half as long before it is compressed, with type and help beside every series."""

    content_type: ClassVar[str] = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    version: ClassVar[str] = "2.0.0"
    is_lasting: ClassVar[bool] = False

    def __init__(self, at: int) -> None:
        """:param at: Unix milliseconds of all samples."""
        self._samples = Samples(at)
        self._symbols: dict[str, int] = {"": 0}
        self._family: Family | None = None

    def pair(self, name: str, text: str) -> bytes:  # noqa: D102 - see Encoding
        return self._reference(name) + self._reference(text)

    def about(self, family: Family) -> None:  # noqa: D102
        self._family = family

    def number(self, labels: bytes, value: float, exemplars: Sequence[Shown] = ()) -> bytes:  # noqa: D102
        return self._series(labels, self._samples.number(value), exemplars)

    def counts(self, parts: Parts, name: bytes, extras: Sequence[bytes], counts: Sequence[int]) -> bytes:  # noqa: D102
        pairs = zip(extras, counts, strict=True)
        return b"".join([self.number(parts.placed(name, extra), count) for extra, count in pairs])

    def native(self, labels: bytes, distribution: Distribution, exemplars: Sequence[Shown] = ()) -> bytes:  # noqa: D102
        return self._series(labels, wire.embedded(3, self._samples.native(distribution)), exemplars)

    def ended(self, labels: bytes, *, is_native: bool) -> bytes:  # noqa: D102
        ended = wire.embedded(3, self._samples.end_of_native()) if is_native else self._samples.end()
        return wire.embedded(5, wire.embedded(1, labels) + ended)

    def request(self, series: Iterable[bytes]) -> bytes:  # noqa: D102
        symbols, self._symbols = self._symbols, {"": 0}
        return b"".join([*(wire.text(4, symbol) for symbol in symbols), *series])

    def _series(self, labels: bytes, sample: bytes, exemplars: Sequence[Shown]) -> bytes:
        fields = wire.embedded(1, labels) + sample
        for each in exemplars:
            references = b"".join(self.pair(*pair) for pair in each.labels)
            fields += wire.embedded(4, exemplar_fields(wire.embedded(1, references), each))
        if self._family is not None:
            fields += wire.embedded(5, self._metadata(self._family))
        return wire.embedded(5, fields)

    def _metadata(self, family: Family) -> bytes:
        said = b"\x18" + self._reference(utf8(family.help))
        unit = b"\x20" + self._reference(family.unit) if family.unit else b""
        return wire.number(1, TYPES[family.type]) + said + unit

    def _reference(self, text: str) -> bytes:
        return wire.unsigned(self._symbols.setdefault(text, len(self._symbols)))
