"""One request for structured output: its attempts, what was wrong with each answer, and its end."""

from __future__ import annotations

import weakref
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from polymeter.events.event import current_unit_of_work
from polymeter.events.structured_output import StructuredOutputAttemptFailed, StructuredOutputCompleted
from polymeter.sources.emitters import clock_of
from polymeter.sources.endings import outcome_of
from polymeter.sources.in_flight import IDS, IN_FLIGHT
from polymeter.sources.instructor_errors import errors_of
from polymeter.sources.telling import tell_all

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.events.inference import Outcome
    from polymeter.sources.health import Tally

__all__ = ["StructuredOutputEmitters", "StructuredOutputRun"]

_CUT_OFF: Final = "IncompleteOutputException"  # the answer was cut, so it was not even parsed


class StructuredOutputEmitters:
    """One dispatcher as requests for structured output see it.

    :param events: the dispatcher.
    :param clock: times its events; left out: the dispatcher's own, else the system's.
    """

    __slots__ = ("clock", "completed", "events", "failed")

    def __init__(self, events: CanDispatchEvents, clock: Clock | None = None) -> None:
        self.events = events
        self.clock = clock or clock_of(events)
        self.failed = events.emitter(StructuredOutputAttemptFailed)
        self.completed = events.emitter(StructuredOutputCompleted)

    @property
    def listening(self) -> bool:
        """Whether anybody would hear any of its events."""
        return self.completed.listening or self.failed.listening


class StructuredOutputRun:
    """Tells some dispatchers what becomes of one request. It ends once; later calls of anything do nothing.

    Call :meth:`start` first. One that is still open when the interpreter exits ends as ``abandoned``; a copy in a
    forked child says nothing there.

    What was wrong with an answer is told when it is clear whether there is another attempt: at the next one, or at
    the end.

    :param to: the dispatchers.
    :param tallies: counts of sources to keep up to date.
    :param schema: what answers have to fit.
    :param same: ``model``, ``provider`` and ``response_model`` of all events.
    """

    __slots__ = ("__weakref__", "_attempts", "_began", "_id", "_open", "_same", "_schema", "_tallies", "_to", "_wrong")

    def __init__(
        self,
        to: tuple[StructuredOutputEmitters, ...],
        tallies: tuple[Tally, ...],
        schema: object,
        same: dict[str, str],
    ) -> None:
        self._to = to
        self._tallies = tallies
        self._schema = schema
        self._same: dict[str, Any] = {**same, "unit_of_work": current_unit_of_work()}
        self._began = [each.clock.monotonic() for each in to]
        self._attempts = 0
        self._wrong: list[tuple[str, str]] = []
        self._id = IDS.new()
        self._open: list[bool] = []  # one item from start to end; pop() is atomic, so exactly one caller ends it

    def start(self) -> None:
        """Note that it began."""
        self._open.append(True)
        IN_FLIGHT[self._id] = weakref.ref(self)
        for tally in self._tallies:
            tally.started.add()

    def asked(self, *_: object, **__: object) -> None:
        """Hear that an answer is asked for (instructor's ``completion:kwargs``)."""
        if self._open:
            self._tell_wrong(will_retry=True)
            self._attempts += 1

    def did_not_fit(self, error: BaseException, **_: object) -> None:
        """Hear that the answer does not fit (instructor's ``parse:error``)."""
        if self._open:
            self._wrong = self._read(error)

    def hold(self, held: object) -> None:
        """End it as abandoned when ``held`` is dropped."""
        weakref.finalize(held, self.end, "abandoned")

    def failed(self, error: BaseException) -> None:
        """End it with what the caller gets to see."""
        if self._open and not self._wrong and (type(error).__name__ == _CUT_OFF or _is_validation(error)):
            self._wrong = self._read(error)  # of a stream, or cut off: instructor has no hook for these
        self.end(outcome_of(error))

    def end(self, outcome: Outcome) -> None:
        """End it."""
        try:
            self._open.pop()
        except IndexError:
            return
        if IN_FLIGHT.pop(self._id, None) is None:
            return  # a copy in a forked child
        for tally in self._tallies:
            tally.ended[outcome].add()
        try:
            self._tell_wrong(will_retry=False)
        finally:
            tell_all(zip(self._to, self._began, strict=True), lambda to: self._completed(*to, outcome))

    def _read(self, error: BaseException) -> list[tuple[str, str]]:
        try:
            return errors_of(error, self._schema)
        except Exception:  # noqa: BLE001 - the host must not notice
            for tally in self._tallies:
                tally.surprises.add()
            return [("", type(error).__name__)]

    def _tell_wrong(self, *, will_retry: bool) -> None:
        wrong, self._wrong = self._wrong, []
        tell_all(product(wrong, self._to), lambda each: self._failed(*each[0], each[1], will_retry=will_retry))

    def _failed(self, field: str, error_type: str, to: StructuredOutputEmitters, *, will_retry: bool) -> None:
        if to.failed.listening:
            to.failed(
                StructuredOutputAttemptFailed(
                    at=to.clock.wall(),
                    attempt=self._attempts,
                    will_retry=will_retry,
                    field=field,
                    error_type=error_type,
                    **self._same,
                )
            )

    def _completed(self, to: StructuredOutputEmitters, began: float, outcome: Outcome) -> None:
        if to.completed.listening:
            to.completed(
                StructuredOutputCompleted(
                    at=to.clock.wall(),
                    outcome=outcome,
                    attempts=self._attempts,
                    duration_ms=(to.clock.monotonic() - began) * 1000.0,
                    **self._same,
                )
            )


def _is_validation(error: BaseException) -> bool:
    return any(each.__name__ == "ValidationError" for each in type(error).__mro__)
