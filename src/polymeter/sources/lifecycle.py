"""One inference from its start to its one end, whatever library runs it.

Every source of inference events is built on :class:`InferenceRun`; so can be a client of one's own::

    with inference(events, model="my-model") as run:
        answer = call_the_model()
        run.usage(Usage(input=answer.read, output=answer.written))

A stream outlives the call that asked for it. Start it with :func:`start_inference`, call ``run.chunk()`` for what it
gives and ``run.end(...)`` at its end; :func:`abandon_when_dropped` ends it when nobody wants it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.events import current
from polymeter.sources.emitters import InferenceEmitters
from polymeter.sources.endings import abandon_when_dropped, outcome_of
from polymeter.sources.run import InferenceRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents

__all__ = [
    "InferenceRun",
    "InferenceScope",
    "abandon_when_dropped",
    "inference",
    "outcome_of",
    "start_inference",
]


def start_inference(
    events: CanDispatchEvents | None = None,
    *,
    model: str,
    provider: str = "unknown",
    operation: str = "chat",
    streamed: bool = False,
    clock: Clock | None = None,
) -> InferenceRun:
    """Start an execution that you end yourself, with ``run.end(outcome)``.

    :param events: who is told; left out: the current dispatcher (``polymeter.events.current()``).
    :param clock: left out: the dispatcher's own. The other parameters are those of :class:`InferenceRun`.
    """
    to = InferenceEmitters(current() if events is None else events, clock)
    run = InferenceRun(
        (to,) if to.listening else (), model=model, provider=provider, operation=operation, streamed=streamed
    )
    run.start()
    return run


class InferenceScope:
    """One execution as a block, for ``with`` and ``async with``; made by :func:`inference`."""

    __slots__ = ("_run", "_start")

    def __init__(self, start: Callable[[], InferenceRun]) -> None:
        self._start = start
        self._run: InferenceRun | None = None

    def __enter__(self) -> InferenceRun:
        self._run = run = self._start()
        return run

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run is not None:
            self._run.end("ok" if exc is None else outcome_of(exc), exc)

    async def __aenter__(self) -> InferenceRun:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc, traceback)


def inference(
    events: CanDispatchEvents | None = None,
    *,
    model: str,
    provider: str = "unknown",
    operation: str = "chat",
    streamed: bool = False,
    clock: Clock | None = None,
) -> InferenceScope:
    """Tell a block as one execution: it ends ``ok``, by an exception as ``error``, or ``cancelled``.

    The block gets the :class:`InferenceRun`, to tell attempts, chunks and usage; all of that is optional. Attempts that
    are not told have no events, but an answer counts as one request. The exception goes on to the caller.

    The parameters are those of :func:`start_inference`.
    """
    return InferenceScope(
        lambda: start_inference(
            events, model=model, provider=provider, operation=operation, streamed=streamed, clock=clock
        )
    )
