"""One registered listener: what it is called for, and what became of its deliveries."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from polymeter.counting import AtomicCount
from polymeter.errors import ListenerError
from polymeter.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock

__all__ = ["ListenerEntry", "ListenerHealth", "Losses", "checked_listener", "name_of"]

LOG_INTERVAL: Final = 60.0


@dataclass(frozen=True, slots=True)
class ListenerHealth:
    """What became of the deliveries to one listener: ``deliveries == handled + failed + quarantined + stopped``.

    :ivar listener: qualified name of the callable.
    :ivar event: name of the event class it was added for.
    :ivar handled: calls that returned.
    :ivar failed: calls that raised.
    :ivar quarantined: deliveries held back because it had failed too often in a row.
    :ivar stopped: deliveries kept from it by an earlier listener of a stoppable event.
    :ivar is_quarantined: whether it is in quarantine now.
    :ivar last_error: type and place of the last failure; never its message, which may quote anything.
    """

    listener: str
    event: str
    handled: int
    failed: int
    quarantined: int
    stopped: int
    is_quarantined: bool
    last_error: str | None

    @property
    def deliveries(self) -> int:
        """How many events were meant for it."""
        return self.handled + self.failed + self.quarantined + self.stopped


class Losses:
    """What all listeners of one name lost of one class of event; it outlives them.

    :ivar failed: calls that raised.
    :ivar held_back: deliveries held back in quarantine.
    """

    __slots__ = ("failed", "held_back")

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Count from zero."""
        self.failed = AtomicCount()
        self.held_back = AtomicCount()


class _HeldBack(Exception):  # noqa: N818 - a signal between two methods, not an error
    """Says that a delivery was not made because the listener is in quarantine."""


class ListenerEntry:
    """A listener with its place in the order and its counts.

    ``call`` is the listener itself, and in quarantine something that holds deliveries back: a healthy listener
    costs no test for that.
    """

    __slots__ = (
        "_clock",
        "_failed",
        "_handled_before",
        "_last_error",
        "_logged_at",
        "_logger",
        "_losses",
        "_quarantine",
        "_quarantined",
        "call",
        "count_handled",
        "event_type",
        "handled",
        "listener",
        "rank",
        "stopped",
    )

    def __init__(
        self, event_type: type, listener: Callable[[Any], object], priority: int, clock: Clock, losses: Losses
    ) -> None:
        # Not by `import polymeter`, which has to be cheap; nor in _log, where an import could wait for another thread.
        import logging

        self._logger = logging.getLogger("polymeter.events")
        self.event_type = event_type
        self.listener = listener
        self.rank = -priority  # the lowest is called first
        self.call: Callable[[Any], object] = listener
        self.handled = AtomicCount()
        self.count_handled = self.handled.add
        self.stopped = AtomicCount()
        self._failed = AtomicCount()
        self._quarantined = AtomicCount()
        self._losses = losses
        self._clock = clock
        self._quarantine = Quarantine(clock)
        self._handled_before = 0
        self._last_error: str | None = None
        self._logged_at: float | None = None

    def start_anew(self) -> None:
        """Count from zero, as a forked child does."""
        self.handled = AtomicCount()
        self.count_handled = self.handled.add
        self.stopped = AtomicCount()
        self._failed = AtomicCount()
        self._quarantined = AtomicCount()
        self._handled_before = 0

    def failed_with(self, error: BaseException, *, hold_back: bool = True) -> None:
        """Count a delivery that raised, and hold the listener back once it has failed too often in a row.

        :param hold_back: whether it may be.
        """
        if isinstance(error, _HeldBack):
            self._quarantined.add()
            self._losses.held_back.add()
            return
        self._failed.add()
        self._losses.failed.add()
        self._last_error = _described(error)
        if hold_back and isinstance(error, Exception):  # what interrupts is not the listener's fault
            handled = self.handled.value
            if handled != self._handled_before:  # looked at here, so that a success costs nothing more than its count
                self._handled_before = handled
                self._quarantine.succeeded()
            if self._quarantine.failed():
                self.call = self._hold_back
        self._log()

    def _log(self) -> None:
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            with suppress(Exception):  # a handler or filter of the user's must not reach whoever dispatched
                self._logger.warning(
                    "listener %s failed on %s: %s%s (logged at most once per %.0f s; counts are in health())",
                    name_of(self.listener),
                    self.event_type.__qualname__,
                    self._last_error,
                    "; in quarantine" if self._is_quarantined else "",
                    LOG_INTERVAL,
                )

    @property
    def _is_quarantined(self) -> bool:
        return self.call is not self.listener

    @staticmethod
    def is_held_back(error: BaseException) -> bool:
        """Tell whether ``error`` only says that a delivery was held back."""
        return isinstance(error, _HeldBack)

    def _hold_back(self, event: object) -> None:
        try:
            if not self._quarantine.may_probe():
                raise _HeldBack  # noqa: TRY301 - it never came to a try
            # A probe: one delivery goes through, the others wait for its result.
            self.listener(event)
        except _HeldBack:
            raise
        except BaseException:  # also a signal handler's
            self._quarantine.failed_again()
            raise
        self._quarantine.released()
        self.call = self.listener

    def health(self) -> ListenerHealth:
        """Give the counts of now."""
        return ListenerHealth(
            listener=name_of(self.listener),
            event=self.event_type.__qualname__,
            handled=self.handled.value,
            failed=self._failed.value,
            quarantined=self._quarantined.value,
            stopped=self.stopped.value,
            is_quarantined=self._is_quarantined,
            last_error=self._last_error,
        )


def checked_listener(listener: object, event_type: object) -> None:
    """See that ``listener`` can be called with one event of ``event_type``.

    :raises ListenerError: if it is not callable, asynchronous, or takes other arguments; or the type is no class.
    """
    import inspect  # not by `import polymeter`, which has to be cheap

    if not isinstance(event_type, type):
        message = f"cannot listen to {event_type!r}: give the event's class"
        raise ListenerError(message)
    try:
        issubclass(object, event_type)
    except Exception:  # noqa: BLE001 - typed dictionaries, protocols that are not for run time: every dispatch would fail
        message = f"cannot listen to {event_type.__qualname__}: Python cannot tell which classes derive from it"
        raise ListenerError(message) from None
    if not callable(listener):
        message = f"{listener!r} cannot listen to {event_type.__qualname__}: it is not callable"
        raise ListenerError(message)
    plain = _unwrapped(listener)
    candidates = (plain, getattr(plain, "__call__", None))  # noqa: B004 - the method itself is looked at
    if any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in candidates):
        message = (
            f"{name_of(listener)} is asynchronous and would never run: listen with a plain function, "
            "which may hand the event on to a task (loop.call_soon_threadsafe)"
        )
        raise ListenerError(message)
    try:
        signature = inspect.signature(listener)
    except (TypeError, ValueError):  # some callables written in C do not say
        return
    try:
        signature.bind(None)
    except TypeError:
        message = f"{name_of(listener)}{signature} cannot listen: it is called with one argument, the event"
        raise ListenerError(message) from None


def _unwrapped(listener: object) -> object:
    return listener.func if isinstance(listener, functools.partial) else listener


def name_of(listener: object) -> str:
    """Give the qualified name of a callable, or of its class."""
    listener = _unwrapped(listener)
    owner = getattr(listener, "__module__", None) or type(listener).__module__
    return f"{owner}.{getattr(listener, '__qualname__', type(listener).__qualname__)}"


def _described(error: BaseException) -> str:
    place, frame = "", error.__traceback__  # walked by hand: the traceback module looks at the files
    while frame is not None:
        place = f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        frame = frame.tb_next
    return f"{type(error).__qualname__}{place}"
