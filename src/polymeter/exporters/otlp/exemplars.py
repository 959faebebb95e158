"""Exemplars as OTLP has them: the ids of trace and span apart from all other labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

from polymeter.exporters.otlp.attributes import typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.data.exemplar import Exemplar
    from polymeter.exporters.otlp.attributes import AttributeValue

__all__ = ["EXEMPLAR_FILTERS", "ExemplarFilter", "Shown", "shown"]

ExemplarFilter: TypeAlias = Literal["always_on", "trace_based", "always_off"]
"""Which exemplars leave: all, those that name a trace, none."""
EXEMPLAR_FILTERS: Final[tuple[ExemplarFilter, ...]] = get_args(ExemplarFilter)

_TRACE: Final = re.compile(r"(?!0{32})[0-9a-fA-F]{32}")
_SPAN: Final = re.compile(r"(?!0{16})[0-9a-fA-F]{16}")


class Shown(NamedTuple):
    """An exemplar.

    :ivar trace_id: 16 bytes, or none.
    :ivar span_id: 8 bytes, or none.
    :ivar attributes: its other labels; also an id that is not one to OpenTelemetry.
    :ivar value: in base units.
    :ivar at: Unix seconds.
    """

    trace_id: bytes
    span_id: bytes
    attributes: list[tuple[str, AttributeValue]]
    value: float
    at: float


def shown(exemplars: Iterable[Exemplar], which: ExemplarFilter) -> list[Shown]:
    """Give those that leave."""
    if which == "always_off":
        return []
    found = map(_shown, exemplars)
    return [each for each in found if which == "always_on" or each.trace_id]


def _shown(exemplar: Exemplar) -> Shown:
    attributes: list[tuple[str, AttributeValue]] = []
    ids = {"trace_id": b"", "span_id": b""}
    for name, value in typed(exemplar.labels):
        pattern = {"trace_id": _TRACE, "span_id": _SPAN}.get(name)
        if pattern is not None and isinstance(value, str) and pattern.fullmatch(value):
            ids[name] = bytes.fromhex(value)
        else:
            attributes.append((name, value))
    return Shown(ids["trace_id"], ids["span_id"], attributes, exemplar.value, exemplar.at)
