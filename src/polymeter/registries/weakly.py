"""Weakly: a set that holds nothing alive and can be walked while it changes."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Weakly"]

T = TypeVar("T")


class Weakly(Generic[T]):
    """Objects by identity. A ``WeakSet`` raises when another thread, or a finaliser, changes it under a walk."""

    __slots__ = ("_references",)

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[T]] = {}

    def add(self, thing: T) -> None:
        """Take one in."""
        self._references[id(thing)] = weakref.ref(thing)

    def discard(self, thing: T) -> None:
        """Let one go, if it is there."""
        self._references.pop(id(thing), None)

    def __iter__(self) -> Iterator[T]:
        for key, reference in list(self._references.items()):
            thing = reference()
            if thing is not None:
                yield thing
            elif self._references.get(key) is reference:  # else another one has been given the same place in memory
                del self._references[key]
