"""Quarantine: what fails too often in a row is left alone for a while, then tried again once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polymeter.clock import Clock

__all__ = ["FAILURES_IN_A_ROW", "Quarantine"]

FAILURES_IN_A_ROW: Final = 5
"""So many failures without a success in between put something into quarantine."""
FIRST_QUARANTINE: Final = 1.0
LONGEST_QUARANTINE: Final = 60.0


class Quarantine:
    """Says when something that fails may be tried.

    :ivar is_on: whether it is held back now, but for a probe.
    """

    __slots__ = ("_clock", "_failures", "_penalty", "_probes", "_until", "is_on")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._penalty = FIRST_QUARANTINE
        self._probes: list[None] = []
        self.is_on = False

    def failed(self) -> bool:
        """Take note of a failure; tell whether it is held back now. One that began before that prolongs nothing."""
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW and not self.is_on:
            self._begin()
        return self.is_on

    def succeeded(self) -> None:
        """Take note of a success, and forget the failures before it."""
        self._failures = 0

    def may_probe(self) -> bool:
        """Tell whether it may be tried now; then say how that went, by :meth:`released` or :meth:`failed_again`.

        The latter also when this was interrupted: else nobody tries again.
        """
        if self._clock.monotonic() < self._until:
            return False
        try:
            self._probes.pop()  # one call into C: of several threads one gets it
        except IndexError:
            return False
        return True

    def failed_again(self) -> None:
        """Take note that the probe failed: hold back for twice as long."""
        try:
            self._begin()
        finally:  # a signal handler may raise in there
            self._probes = [None]

    def released(self) -> None:
        """Take note that the probe succeeded."""
        self._failures = 0
        self._penalty = FIRST_QUARANTINE
        self.is_on = False

    def _begin(self) -> None:
        until, longer = self._clock.monotonic() + self._penalty, min(self._penalty * 2, LONGEST_QUARANTINE)
        # Nothing is called from here on: a signal handler that raises comes before or after all of it.
        self._until = until
        self._penalty = longer
        self._probes = [None]
        self.is_on = True
