"""capture_events: what was dispatched while a block ran."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from polymeter.events.activation import current

if TYPE_CHECKING:
    from collections.abc import Generator

    from polymeter.contracts import CanDispatchEvents

__all__ = ["capture_events"]


@contextmanager
def capture_events(events: CanDispatchEvents | None = None, *types: type) -> Generator[list[Any]]:
    """Give a list that fills with the events of a block, in order; it can be read after the block too.

    :param events: default: the current dispatcher.
    :param types: event classes to keep (derived ones included); default: all.
    :raises NotActiveError: if no dispatcher is given and none is active.
    """
    captured: list[Any] = []
    dispatcher = current() if events is None else events
    wanted = types or (object,)
    subscription = dispatcher.add_listener(
        object,
        lambda event: captured.append(event) if isinstance(event, wanted) else None,
        priority=sys.maxsize,  # before anybody can stop an event
    )
    with subscription:
        yield captured
