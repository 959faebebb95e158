"""Durable: each record is published before the call that made it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Telling"]


class Telling(list[Any]):
    """A list of records that wait; has something done after each."""

    __slots__ = ("_told",)

    def __init__(self, told: Callable[[], object]) -> None:
        super().__init__()
        self._told = told

    def append(self, record: Any, /) -> None:
        """Take one."""
        super().append(record)
        self._told()
