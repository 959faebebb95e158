"""instructor: how often answers fit their schema, after how many tries, and what was wrong with those that did not.

Works on ``Instructor`` and ``AsyncInstructor``, whatever client and provider is below, also for those that exist
already. It tells nothing about the inferences themselves: the source of the library below does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.instructor_hooks import INSTRUCTOR_INSTALLS
from polymeter.sources.versions import check_version

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["InstructorSource"]


class InstructorSource:
    """Tells structured-output events of every call of an instructor client in this process.

    ::

        Metrics().watch(InstructorSource()).collect(StructuredOutputMetricsCollector())

    instructor is imported and patched at the first install and restored at the last cancel, over all sources. What is
    under way at a cancel is still told to its end.

    :param clock: times the events; left out: the clock of the dispatcher they go to.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._tally = Tally()

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events``; cancelling leaves instructor as it was found.

        :raises MissingExtraError: if instructor is missing, or of a version that is not supported.
        """
        check_version(type(self).__name__, "instructor", "instructor")
        return INSTRUCTOR_INSTALLS.add(events, self._clock, self._tally)

    def health(self) -> SourceHealth:
        """Count the requests that this source has seen."""
        return self._tally.health(INSTRUCTOR_INSTALLS.count(self._tally))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
