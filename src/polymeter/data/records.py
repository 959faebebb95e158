"""Records: what is written of a series or of a definition, to be read by another process.

Of a series its identity, the types of its tags and its state: see :mod:`~polymeter.data.packing`.
"""

from __future__ import annotations

import json
import struct
from typing import Final

from polymeter.data.definition import MetricDefinition

__all__ = ["definition_bytes", "definition_of", "joined", "parted"]

_PARTS: Final = struct.Struct("<IH")


def joined(identity: bytes, types: str, state: bytes) -> bytes:
    """Give the record of a series."""
    return b"%b%b%b%b" % (_PARTS.pack(len(identity), len(types)), identity, types.encode(), state)


def parted(body: bytes, at: int) -> tuple[bytes, int, int]:
    """Give the identity of a series, where the types of its tags begin, and where its state does.

    :param at: where in ``body`` the record begins; it ends with ``body``.
    """
    identity, types = _PARTS.unpack_from(body, at)
    begin = at + _PARTS.size
    end = begin + identity
    return body[begin:end], end, end + types


def definition_bytes(definition: MetricDefinition) -> bytes:
    """Give the record of what is said about a metric."""
    said = {part: getattr(definition, part) for part in definition.__match_args__ if part != "domains"}
    said = {part: value for part, value in said.items() if value is not None}
    return json.dumps(said, separators=(",", ":")).encode()


def definition_of(record: bytes) -> MetricDefinition:
    """Give what a record says about a metric.

    :raises Exception: for bytes that are none; of whatever class.
    """
    return MetricDefinition.of(**json.loads(record))
