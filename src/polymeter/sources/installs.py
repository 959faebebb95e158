"""Who hears what one patched library does: its classes exist once per process, installs come and go."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from polymeter.forking import after_fork
from polymeter.sources.emitters import InferenceEmitters
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.sources.health import Tally

__all__ = ["Audience", "Installs"]

_PATIENCE: Final = 5.0  # seconds; two threads that wait for each other's imports go on after that


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears what starts now.

    :ivar to: each dispatcher once, however often it was installed on.
    :ivar tallies: each source once.
    """

    to: tuple[InferenceEmitters, ...] = ()
    tallies: tuple[Tally, ...] = ()

    @property
    def listening(self) -> bool:
        """Whether anybody would hear anything."""
        for each in self.to:  # a loop, not any(): this is the fast way out of every call  # noqa: SIM110
            if each.listening:
                return True
        return False

    def surprised(self) -> None:
        """Count something that could not be read."""
        for tally in self.tallies:
            tally.surprises.add()


class Installs:
    """The installs of one library: the first one patches it, the end of the last one restores it. Thread-safe.

    Nothing in here waits for another thread while it holds something that this one may need: patching imports the
    library, which may run finalisers and signal handlers, and those may cancel an install. What is true stands in one
    list, changed by single calls into C; all else is brought in line with it, by one thread at a time. Whoever finds
    another one at it leaves the rest to that one; only an install waits a while, so that its calls are heard at once.

    :param patch: changes the library.
    :param emitters: how a dispatcher is seen; has ``events`` and ``listening``.
    :ivar audience: swapped as a whole, so a reader needs no lock.
    """

    def __init__(
        self,
        patch: Callable[[], Subscription],
        emitters: Callable[[CanDispatchEvents, Clock | None], Any] = InferenceEmitters,
    ) -> None:
        self.audience = Audience()
        self._patch = patch
        self._emitters = emitters
        self._patched: Subscription | None = None
        self._all: list[tuple[InferenceEmitters, Tally]] = []
        self._stale = False
        self._turn = threading.Lock()
        self._whose_turn: int | None = None
        after_fork(self)

    def add(self, events: CanDispatchEvents, clock: Clock | None, tally: Tally) -> Subscription:
        """Let ``events`` hear what starts from now on.

        :param clock: of the events; of several installs on one dispatcher the oldest decides.
        """
        install = self._emitters(events, clock), tally
        self._all.append(install)
        try:
            self._settle(patience=_PATIENCE)
        except BaseException:
            self._all.remove(install)
            raise
        return Subscription(lambda: self._remove(install))

    def count(self, tally: Tally) -> int:
        """Count the installs of one source."""
        return sum(each is tally for _, each in self._all)

    def after_fork_in_child(self) -> None:
        """Replace the lock: another thread of the parent may have held it."""
        self._turn = threading.Lock()
        self._whose_turn = None

    def _remove(self, install: tuple[InferenceEmitters, Tally]) -> None:
        self._all.remove(install)
        self._settle()

    def _settle(self, patience: float = 0.0) -> None:
        self._stale = True
        me = threading.get_ident()
        while self._stale:
            # On this very thread: it is called from within its own turn, which looks again when it is over.
            wait = patience if self._whose_turn != me else 0.0
            if not (self._turn.acquire(timeout=wait) if wait else self._turn.acquire(blocking=False)):
                return
            try:
                self._whose_turn = me
                self._stale = False
                self._bring_in_line()
            finally:
                self._whose_turn = None
                self._turn.release()

    def _bring_in_line(self) -> None:
        to: dict[int, InferenceEmitters] = {}
        tallies: dict[int, Tally] = {}
        for emitters, tally in list(self._all):
            to.setdefault(id(emitters.events), emitters)
            tallies.setdefault(id(tally), tally)
        if to and self._patched is None:
            self._patched = self._patch()
        self.audience = Audience(tuple(to.values()), tuple(tallies.values()))
        if not to and self._patched is not None:
            patched, self._patched = self._patched, None
            patched.cancel()
