"""The wire format of Protocol Buffers: as much of it as our exporters need. Pure functions to bytes.

A message is the concatenation of its fields. A field is a tag (its number and how long it is) and a value.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "as_float",
    "double",
    "embedded",
    "fields",
    "fixed",
    "number",
    "packed_doubles",
    "packed_fixed",
    "packed_signed",
    "packed_unsigned",
    "prefixed",
    "signed",
    "text",
    "unsigned",
    "zigzag",
]

_VARINT, _EIGHT_BYTES, _WITH_LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_MORE: Final = 0x80
"""The bit that says that another byte follows."""
_ONE_BYTE: Final = tuple(bytes((value,)) for value in range(_MORE))
_ONE_BYTE_OF_MORE: Final = tuple(bytes((value | _MORE,)) for value in range(_MORE))
_double: Final = struct.Struct("<d").pack


def unsigned(value: int) -> bytes:
    """Give a varint: seven bits to a byte, the lowest first."""
    if value < _MORE:
        return _ONE_BYTE[value]
    if value < _MORE * _MORE:
        return _ONE_BYTE_OF_MORE[value & 0x7F] + _ONE_BYTE[value >> 7]
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
    length = len(message)
    return (_ONE_BYTE[length] if length < _MORE else unsigned(length)) + message


def number(field: int, value: int) -> bytes:
    """Give a field of an unsigned integer or an enum."""
    return unsigned(field << 3 | _VARINT) + unsigned(value)


def signed(field: int, value: int) -> bytes:
    """Give a field of a signed integer (``sint32``, ``sint64``)."""
    return number(field, zigzag(value))


def double(field: int, value: float) -> bytes:
    """Give a field of a float; of an integer that no float can hold an infinite one."""
    return unsigned(field << 3 | _EIGHT_BYTES) + _double(as_float(value))


def as_float(value: float) -> float:
    """Give a number as a float; an integer that none can hold as an infinite one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def fixed(field: int, value: int) -> bytes:
    """Give a field of an unsigned integer of eight bytes (``fixed64``)."""
    return unsigned(field << 3 | _EIGHT_BYTES) + value.to_bytes(8, "little")


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


def packed_unsigned(field: int, values: bytes | Sequence[int]) -> bytes:
    """Give a repeated field of unsigned integers; ``bytes`` are one integer each."""
    if isinstance(values, bytes) and values.isascii():  # each is a varint as it stands
        return embedded(field, values)
    return embedded(field, b"".join(map(unsigned, values)))


def packed_fixed(field: int, values: Sequence[int]) -> bytes:
    """Give a repeated field of unsigned integers of eight bytes."""
    return embedded(field, struct.pack(f"<{len(values)}Q", *values))


def packed_doubles(field: int, values: Sequence[float]) -> bytes:
    """Give a repeated field of floats."""
    return embedded(field, struct.pack(f"<{len(values)}d", *values))


_SMALL_SIGNED: Final = {value: unsigned(zigzag(value)) for value in range(-64, 64)}


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Walk over the fields of a message that somebody sent: number, and value as it stands on the wire.

    :raises ValueError: where it is no message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        value: int | bytes
        if tag & 7 == _VARINT:
            value, place = _varint(message, place)
        else:
            length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(tag & 7, -1)
            if tag & 7 == _WITH_LENGTH:
                length, place = _varint(message, place)
            value = message[place : place + length]
            place += length
            if length < 0 or len(value) < length:
                reason = "not a message of Protocol Buffers"
                raise ValueError(reason)
        if not tag >> 3:
            reason = "a field of Protocol Buffers has no number 0"
            raise ValueError(reason)
        yield tag >> 3, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Give the varint at ``place``, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, place
    reason = "not a message of Protocol Buffers"
    raise ValueError(reason)
