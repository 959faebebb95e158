"""What a block of a test has to record, said before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from polymeter.errors import DefinitionError
from polymeter.testing.expectations.changes import Changes
from polymeter.testing.expectations.losses import Losses
from polymeter.testing.expectations.parts import parts_of
from polymeter.testing.expectations.wanted import Wanted
from polymeter.testing.expectations.words import failure

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from polymeter.contracts import CanDispatchEvents, CanStoreMetrics
    from polymeter.data.snapshot import Snapshot
    from polymeter.data.tags import TagsLike
    from polymeter.testing.expectations.wanted import Figures

__all__ = ["Expectations", "Expecting", "expect"]


class Expectations:
    """What a block has to record: ``with metrics.expect("calls", by=1).expect("wait_ms", count=1):``.

    An exception of the block is passed on, and nothing is checked then. The block may hold ``await``; what other tasks
    and threads record meanwhile counts too. One object serves one block at a time.
    """

    def __init__(self, registry: CanStoreMetrics, events: CanDispatchEvents | None) -> None:
        """Begin without an expectation."""
        self._registry = registry
        self._events = events
        self._wanted: list[Wanted] = []
        self._before: Snapshot | None = None
        self._losses: Losses | None = None
        self.was_entered = False
        """Whether it was used in a ``with``; without, it checks nothing."""

    def expect(self, name: str, tags: TagsLike | None = None, **figures: Unpack[Figures]) -> Self:
        """Expect one thing more of the same block; see :func:`expect`."""
        self._wanted.append(Wanted(name, tags, **figures))
        return self

    def __enter__(self) -> Self:
        if self._before is not None:
            message = f"{self!r} is in use already: make one for each block"
            raise DefinitionError(message)
        self.was_entered = True
        self._losses = Losses(self._registry, self._events)
        self._before = self._registry.snapshot()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        before, losses = self._before, self._losses
        self._before = self._losses = None
        if losses is None or before is None:
            return
        losses.stop()
        if exc is None:
            check(self._wanted, Changes(self._registry, before), losses)

    def __repr__(self) -> str:
        return " and ".join(f"expect({each}: {each.words})" for each in self._wanted)


def check(wanted: list[Wanted], changes: Changes, losses: Losses) -> None:
    """See that changes are as they were wanted.

    :raises AssertionError: with what happened instead.
    """
    __tracebackhide__ = True
    complaints = [(each, found) for each in wanted if (found := each.complaint(changes)) is not None]
    if complaints:
        raise AssertionError(failure(complaints, changes, losses))


def expect(of: object, name: str, tags: TagsLike | None = None, **figures: Unpack[Figures]) -> Expectations:
    """Give a block that has to record something.

    ::

        with expect(metrics, "chat.turns", {"model": "x"}, by=1):
            answer("hello")

    :param of: a ``Metrics``, or a registry; of the latter a failure cannot tell which events were dispatched.
    :param name: of the metric, as it is recorded.
    :param tags: what the tags of its series have to include.
    :param figures: see :class:`~polymeter.testing.expectations.Figures`; none: anything is recorded at all.
    :raises AssertionError: at the end of the block, with what it did record.
    :raises DefinitionError: for figures that no metric has together, or something that keeps no metrics.
    """
    registry, events = parts_of(of)
    if registry is None:
        message = f"expect({of!r}): a dispatcher keeps no metrics; give the Metrics or the registry"
        raise DefinitionError(message)
    return Expectations(registry, events).expect(name, tags, **figures)


class Expecting:
    """What has a method ``expect``, and remembers whether what it gave was used."""

    __slots__ = ("_given",)

    _given: list[Expectations]

    def _expect(self, of: object, name: str, tags: TagsLike | None, **figures: Unpack[Figures]) -> Expectations:
        made = expect(of, name, tags, **figures)
        self._given.append(made)
        return made

    def check_used(self) -> None:
        """See that each ``expect`` was used in a ``with``; else it checked nothing.

        :raises AssertionError: with the first that was not.
        """
        __tracebackhide__ = True
        for each in self._given:
            if not each.was_entered:
                message = f"{each!r} was never entered, so nothing was checked: write `with metrics.expect(...):`"
                raise AssertionError(message)
