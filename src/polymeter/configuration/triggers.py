"""Triggers: when exports run."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Triggers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """When exports run.

    :ivar every: seconds between two exports; ``None``: not by time.
    :ivar mode: where those run: on a thread of ours, or as a task of the running event loop.
    :ivar timeout: seconds that one of them may take; ``None``: as long as usual.
    :ivar after: events after which to export; ``None``: however many.
    :ivar at_exit: whether to export once more at exit; ``None``: if there is anything to export to.
    :ivar sigterm: whether to export on SIGTERM.
    :raises DefinitionError: for what cannot be.
    """

    every: float | None = None
    mode: Literal["thread", "task"] | None = None
    timeout: float | None = None
    after: int | None = None
    at_exit: bool | None = None
    sigterm: bool = False

    def __post_init__(self) -> None:
        for name, seconds in (("every", self.every), ("timeout", self.timeout)):
            if seconds is not None and not 0 < seconds < math.inf:
                message = f"{name} = {seconds!r} is not a positive number of seconds"
                raise DefinitionError(message)
        if self.after is not None and self.after < 1:
            message = f"after = {self.after!r} is not a positive number of events"
            raise DefinitionError(message)
        for name in ("mode", "timeout"):
            if getattr(self, name) is not None and self.every is None:
                message = f"{name} is about exports by time: say every = SECONDS too"
                raise DefinitionError(message)

    def pull(self, metrics: Any, *, has_exporters: bool) -> None:
        """Have ``metrics`` export so.

        :raises DefinitionError: if it cannot here and now: a task without a running event loop, say.
        """
        if self.every is not None:
            more = {"mode": self.mode, "timeout": self.timeout}
            metrics.every(self.every, **{name: value for name, value in more.items() if value is not None})
        if self.after is not None:
            metrics.after(self.after)
        if self.at_exit or (self.at_exit is None and has_exporters):
            metrics.at_exit()
        if self.sigterm:
            metrics.on_signal(signal.SIGTERM)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Give what was said."""
        for name in ("every", "mode", "timeout", "after", "at_exit", "sigterm"):
            value = getattr(self, name)
            if value is not None and value is not False:
                yield name, value
