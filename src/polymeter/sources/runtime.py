"""RuntimeSource: all that can be told of the process that the program runs in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from polymeter.sources.disk import DiskSource
from polymeter.sources.event_loop import EventLoopSource
from polymeter.sources.garbage import GarbageSource
from polymeter.sources.process import ProcessSource
from polymeter.sources.python_info import PythonSource
from polymeter.sources.threads import ThreadsSource
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import CanDispatchEvents

__all__ = ["RuntimeSource"]


class RuntimeSource:
    """The process, its garbage collector, threads and Python, and the event loop if one runs where it is watched.

    ::

        Metrics().watch(RuntimeSource()).collect(RuntimeMetricsCollector())

    If the loop begins later, watch an :class:`~polymeter.sources.event_loop.EventLoopSource` in it.
    """

    def __init__(self, disks: Iterable[str] = ()) -> None:
        """Make one.

        :param disks: paths whose file systems are told of, too.
        :raises DefinitionError: for one str.
        :raises MissingExtraError: where the process can only be read with psutil, and that is absent.
        """
        paths = disks if isinstance(disks, str) else list(disks)
        self._event_loop = EventLoopSource()
        self._sources: list[Any] = [ProcessSource(), GarbageSource(), ThreadsSource(), PythonSource(), self._event_loop]
        if paths:
            self._sources.append(DiskSource(paths))

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events`` of collections, and of the event loop if one runs here."""
        installed = [each.install(events) for each in self._sources if isinstance(each, GarbageSource)]
        if _runs_a_loop():
            installed.append(self._event_loop.install(events))
        return Subscription.of_all(installed)

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` how it is now."""
        errors: list[Exception] = []
        for each in self._sources:
            try:
                each.poll(events)
            except Exception as error:  # noqa: BLE001 - raised once all of them have had their turn
                errors.append(error)
        if errors:
            raise errors[0]


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
