"""Exports on an event loop: as a task, by hand, and at the end; asynchronous exporters."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from polymeter.errors import DefinitionError, ExportError
from polymeter.exporters import InMemoryExporter
from polymeter.metrics import Metrics
from tests.pump.exporters import PATIENCE, Blocking

SOON = 0.001


class Asynchronous:
    """Keeps what it is given and where it ran; can be told to hang or to fail."""

    def __init__(self, temporality="cumulative"):
        self.temporality = temporality
        self.snapshots, self.loops, self.threads = [], set(), set()
        self.hangs, self.error = False, None
        self.cancelled = 0

    async def export(self, snapshot):
        self.loops.add(asyncio.get_running_loop())
        self.threads.add(threading.get_ident())
        try:
            await asyncio.sleep(PATIENCE if self.hangs else 0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        self.snapshots.append(snapshot)

    def values(self, name):
        return [sum(metric.value for metric in snapshot.by_name(name)) for snapshot in self.snapshots]


async def until(condition):
    """Let others run until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(SOON)


def threads():
    """Give those of the pump, but for the one that stands by for the exit where none can be started then."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("polymeter") and not name.endswith("-exit")]


def test_a_task_exports_every_so_often_and_at_the_end_without_a_thread(clock):
    """As long as no exporter has to be kept off the event loop."""

    async def main():
        exporter, quick = Asynchronous(), InMemoryExporter()
        async with Metrics(clock=clock) as metrics:
            metrics.export_to(exporter).export_to(quick).every(SOON, mode="task")
            metrics.registry.counter("calls")
            await until(lambda: len(exporter.snapshots) > 2 and len(quick.snapshots) > 2)
            assert threads() == []
            metrics.every(3600, mode="task")
            metrics.registry.counter("calls")
        assert exporter.values("calls")[-1] == 2
        assert exporter.threads == {threading.get_ident()}
        assert exporter.loops == {asyncio.get_running_loop()}
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_task_without_an_event_loop_is_refused(metrics):
    """The message says what to do."""
    with pytest.raises(DefinitionError, match=r"every\(mode='task'\) runs on an event loop: call it in a coroutine"):
        metrics.every(5, mode="task")


def test_an_exporter_that_hangs_holds_up_neither_the_loop_nor_the_others(metrics, exporter):
    """Neither an asynchronous one nor one that blocks its thread."""
    hanging, blocking = Asynchronous(), Blocking()
    hanging.hangs = True

    async def main():
        metrics.export_to(hanging).export_to(blocking).every(SOON, mode="task", timeout=0.05)
        await until(lambda: len(exporter.snapshots) > 5 and metrics.health().exporters[2].failed)
        await until(lambda: hanging.cancelled)
        blocking.let_go.set()
        await metrics.aclose()

    asyncio.run(main())
    blocking.end.wait(PATIENCE)
    _, asynchronous, on_a_thread = metrics.health().exporters
    assert asynchronous.reasons["timeout"] >= 1
    assert on_a_thread.reasons["timeout"] >= 1


def test_closing_ends_what_hangs_within_a_second(clock):
    """And tells it."""
    hanging = Asynchronous()
    hanging.hangs = True

    async def main():
        metrics = Metrics(clock=clock).export_to(hanging).every(SOON, mode="task")
        await until(lambda: hanging.loops)
        began = time.monotonic()
        await metrics.aclose()
        return time.monotonic() - began

    assert asyncio.run(main()) < 1.5
    assert hanging.cancelled == 2


def test_an_export_by_hand_can_be_awaited(metrics, exporter):
    """Those that block have a thread each; failures are told as by export()."""
    asynchronous = Asynchronous("delta")
    metrics.export_to(asynchronous)

    async def main():
        metrics.registry.counter("calls", increment=3)
        await metrics.aexport()
        metrics.registry.counter("calls", increment=4)
        asynchronous.error = ValueError()
        with pytest.raises(ExportError, match="Asynchronous: ValueError"):
            await metrics.aexport()
        asynchronous.error = None
        await metrics.aexport()

    asyncio.run(main())
    assert asynchronous.values("calls") == [3, 4]
    assert exporter.values("calls") == [3, 7, 7]


def test_exports_on_the_loop_wait_for_each_other(metrics):
    """Two tasks that export at once deliver one after another."""
    asynchronous = Asynchronous("delta")
    metrics.export_to(asynchronous)

    async def main():
        metrics.registry.counter("calls")
        await asyncio.gather(*(metrics.aexport() for _ in range(5)))

    asyncio.run(main())
    assert sum(asynchronous.values("calls")) == 1
    assert len(asynchronous.snapshots) == 5


def test_an_asynchronous_exporter_works_without_an_event_loop_too(metrics):
    """By hand, on the pump's thread and when closing: always on the same loop, which is closed at the end."""
    asynchronous = Asynchronous()
    metrics.export_to(asynchronous)
    metrics.export()
    metrics.every(SOON)
    deadline = time.monotonic() + PATIENCE
    while len(asynchronous.snapshots) < 3:
        assert time.monotonic() < deadline
    metrics.close()
    (loop,) = asynchronous.loops
    assert loop.is_closed()


def test_an_asynchronous_exporter_that_hangs_is_cancelled_in_time(clock):
    """Also without an event loop."""
    hanging = Asynchronous()
    hanging.hangs = True
    began = time.monotonic()
    with Metrics(clock=clock) as metrics:
        metrics.export_to(hanging)
    assert time.monotonic() - began < 1.5
    while not hanging.cancelled:  # it is told so at that very moment
        assert time.monotonic() - began < PATIENCE


def test_what_ran_on_a_loop_is_exported_there_by_other_threads_too(metrics):
    """What such an exporter keeps open belongs to its loop."""
    asynchronous = Asynchronous()
    metrics.export_to(asynchronous)

    async def main():
        await metrics.aexport()
        await asyncio.to_thread(metrics.export)

    asyncio.run(main())
    assert len(asynchronous.loops) == 1
    assert len(asynchronous.snapshots) == 2


def test_exporting_by_hand_on_the_thread_of_a_loop_says_how_to_do_it(metrics):
    """It cannot wait for itself; nothing is left unawaited."""
    asynchronous = Asynchronous()
    metrics.export_to(asynchronous)

    async def main():
        with pytest.raises(ExportError) as caught:
            metrics.export()
        ((_, error),) = caught.value.failures
        assert "await aexport()" in str(error)
        await metrics.aexport()

    asyncio.run(main())
    assert len(asynchronous.snapshots) == 1


def test_an_exporter_that_exports_in_its_turn_does_nothing(metrics):
    """Also on a loop."""

    class Exporting(Asynchronous):
        async def export(self, snapshot):
            await metrics.aexport()
            await super().export(snapshot)

    exporting = Exporting()
    metrics.export_to(exporting)
    asyncio.run(metrics.aexport())
    assert len(exporting.snapshots) == 1


def test_a_sampler_that_takes_long_does_not_hold_the_loop_up(metrics, exporter):
    """It is asked on another thread."""

    class Sampler:
        def poll(self, events):
            time.sleep(0.2)

    async def main():
        metrics.watch(Sampler())
        ticks = 0
        task = asyncio.create_task(metrics.aexport())
        while not task.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await task
        return ticks

    assert asyncio.run(main()) > 10
    assert len(exporter.snapshots) == 1
    metrics.close()


def test_after_so_many_events_wakes_the_task(metrics):
    """From any thread."""
    asynchronous = Asynchronous()
    metrics.export_to(asynchronous)

    async def main():
        metrics.every(3600, mode="task").after(10)
        for _ in range(9):
            metrics.events.dispatch("an event")
        await asyncio.sleep(0.02)
        assert asynchronous.snapshots == []
        await asyncio.to_thread(metrics.events.dispatch, "the tenth")
        await until(lambda: asynchronous.snapshots)
        await metrics.aclose()

    asyncio.run(main())


def test_a_loop_that_ended_without_closing_is_survived(metrics, exporter):
    """The task ended with it; the last export comes all the same."""

    async def main():
        metrics.every(SOON, mode="task")
        await until(lambda: exporter.snapshots)

    asyncio.run(main())
    metrics.registry.counter("calls")
    metrics.close()
    assert exporter.values("calls")[-1] == 1


@pytest.mark.parametrize("on_a_loop", [True, False])
def test_what_an_asynchronous_exporter_keeps_open_is_closed(clock, on_a_loop):
    """On its loop."""

    class Closing(Asynchronous):
        closed = 0

        async def close(self):
            await asyncio.sleep(0)
            assert self.loops == {asyncio.get_running_loop()}
            self.closed += 1

    closing = Closing()

    async def main():
        async with Metrics(clock=clock) as metrics:
            metrics.export_to(closing)

    if on_a_loop:
        asyncio.run(main())
    else:
        with Metrics(clock=clock) as metrics:
            metrics.export_to(closing)
    assert closing.closed == 1
