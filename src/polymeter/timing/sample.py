"""Sample: a time that is taken now, and named when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.events.event import current_unit_of_work
from polymeter.events.timing import TimedCompleted
from polymeter.timing.naming import checked_name, pairs_of
from polymeter.timing.runs import PROCESS, outcome_of
from polymeter.timing.target import target_of

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.inference import Outcome
    from polymeter.timing.naming import TagMapping
    from polymeter.timing.target import Target

__all__ = ["Sample", "start"]


class Sample:
    """What :func:`start` gives. Any thread may stop it; one that is dropped says nothing, for it has no name yet."""

    __slots__ = ("_began", "_duration_ms", "_open", "_target", "_token", "_unit_of_work")

    def __init__(self, target: Target) -> None:
        self._target = target
        self._unit_of_work = current_unit_of_work()
        self._token = PROCESS.token
        self._open = [True]  # pop() is atomic and needs no lock, so of several callers exactly one gets the item
        self._duration_ms: float | None = None
        self._began = target.monotonic()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds from the start until now or, once it has been stopped, until then."""
        if self._duration_ms is None:
            return (self._target.monotonic() - self._began) * 1000.0
        return self._duration_ms

    def stop(
        self,
        name: str,
        tags: TagMapping | None = None,
        *,
        outcome: Outcome | None = None,
        error: BaseException | None = None,
    ) -> float:
        """Tell how long it took; only the first call does.

        :param outcome: ``None``: ``ok`` or, with an ``error``, what that makes of it.
        :return: milliseconds from the start to the first stop.
        :raises DefinitionError: for names and tags that cannot work.
        """
        checked_name(name, "stop")
        pairs = pairs_of(tags or {}, "stop")
        if outcome is None:
            outcome = "ok" if error is None else outcome_of(error)
        duration_ms = self.elapsed_ms
        try:
            self._open.pop()
        except IndexError:
            return self.elapsed_ms
        self._duration_ms = duration_ms
        target = self._target
        if target.completed.listening and self._token is PROCESS.token:
            target.dispatch(
                TimedCompleted(
                    at=target.wall(),
                    unit_of_work=self._unit_of_work,
                    name=name,
                    tags=pairs,
                    outcome=outcome,
                    duration_ms=duration_ms,
                    error_type=type(error).__name__ if error is not None and outcome == "error" else None,
                )
            )
        return duration_ms


def start(*, events: CanDispatchEvents | None = None, clock: Clock | None = None) -> Sample:
    """Begin to time something whose name and tags are known at its end.

    ::

        sample = start()
        ...
        sample.stop("http.client_ms", {"status": response.status})

    :param events: who is told; ``None``: the dispatcher that is current now.
    :param clock: ``None``: that of the dispatcher.
    :raises DefinitionError: for what is no dispatcher, or no clock.
    """
    fixed, here = target_of(events, clock, "start")
    return Sample(here.find() if fixed is None else fixed)
