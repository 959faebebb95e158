"""Placing: how a record that does not say its own time gets the time of the event it is about."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

__all__ = ["Placing", "placed_at"]

_placed: Final[ContextVar[float | None]] = ContextVar("polymeter_placed_at", default=None)

placed_at: Final = _placed.get
"""Give the Unix seconds at which a record of this context is to be placed, or ``None``: now."""


class Placing:
    """The block: in this thread or task, and in what it starts."""

    __slots__ = ("_at", "_token")

    def __init__(self, at: float | None) -> None:
        self._at = at
        self._token: Token[float | None] | None = None

    def __enter__(self) -> None:
        self._token = _placed.set(self._at)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            _placed.reset(self._token)
            self._token = None
