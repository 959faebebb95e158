"""What a stopwatch says in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.timing.stopwatch.event import StopwatchEvent

__all__ = ["listed", "mebibytes", "milliseconds", "printable", "summed_up"]

_MOST: Final = 10


def summed_up(event: StopwatchEvent) -> str:
    """Give ``category/name: 12.34 MiB - 56 ms``; without the memory if that is not known."""
    memory = mebibytes(event.memory)
    return f"{event.category}/{event.name}: {memory + ' - ' if memory else ''}{milliseconds(event.duration)}"


def milliseconds(duration: float) -> str:
    """Give ``56 ms``, or ``56.1 ms`` where it is no whole number by its type."""
    return f"{duration} ms"


def mebibytes(memory: int | None) -> str:
    """Give ``12.34 MiB``; nothing for what is not known."""
    return "" if memory is None else f"{memory / 2**20:.2f} MiB"


def listed(names: Iterable[str | None]) -> str:
    """Give names for an error, at most ten of them."""
    found = [repr(name) for name in names]
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return (", ".join(found[:_MOST]) or "nothing") + more


def printable(text: str) -> str:
    """Give ``text`` with a mark in place of what would move a cursor, or is no character of XML."""
    return (
        text
        if text.isprintable()
        else "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    )
