"""The buckets of a native histogram as fields of a message: the same wherever Prometheus takes them in protobuf."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from polymeter.exporters import wire

if TYPE_CHECKING:
    from polymeter.exporters.prometheus.native import Spans

__all__ = ["bucket_fields"]


def bucket_fields(field: int, spans: Spans) -> bytes:
    """Give the buckets of one sign: the spans in one field, the deltas in the next."""
    if not spans.spans:
        return b""
    runs = [_span(field, offset, length) for offset, length in spans.spans]
    return b"".join(runs) + wire.packed_signed(field + 1, spans.deltas)


@lru_cache(maxsize=8192)
def _span(field: int, offset: int, length: int) -> bytes:
    return wire.embedded(field, wire.signed(1, offset) + wire.number(2, length))
