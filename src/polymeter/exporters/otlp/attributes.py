"""Attributes: tags with the types that they were given, encoded once per series."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.data.tags import Tags

__all__ = ["AttributeValue", "AttributesOf", "Block", "fits", "typed"]

Block = TypeVar("Block", bytes, str)
"""A part of a message in one encoding."""

AttributeValue: TypeAlias = str | bool | int | float

_MOST: Final = 65_536
"""Series whose attributes are kept; beyond, all are encoded anew."""


def fits(value: int) -> bool:
    """Tell whether an integer is one to OTLP: 64 bits, signed."""
    return -(1 << 63) <= value < 1 << 63


def typed(tags: Tags) -> list[tuple[str, AttributeValue]]:
    """Give tags as attributes, sorted by name: enums stand for their values, integers beyond 64 bits for their text."""
    given = tags.to_dict()
    return [(name, _typed(given.get(name, text), text)) for name, text in tags.canonical]


def _typed(value: object, text: str) -> AttributeValue:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if fits(value) else text
    return float(value) if isinstance(value, float) else text


class AttributesOf(Generic[Block]):
    """Gives the block of the attributes of a series. The same attributes are always an equal block.

    :param encode: makes one.
    """

    def __init__(self, encode: Callable[[Iterable[tuple[str, AttributeValue]]], Block]) -> None:
        self._encode: Callable[[Iterable[tuple[str, AttributeValue]]], Block] = encode
        self._known: dict[Any, Block] = {}

    def __call__(self, tags: Tags) -> Block:
        """Give the block."""
        key: Any = (tags.names, tags.texts)
        if not tags.are_texts:
            # Tags are equal whatever the types of their values; attributes are not.
            given: dict[str, Any] = tags.to_dict()
            key = (key, *given, *map(type, given.values()))
        block = self._known.get(key)
        if block is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            block = self._known[key] = self._encode(typed(tags))
        return block
