"""Tells the provider what each request gets, when many calls are under way at once."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Final

from polymeter.testing.provider import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from polymeter.cli.demo_calls import Call
    from polymeter.testing.provider import Request, Step

__all__ = ["Stage"]

_HEADER: Final = "x-demo-call"


class Stage:
    """The calls under way. Each says in a header which one it is, and gets the step of its attempt; thread-safe."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._calls: dict[str, tuple[Call, Callable[[], object] | None]] = {}

    @contextmanager
    def on(self, call: Call, arrived: Callable[[], object] | None = None) -> Generator[dict[str, str]]:
        """Have a call under way for a block, which gets the headers to send.

        :param arrived: called, in a thread of the provider, when a request is there.
        """
        name = str(next(self._ids))
        self._calls[name] = call, arrived
        try:
            yield {_HEADER: name}
        finally:
            del self._calls[name]

    def step_for(self, request: Request) -> Step:
        """Give what the provider is to do with a request."""
        known = self._calls.get(request.headers.get(_HEADER, ""))
        if known is None:
            return Reply()
        call, arrived = known
        if arrived is not None:
            arrived()
        return call.steps[min(request.attempt, len(call.steps) - 1)]
