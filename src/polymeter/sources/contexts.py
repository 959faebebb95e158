"""Leave what was set in this context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextvars import Token

__all__ = ["leave"]


def leave(token: Token[Any]) -> None:
    """Set the variable of ``token`` to what it was."""
    try:  # contextlib.suppress takes longer than all of this  # noqa: SIM105
        token.var.reset(token)
    except ValueError:
        pass  # a coroutine that began in one context and was closed in another; there it never was
