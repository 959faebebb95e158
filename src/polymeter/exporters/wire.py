"""The wire format of Protocol Buffers: as much of it as our exporters need. Pure functions to bytes.

A message is the concatenation of its fields. A field is a tag (its number and how long it is) and a value.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["double", "embedded", "number", "packed_signed", "prefixed", "signed", "text", "unsigned", "zigzag"]

_VARINT, _EIGHT_BYTES, _WITH_LENGTH = 0, 1, 2
_MORE: Final = 0x80
"""The bit that says that another byte follows."""
_ONE_BYTE: Final = tuple(bytes((value,)) for value in range(_MORE))
_double: Final = struct.Struct("<d").pack


def unsigned(value: int) -> bytes:
    """Give a varint: seven bits to a byte, the lowest first."""
    if value < _MORE:
        return _ONE_BYTE[value]
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> int:
    """Give a signed integer as an unsigned one: small magnitudes stay small."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def prefixed(message: bytes) -> bytes:
    """Give a message with its length before it."""
    return unsigned(len(message)) + message


def number(field: int, value: int) -> bytes:
    """Give a field of an unsigned integer or an enum."""
    return unsigned(field << 3 | _VARINT) + unsigned(value)


def signed(field: int, value: int) -> bytes:
    """Give a field of a signed integer (``sint32``, ``sint64``)."""
    return number(field, zigzag(value))


def double(field: int, value: float) -> bytes:
    """Give a field of a float; of an integer that no float can hold an infinite one."""
    try:
        as_float = float(value)
    except OverflowError:
        as_float = math.inf if value > 0 else -math.inf
    return unsigned(field << 3 | _EIGHT_BYTES) + _double(as_float)


def embedded(field: int, message: bytes) -> bytes:
    """Give a field of a message."""
    return unsigned(field << 3 | _WITH_LENGTH) + prefixed(message)


def text(field: int, value: str) -> bytes:
    """Give a field of text."""
    return embedded(field, value.encode())


def packed_signed(field: int, values: Iterable[int]) -> bytes:
    """Give a repeated field of signed integers."""
    small = _SMALL_SIGNED.get
    return embedded(field, b"".join([small(value) or unsigned(zigzag(value)) for value in values]))


_SMALL_SIGNED: Final = {value: unsigned(zigzag(value)) for value in range(-64, 64)}
