"""Who hears what one patched library does: its classes exist once per process, installs come and go."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polymeter.forking import after_fork
from polymeter.sources.emitters import InferenceEmitters
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.sources.health import Tally

__all__ = ["Audience", "Installs"]


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

    :param patch: changes the library.
    :ivar audience: swapped as a whole, so a reader needs no lock.
    """

    def __init__(self, patch: Callable[[], Subscription]) -> None:
        self.audience = Audience()
        self._patch = patch
        self._patched: Subscription | None = None
        self._all: list[tuple[InferenceEmitters, Tally]] = []
        self._lock = threading.RLock()
        after_fork(self)

    def add(self, events: CanDispatchEvents, clock: Clock | None, tally: Tally) -> Subscription:
        """Let ``events`` hear what starts from now on.

        :param clock: of the events; of several installs on one dispatcher the oldest decides.
        """
        install = InferenceEmitters(events, clock), tally
        with self._lock:
            if self._patched is None:
                self._patched = self._patch()
            self._all.append(install)
            self._settle()
        return Subscription(lambda: self._remove(install))

    def count(self, tally: Tally) -> int:
        """Count the installs of one source."""
        return sum(each is tally for _, each in self._all)

    def after_fork_in_child(self) -> None:
        """Replace the lock: another thread of the parent may have held it."""
        self._lock = threading.RLock()

    def _remove(self, install: tuple[InferenceEmitters, Tally]) -> None:
        with self._lock:
            self._all = [each for each in self._all if each is not install]
            self._settle()
            if not self._all and self._patched is not None:
                self._patched.cancel()
                self._patched = None

    def _settle(self) -> None:
        to: dict[int, InferenceEmitters] = {}
        tallies: dict[int, Tally] = {}
        for emitters, tally in self._all:
            to.setdefault(id(emitters.events), emitters)
            tallies.setdefault(id(tally), tally)
        self.audience = Audience(tuple(to.values()), tuple(tallies.values()))
