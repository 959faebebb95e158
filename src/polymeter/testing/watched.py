"""Watched: what changed in a facade, a registry or a dispatcher that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from polymeter.data.histogram import ReadsDistribution
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.testing.capture import capture_events
from polymeter.testing.expectations.block import Expecting, check
from polymeter.testing.expectations.changes import Changes
from polymeter.testing.expectations.losses import Losses
from polymeter.testing.expectations.parts import parts_of
from polymeter.testing.expectations.wanted import Wanted

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import TagsLike
    from polymeter.testing.expectations import Expectations, Figures

__all__ = ["Watched"]


class Watched(Expecting):
    """What happens in something that existed before, and is left as it was: ``with Watched(app.metrics) as watched:``.

    :ivar events: the events that were dispatched, in order; of a registry none.
    """

    __slots__ = ("_before", "_capturing", "_losses", "_registry", "events", "thing")

    def __init__(self, thing: object) -> None:
        """Begin to watch.

        :param thing: a ``Metrics``, a registry or a dispatcher.
        :raises DefinitionError: if it is none of them.
        """
        self._registry, events = parts_of(thing)
        self._given = []
        self.thing = thing
        self.events: list[Any] = []
        self._capturing = None if events is None else capture_events(events)
        if self._capturing is not None:
            self.events = self._capturing.__enter__()
        self._losses = Losses(self._registry, events)
        self._before: Snapshot | None = None if self._registry is None else self._registry.snapshot()

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give what was added to the series of a name that include ``tags``; of distributions the sum observed.

        A gauge counts with what it reads, if it was set.
        """
        total: float = 0
        for each in self._changes().of(name, Tags.of(tags)):
            if isinstance(each.since, ReadsDistribution):
                total += each.since.sum
            elif each.since is not None and each.is_change:
                total += each.added or each.since.value
        return total

    def changes(self) -> list[Metric]:
        """Give the series that changed: counters and distributions with what was added, the others as they read."""
        return [each.since for each in self._changes().all() if each.since is not None and each.is_change]

    def check(self, name: str, tags: TagsLike | None = None, **figures: Unpack[Figures]) -> None:
        """See that a metric has changed as expected since this began: ``watched.check("calls", by=1)``.

        :param figures: see :func:`polymeter.testing.expect`.
        :raises AssertionError: with what happened instead.
        :raises DefinitionError: for figures that no metric has together, or if a dispatcher is watched.
        """
        __tracebackhide__ = True
        wanted = Wanted(name, tags, **figures)
        check([wanted], self._changes(), self._losses)

    def expect(self, name: str, tags: TagsLike | None = None, **figures: Unpack[Figures]) -> Expectations:
        """Give a block that has to record something; see :func:`polymeter.testing.expect`.

        :raises AssertionError: at the end of the block, with what it did record.
        :raises DefinitionError: for figures that no metric has together, or if a dispatcher is watched.
        """
        return self._expect(self.thing, name, tags, **figures)

    def close(self) -> None:
        """Stop watching; what was seen can still be read. Safe to repeat."""
        self._losses.stop()
        if self._capturing is not None:
            capturing, self._capturing = self._capturing, None
            capturing.__exit__(None, None, None)

    def _changes(self) -> Changes:
        if self._registry is None or self._before is None:
            message = f"{self.thing!r} is a dispatcher: it has no metrics, only events"
            raise DefinitionError(message)
        return Changes(self._registry, self._before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
