"""What both versions of remote write have in common: a series is its labels and a sample, in a field of a request."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from polymeter.exporters import wire
from polymeter.exporters.prometheus.native import SCHEMA, ZERO_THRESHOLD, native
from polymeter.exporters.prometheus.native_fields import bucket_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.prometheus.exemplars import Shown
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.prometheus.naming import Labels

__all__ = ["NAME", "TYPES", "Encoding", "Parts", "Samples", "exemplar_fields", "parts_of"]

NAME: Final = "__name__"
TYPES: Final = {"counter": 1, "gauge": 2, "histogram": 3, "summary": 5}
"""What both versions call the type of a family."""

_double: Final = struct.Struct("<d").pack
_STALE: Final = (0x7FF0000000000002).to_bytes(8, "little")
"""The one not-a-number that says that a series is gone; from ``model/value`` of Prometheus."""
_NOT_A_NUMBER: Final = (0x7FF8000000000001).to_bytes(8, "little")
"""The one that is a value."""


class Parts(NamedTuple):
    """Labels as they are sent, between which two more have their places: the name, and ``le`` or ``quantile``."""

    before: bytes
    between: bytes
    after: bytes

    def named(self, name: bytes) -> bytes:
        """Give all labels of a sample with a name."""
        return self.before + name + self.between + self.after

    def placed(self, name: bytes, extra: bytes) -> bytes:
        """Give all labels of a sample with a name and one more label."""
        return self.before + name + self.between + extra + self.after


class Encoding(Protocol):
    """Writes the messages of one version.

    :ivar is_lasting: whether labels are the same in every request.
    """

    content_type: ClassVar[str]
    version: ClassVar[str]
    is_lasting: ClassVar[bool]

    def pair(self, name: str, text: str) -> bytes:
        """Give one label."""
        ...

    def about(self, family: Family) -> None:
        """Take note of the family that the next series belong to."""
        ...

    def number(self, labels: bytes, value: float, exemplars: Sequence[Shown] = ()) -> bytes:
        """Give a series with a number."""
        ...

    def counts(self, parts: Parts, name: bytes, extras: Sequence[bytes], counts: Sequence[int]) -> bytes:
        """Give series with a count each, of labels that differ in the extra one alone."""
        ...

    def native(self, labels: bytes, distribution: Distribution, exemplars: Sequence[Shown] = ()) -> bytes:
        """Give a series with a native histogram."""
        ...

    def ended(self, labels: bytes, *, is_native: bool) -> bytes:
        """Give the end of a series: the staleness marker."""
        ...

    def request(self, series: Iterable[bytes]) -> bytes:
        """Give a whole request; what comes next is for another."""
        ...


def parts_of(encoding: Encoding, labels: Labels, extra: str) -> Parts:
    """Give labels with the places for the name and for ``extra``, all of them sorted by name.

    :param extra: the name of one more label; empty: there is none.
    """
    parts = [b"", b"", b""]
    for name, text in labels:
        parts[0 if name < NAME else 1 if not extra or name < extra else 2] += encoding.pair(name, text)
    return Parts(*parts)


class Samples:
    """Samples of one time."""

    def __init__(self, at: int) -> None:
        """:param at: Unix milliseconds."""
        self._at = wire.number(2, at)
        self._at_of_native = wire.number(15, at)
        self._head = b"\x12" + wire.unsigned(9 + len(self._at)) + b"\x09"

    @property
    def around(self) -> tuple[bytes, bytes]:
        """What stands before and after the eight bytes of a number."""
        return self._head, self._at

    def number(self, value: float) -> bytes:
        """Give the field of a number in a series."""
        try:
            written = _double(float(value)) if value == value else _NOT_A_NUMBER  # noqa: PLR0124 - it is none
        except OverflowError:  # an integer that no float can hold
            written = _double(math.inf if value > 0 else -math.inf)
        return self._head + written + self._at

    def end(self) -> bytes:
        """Give the field of a number that says that the series is gone."""
        return self._head + _STALE + self._at

    def native(self, distribution: Distribution) -> bytes:
        """Give a native histogram."""
        zeros, positive, negative = native(distribution)
        fields = wire.number(1, distribution.count) + wire.double(3, distribution.sum) + wire.signed(4, SCHEMA)
        fields += wire.double(5, ZERO_THRESHOLD) + wire.number(6, zeros)
        return fields + bucket_fields(8, negative) + bucket_fields(11, positive) + self._at_of_native

    def end_of_native(self) -> bytes:
        """Give a native histogram that says that the series is gone."""
        return b"\x19" + _STALE + self._at_of_native


def exemplar_fields(labels: bytes, exemplar: Shown) -> bytes:
    """Give an exemplar whose labels are written already."""
    return labels + wire.double(2, exemplar.value) + wire.number(3, int(exemplar.at * 1000))
