"""Tags: the dimensions of a metric, and with its name its identity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, Self, TypeAlias, cast

from polymeter.errors import InvalidTagsError

__all__ = ["TagValue", "Tags", "TagsLike", "canonical_text"]

TagValue: TypeAlias = str | int | float | bool
"""What a tag may hold; enums stand for their value and ``None`` for ``unknown``."""

TagsLike: TypeAlias = "Mapping[str, TagValue | Enum | None]"
"""Anything that :meth:`Tags.of` understands; a :class:`Tags` is one."""


def canonical_text(key: str, value: object) -> str:
    """Give the text that identifies a tag value.

    ``True`` -> ``true``, integers in decimal, floats in their shortest form, enums by value, ``None`` -> ``unknown``.

    :raises InvalidTagsError: for NaN, infinities and every other type.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        # A lone surrogate cannot be written as UTF-8 by any exporter: decide here, once.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "unknown"
    if isinstance(value, int):
        try:
            return int.__repr__(value)
        except ValueError:  # more digits than Python writes
            message = f"tag {key!r} is an integer of {value.bit_length()} bits: too long to identify a series"
            raise InvalidTagsError(message) from None
    if isinstance(value, float):
        if math.isfinite(value):
            return float.__repr__(value)
        message = f"tag {key!r} is {value}: a tag value must be finite, or left out"
        raise InvalidTagsError(message)
    message = (
        f"tag {key!r} has a value of type {type(value).__name__}: use str, int, float, bool, an enum of those, or None"
    )
    raise InvalidTagsError(message)


class Tags(Mapping[str, TagValue | Enum | None]):
    """An immutable, hashable mapping of tag names to values.

    Two ``Tags`` are equal when their canonical texts are, whatever the order and the Python types
    (``Tags.of({"n": 1}) == Tags.of({"n": "1"})``); ``get`` and ``[]`` give back the original value. A plain mapping
    with the same content compares equal as well.
    """

    __slots__ = ("_given", "_hash", "_names", "_texts")

    _given: dict[str, TagValue | Enum | None] | None  # None: the texts themselves
    # Apart from each other: a series has both at hand, and a snapshot makes one of these for each.
    _names: tuple[str, ...]
    _texts: tuple[str, ...]
    _hash: int

    def __init__(self, values: TagsLike | None = None) -> None:
        """Validate and keep ``values``.

        :raises InvalidTagsError: for what is no mapping, a name that is not a non-empty ``str``, or a value that cannot
            identify a series.
        """
        try:
            kept = {} if values is None else dict(values)
        except (TypeError, ValueError):
            message = f"tags {values!r} are not a mapping: use {{name: value}}"
            raise InvalidTagsError(message) from None
        for key in kept:
            _check_key(key)
        self._given = kept
        pairs = sorted((canonical_text(key, key), canonical_text(key, value)) for key, value in kept.items())
        self._names = names = tuple(name for name, _ in pairs)
        self._texts = texts = tuple(text for _, text in pairs)
        self._hash = hash((names, texts))

    @classmethod
    def of(cls, values: TagsLike | None = None) -> Tags:
        """Give the ``Tags`` of a mapping; a ``Tags`` is returned as it is and ``None`` is :meth:`empty`.

        :raises InvalidTagsError: see :class:`Tags`.
        """
        if isinstance(values, Tags):
            return values
        return cls(values) if values else _EMPTY

    @classmethod
    def of_texts(cls, names: tuple[str, ...], texts: tuple[str, ...]) -> Tags:
        """Give the ``Tags`` of names and texts that were canonical ones before, in that order: nothing is checked."""
        if not names:
            return _EMPTY
        tags = cls.__new__(cls)
        tags._names = names  # noqa: SLF001 - of this very class
        tags._texts = texts  # noqa: SLF001
        tags._hash = hash((names, texts))  # noqa: SLF001
        tags._given = None  # noqa: SLF001
        return tags

    @classmethod
    def empty(cls) -> Tags:
        """Give no tags at all: one shared instance."""
        return _EMPTY

    @property
    def _values(self) -> dict[str, TagValue | Enum | None]:
        given = self._given
        if given is None:
            given = self._given = dict(zip(self._names, self._texts, strict=True))
        return given

    def with_(self, key: str, value: TagValue | Enum | None) -> Self:
        """Give these tags with ``key`` set to ``value``."""
        return type(self)({**self._values, key: value})

    def without(self, *keys: str) -> Self:
        """Give these tags less the named ones; names that are not there are ignored."""
        return type(self)({key: value for key, value in self._values.items() if key not in keys})

    def merge(self, other: TagsLike | None) -> Self:
        """Give both together; where a name is in both, ``other`` wins."""
        return type(self)({**self._values, **(other or {})})

    def has(self, key: str) -> bool:
        """Tell whether there is a tag of this name."""
        return key in self._values

    def contains(self, other: TagsLike) -> bool:
        """Tell whether every tag of ``other`` is here with the same canonical text."""
        return set(Tags.of(other).canonical) <= set(self.canonical)

    @property
    def canonical(self) -> tuple[tuple[str, str], ...]:
        """The identity: ``(name, text)`` pairs sorted by name."""
        return tuple(zip(self._names, self._texts, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return self._names

    @property
    def texts(self) -> tuple[str, ...]:
        """The canonical texts, in the order of ``names``."""
        return self._texts

    @property
    def are_texts(self) -> bool:
        """Whether every value is its canonical text."""
        return self._given is None or all(type(value) is str for value in self._given.values())

    def to_dict(self) -> dict[str, TagValue | Enum | None]:
        """Give a new dict with the original values."""
        return dict(self._values)

    def __getitem__(self, key: str) -> TagValue | Enum | None:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tags):
            return self._texts == other._texts and self._names == other._names
        if isinstance(other, Mapping):
            try:
                return self == Tags(cast("TagsLike", other))
            except InvalidTagsError:
                return False
        return NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return ",".join(f'{key}="{_quoted(text)}"' for key, text in self.canonical)

    def __repr__(self) -> str:
        return f"Tags({self._values!r})"

    def __reduce__(self) -> tuple[type[Tags], tuple[dict[str, TagValue | Enum | None]]]:
        return (type(self), (self._values,))


def _check_key(key: object) -> None:
    if not (isinstance(key, str) and key):
        message = f"tag name {key!r} is not a non-empty str"
        raise InvalidTagsError(message)


def _quoted(text: str) -> str:
    return text.translate(_ESCAPES)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})

_EMPTY: Final = Tags()
