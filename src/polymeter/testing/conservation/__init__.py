"""The two conservation laws, held against counts of their own.

::

    of a listener     events meant for it == handled + failed + quarantined + stopped
    of a registry     records made        == applied + invalid + denied

``health()`` gives the right sides, and ``deliveries`` and ``records`` there are only their sums: they cannot disagree.
So :func:`laws` counts the left sides itself, from outside, where events are dispatched and records are made.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from polymeter.events.dispatcher import EventDispatcher
from polymeter.registries import AggregatingRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing.conservation.deliveries import DeliveryCounts
from polymeter.testing.conservation.patches import Patches
from polymeter.testing.conservation.records import RecordCounts

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Laws", "laws"]

_OURS: Final = (EventDispatcher, AggregatingRegistry, InMemoryRegistry, WindowedRegistry)


class Laws:
    """The counts of one block."""

    def __init__(self, patches: Patches, classes: tuple[type, ...]) -> None:
        """Begin to count, for what is made of ``classes`` from now on."""
        self._deliveries = DeliveryCounts(patches, [each for each in classes if hasattr(each, "dispatch")])
        self._records = RecordCounts(patches, [each for each in classes if hasattr(each, "bind")])

    def complaints(self) -> list[str]:
        """Give one sentence, with its figures, for each law that does not hold now."""
        return list(dict.fromkeys([*self._deliveries.complaints(), *self._records.complaints()]))

    def check(self) -> None:
        """See that both laws hold now, for every dispatcher and every registry made in the block.

        :raises AssertionError: with the figures of those that do not.
        """
        __tracebackhide__ = True
        complaints = self.complaints()
        if complaints:
            raise AssertionError("\n".join(complaints))


@contextmanager
def laws(*classes: type) -> Generator[Laws]:
    """Count in a block what is dispatched and recorded, and check at its end that nothing went unaccounted for.

    Watched are the dispatchers and registries that are made in the block, ours and what derives from them. Of a
    :class:`~polymeter.registries.CompositeRegistry`, which keeps nothing, that is its members.

    A delivery or a record that a ``BaseException`` or ``on_error="raise"`` cut short may count or not, and so may one
    that is on its way while a listener comes or goes, or while the registry is cleared.

    :param classes: dispatchers and registries of your own to watch too. They need the methods of their contract and
        a ``health()`` like that of ours; without one there is nothing to check.
    :raises AssertionError: with the figures, if a law does not hold at the end of the block.
    """
    __tracebackhide__ = True
    patches = Patches()
    try:
        both = Laws(patches, (*_OURS, *classes))
        yield both
        both.check()
    finally:
        patches.undo()
