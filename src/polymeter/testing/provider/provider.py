"""The provider: a server, a script and a log, put together."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Self

from polymeter.clock import SYSTEM_CLOCK
from polymeter.testing.provider.exchange import Exchange
from polymeter.testing.provider.intake import understand
from polymeter.testing.provider.ledger import Ledger
from polymeter.testing.provider.loopback import Loopback
from polymeter.testing.provider.request import Log
from polymeter.testing.provider.script import Reply, Script, checked
from polymeter.testing.provider.wire import Line

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType

    from polymeter.clock import Clock
    from polymeter.testing.provider.formats.base import Format
    from polymeter.testing.provider.request import Request
    from polymeter.testing.provider.script import Step

__all__ = ["Provider"]


class Provider:
    """An LLM provider on 127.0.0.1, for clients that are not to know that it is a fake.

    ::

        with Provider() as provider:
            provider.script(RateLimited(0.01), Reply("Hello"))
            client = OpenAI(base_url=provider.base_url, api_key="test")

    It serves from the moment it is made until ``close()``; what it saw can be read after that. It keeps every request
    with its body, so it is for tests and demos. Everything may be used from any thread.

    :param clock: what the times of a script are taken on. The system's: real waits, ended early by a client that
        hangs up or by ``close()``. A ``ManualClock``: no waits; stepped: the server goes on when the test says so.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.default: Step | Callable[[Request], Step] = Reply()
        """What a request gets when no step of the script is for it."""
        self._clock = clock or SYSTEM_CLOCK
        self._script = Script()
        self._log = Log()
        self._closing = threading.Event()
        self._server = Loopback(self._serve, self._closing)

    @property
    def base_url(self) -> str:
        """Where clients of OpenAI find it, ``/v1`` included."""
        return f"{self._server.url}/v1"

    @property
    def url(self) -> str:
        """Where all others find it, such as those of Anthropic: without a path."""
        return self._server.url

    @property
    def requests(self) -> tuple[Request, ...]:
        """What the server saw so far, in order of arrival; also what it could not understand."""
        return self._log.all()

    @property
    def ledger(self) -> Ledger:
        """What the server saw so far, added up."""
        return Ledger.of(self.requests)

    @property
    def unused(self) -> int:
        """How many steps of the script no request has taken."""
        return len(self._script)

    @property
    def failures(self) -> tuple[Exception, ...]:
        """What went wrong inside the provider, such as an exception of a ``default``; the client got a 500."""
        return tuple(self._log.failures)

    def script(self, *steps: Step, model: str | None = None) -> None:
        """Append steps: each request takes the first one that is for its model or for any.

        :param model: serve these steps to requests of this model only.
        :raises TypeError: if a step is neither a ``Reply`` nor a fault.
        """
        self._script.add(map(checked, steps), model)

    def settled(self, timeout: float = 5.0) -> tuple[Request, ...]:
        """Wait until no request is open, then give all; for ends that clients do not wait for.

        :param timeout: real seconds.
        :raises TimeoutError: if some are still open by then.
        """
        return self._log.settled(timeout)

    def close(self) -> None:
        """Stop serving, within a second, and cut short what is still being answered. Idempotent."""
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Provider({self.base_url!r})"

    def _serve(self, connection: socket.socket) -> None:
        try:
            with closing(Line(connection, self._clock, self._closing)) as line:
                while line.keep_alive and (message := line.read()) is not None:
                    request, form, problem = understand(message, self._clock.wall())
                    exchange = Exchange(self._log.open(request), form, line, self._log)
                    exchange.run(partial(self._choose, form, problem))
                line.part()
        except Exception as failure:  # noqa: BLE001 -- a thread has nobody to raise to
            self._log.failures.append(failure)

    def _choose(self, form: Format, problem: Step | None, request: Request) -> Step:
        if problem is not None:
            return problem
        if not form.scripted:
            return Reply()
        step = self._script.take(request.model)
        if step is None:
            step = checked(self.default(request) if callable(self.default) else self.default)
        return step
