"""Run: one call, block or generator from its start to its one end."""

from __future__ import annotations

import atexit
import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.events.event import current_unit_of_work
from polymeter.events.timing import Counted, TimedCompleted, TimedStarted
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from polymeter.events.inference import Outcome
    from polymeter.events.timing import TagPairs
    from polymeter.timing.target import Target

__all__ = ["OPEN", "PROCESS", "CountedRun", "Run", "TimedRun", "outcome_of"]


class _Process:
    """Tells the processes of a family apart.

    :ivar token: another object in each forked child.
    """

    __slots__ = ("__weakref__", "token")

    def __init__(self) -> None:
        self.token = object()
        after_fork(self)

    def after_fork_in_child(self) -> None:
        """Have no part in what the parent began."""
        self.token = object()
        OPEN.clear()


# What has begun and not ended, by the identity of the run. It holds no run: one that is dropped ends, so this is no
# longer than what the program itself holds. Changed by single calls into C: finalisers and signal handlers do it too.
OPEN: Final[dict[int, weakref.ref[Run]]] = {}
PROCESS: Final = _Process()


def outcome_of(error: BaseException) -> Outcome:
    """Say how something ended that ``error`` left.

    By ``GeneratorExit`` Python tells a generator or a coroutine that it was closed or dropped, and not which of them.
    """
    if isinstance(error, Exception):
        return "error"
    return "abandoned" if isinstance(error, GeneratorExit) else "cancelled"


class Run(ABC):
    """Something that began and ends once; it is told to the dispatcher that was current at its start.

    Any thread, finaliser or signal handler may end it: there is no lock. One that is dropped before its end, or still
    open when the interpreter exits, ends as ``abandoned``. A copy in a forked child says nothing there.

    :ivar target: who hears it.
    :ivar name: what it is called.
    :ivar tags: its tags.
    """

    __slots__ = ("__weakref__", "_open", "_token", "_unit_of_work", "name", "tags", "target")

    def __init__(self, target: Target, name: str, tags: TagPairs, *, token: object = None) -> None:
        self.target = target
        self.name = name
        self.tags = tags
        self._unit_of_work = current_unit_of_work()
        self._token = PROCESS.token if token is None else token
        self._open = [True]  # pop() is atomic and needs no lock, so of several callers exactly one gets the item
        OPEN[id(self)] = weakref.ref(self)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._open)

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Tell that it is over; only the first call counts.

        :param error: what ended it, if something did; only the name of its class is told, and only of an ``error``.
        """
        if self._close() and self._token is PROCESS.token:
            self._tell(outcome, type(error).__name__ if error is not None and outcome == "error" else None)

    def failed(self, error: BaseException) -> None:
        """Tell that ``error`` ended it."""
        self.end(outcome_of(error), error)

    def _close(self) -> bool:
        """Tell whether it was open until now."""
        try:
            self._open.pop()
        except IndexError:
            return False
        OPEN.pop(id(self), None)
        return True

    @abstractmethod
    def _tell(self, outcome: Outcome, error_type: str | None) -> None:
        """Dispatch the end."""

    def __del__(self, is_open_in: Container[int] = OPEN) -> None:  # the name may be gone at the very end
        if id(self) in is_open_in:
            self.end("abandoned")


class TimedRun(Run):
    """One that is timed.

    :param began: reading of the monotonic clock; ``None``: now.
    :param token: of the process in which it began; ``None``: this one.
    :ivar is_long: whether it is told as long as it runs.
    """

    __slots__ = ("_began", "_is_start_told", "is_long")

    def __init__(
        self,
        target: Target,
        name: str,
        tags: TagPairs,
        *,
        is_long: bool = False,
        began: float | None = None,
        token: object = None,
    ) -> None:
        super().__init__(target, name, tags, token=token)
        self.is_long = is_long
        self._is_start_told = False
        self._began = target.monotonic() if began is None else began
        if target.started.listening:
            self._is_start_told = True
            target.dispatch(TimedStarted(at=target.wall(), unit_of_work=self._unit_of_work, name=name, tags=tags))

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since it began."""
        return (self.target.monotonic() - self._began) * 1000.0

    def _tell(self, outcome: Outcome, error_type: str | None) -> None:
        target = self.target
        if target.completed.listening:
            target.dispatch(
                TimedCompleted(
                    at=target.wall(),
                    unit_of_work=self._unit_of_work,
                    name=self.name,
                    tags=self.tags,
                    outcome=outcome,
                    duration_ms=self.elapsed_ms,
                    error_type=error_type,
                    is_start_told=self._is_start_told,
                )
            )


class CountedRun(Run):
    """One that is counted.

    :param counts: takes outcome and exception of its end, and says whether that counts; ``None``: every end does.
    """

    __slots__ = ("_counts",)

    def __init__(
        self,
        target: Target,
        name: str,
        tags: TagPairs,
        counts: Callable[[Outcome, BaseException | None], bool] | None = None,
    ) -> None:
        super().__init__(target, name, tags)
        self._counts = counts

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Tell that it is over, if it counts; only the first call does."""
        if self._counts is None or self._counts(outcome, error):
            super().end(outcome, error)
        else:
            self._close()

    def _tell(self, outcome: Outcome, error_type: str | None) -> None:
        target = self.target
        if target.counted.listening:
            target.dispatch(
                Counted(
                    at=target.wall(),
                    unit_of_work=self._unit_of_work,
                    name=self.name,
                    tags=self.tags,
                    outcome=outcome,
                    error_type=error_type,
                )
            )


def _abandon_all() -> None:
    for each in list(OPEN.values()):
        run = each()
        if run is not None:
            with suppress(Exception):  # of a dispatcher that was asked to raise: the others are told too
                run.end("abandoned")


# The last export is a finaliser, and all finalisers run where the first one ever was registered. Hooks run newest
# first: with one registered by now, what is open ends before that export.
weakref.finalize(PROCESS, int).atexit = False
atexit.register(_abandon_all)
