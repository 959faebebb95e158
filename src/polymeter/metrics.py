"""Metrics: the facade that wires sources, collectors, a registry and exporters. It owns no logic."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.contracts import CanAttach, CanCollectMetrics, CanEmitEvents, CanExportMetrics, CanPoll
from polymeter.counting import AtomicCount
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError, ExportError
from polymeter.events import activation
from polymeter.events.dispatcher import EventDispatcher
from polymeter.pump.pump import EXIT_BUDGET, Pump
from polymeter.registries.aggregating import AggregatingRegistry
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from polymeter.contracts import CanDispatchEvents, CanFollow, CanStoreMetrics
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.health import Health

__all__ = ["Metrics"]

_SELF_METRICS: Final = {
    each.name: each
    for each in (
        MetricDefinition.of("polymeter.listeners.failed", Kind.COUNTER, help="Events that a listener failed on."),
        MetricDefinition.of("polymeter.listeners.held_back", Kind.COUNTER, help="Events held back in quarantine."),
        MetricDefinition.of("polymeter.exports", Kind.COUNTER, help="Exports by exporter and result."),
        MetricDefinition.of("polymeter.polls.failed", Kind.COUNTER, help="Polled sources that raised."),
    )
}


class Metrics:
    """Wires the chain: sources -> events -> collectors -> registry -> exporters.

    ::

        metrics = Metrics().watch(OpenAISource()).collect(InferenceMetricsCollector()).export_to(LogExporter())

    As a context manager, plain or async, it closes itself at the end of the block.

    :ivar events: the dispatcher.
    :ivar registry: what is remembered.
    """

    def __init__(
        self,
        events: CanDispatchEvents | None = None,
        registry: CanStoreMetrics | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a facade.

        :param events: default: a new :class:`~polymeter.events.EventDispatcher`.
        :param registry: default: a new :class:`~polymeter.registries.AggregatingRegistry`.
        :param clock: default: the system's.
        """
        self.clock = SYSTEM_CLOCK if clock is None else clock
        self.events: CanDispatchEvents = EventDispatcher(clock=self.clock) if events is None else events
        self.registry: CanStoreMetrics = AggregatingRegistry(clock=self.clock) if registry is None else registry
        self._pump = Pump(self.snapshot, clock=self.clock)
        self._added: list[tuple[object, Subscription]] = []
        self._polled: list[CanPoll] = []
        self._polls_failed = AtomicCount()
        self._closed = False
        self._started = self.clock.wall()

    # -- wiring

    def watch(self, source: CanEmitEvents | CanPoll) -> Self:
        """Have a source turn what its library does into events.

        :raises DefinitionError: if it is no source.
        :raises MissingExtraError: if its library is absent or of the wrong version.
        """
        if not (_can(source, CanEmitEvents) or _can(source, CanPoll)):
            raise DefinitionError(_wrong("watch", source, "a source has install(events) or poll(events)"))
        if isinstance(source, CanEmitEvents):
            self._added.append((source, source.install(self.events)))
        if isinstance(source, CanPoll):
            self._polled.append(source)
            self._added.append((source, Subscription(lambda: self._polled.remove(source))))
        return self

    def collect(self, collector: CanCollectMetrics) -> Self:
        """Have a collector record what events mean.

        :raises DefinitionError: if it is no collector, or is in use already.
        :raises DefinitionConflictError: if it means something else by a name that is known.
        """
        if not _can(collector, CanCollectMetrics):
            raise DefinitionError(_wrong("collect", collector, "a collector has register(events, registry)"))
        self._added.append((collector, collector.register(self.events, self.registry)))
        return self

    def export_to(self, exporter: CanExportMetrics) -> Self:
        """Deliver to an exporter; one that is asked by its back end reads the newest state by itself.

        :raises DefinitionError: if it is no exporter.
        """
        if not _can(exporter, CanExportMetrics):
            raise DefinitionError(_wrong("export_to", exporter, "an exporter has export(snapshot) and temporality"))
        attach = exporter.attach if isinstance(exporter, CanAttach) else None
        subscription = self._pump.add(exporter, self._reader()) if attach is None else attach(self._following())
        self._added.append((exporter, subscription))
        return self

    def remove(self, thing: object) -> Self:
        """Undo ``watch``, ``collect`` or ``export_to``; harmless for something that was not added."""
        for added in [each for each in self._added if each[0] is thing]:
            self._added.remove(added)
            added[1].cancel()
        return self

    def active(self) -> AbstractContextManager[CanDispatchEvents]:
        """Make ``events`` current for a block, in this thread or task: ``with metrics.active():``."""
        return activation.active(self.events)

    def activate(self) -> Subscription:
        """Make ``events`` current for the whole process, wherever no context says otherwise."""
        subscription = activation.activate(self.events)
        self._added.append((subscription, subscription))
        return subscription

    # -- reading and delivering

    def snapshot(self) -> Snapshot:
        """Ask the polled sources, and give everything of now with the ``polymeter.*`` self-metrics."""
        self._poll()
        snapshot = self.registry.snapshot()
        return snapshot.plus(self._self_metrics(snapshot.taken_at), _SELF_METRICS)

    def _poll(self) -> None:
        for source in list(self._polled):
            try:
                source.poll(self.events)
            except Exception:  # noqa: BLE001 - a source must not keep the rest from being read
                self._polls_failed.add()

    def export(self) -> None:
        """Deliver a snapshot to every exporter, here and now.

        :raises ExportError: if one of them failed, after all of them had their turn.
        :raises TimeoutError: if exports on other threads were still under way after 5 s; the next one has the data.
        """
        failures = self._pump.export()
        if failures:
            raise ExportError(failures) from failures[0][1]

    def every(self, seconds: float, mode: Literal["thread", "task"] = "thread") -> Self:
        """Export every ``seconds`` on a daemon thread, and once more at exit.

        :raises DefinitionError: for an interval that is none.
        """
        if self._closed:
            message = "this Metrics is closed: make a new one"
            raise DefinitionError(message)
        self._pump.every(seconds, mode)
        return self

    def at_exit(self) -> Self:
        """Export once more when the interpreter exits, within one second."""
        self._pump.at_exit()
        return self

    def health(self) -> Health:
        """Give what became of events, records and exports."""
        from polymeter.health import Health  # dataclasses are dear to import, and not everybody asks

        return Health(
            registry=_health_of(self.registry, None),
            listeners=_health_of(self.events, []),
            exporters=self._pump.health(),
            polls_failed=self._polls_failed.value,
        )

    def _self_metrics(self, now: float) -> list[Metric]:
        counts = self._own_counts()
        start = self._started
        return [
            Counter(name, count, dict(tags), start=start, timestamp=now)
            for (name, *tags), count in counts.items()
            if count > 0
        ]

    def _own_counts(self) -> Counts[tuple[Any, ...]]:
        """Give what happened since this was made, by the name and tags of its metric."""
        counts: Counts[tuple[Any, ...]] = Counts()
        losses: dict[tuple[str, str], tuple[int, int]] = getattr(self.events, "losses", dict)()
        for (listener, event), (failed, held_back) in losses.items():
            tags = (("listener", listener), ("event", event))
            counts["polymeter.listeners.failed", *tags] += failed
            counts["polymeter.listeners.held_back", *tags] += held_back
        for exporter in self._pump.health():
            counts["polymeter.exports", ("exporter", exporter.exporter), ("result", "ok")] += exporter.succeeded
            counts["polymeter.exports", ("exporter", exporter.exporter), ("result", "failed")] += exporter.failed
        counts["polymeter.polls.failed",] += self._polls_failed.value
        return counts

    def _reader(self) -> CanFollow | None:
        """Give one who follows the registry; ``None`` if its series do not end."""
        make: Callable[[], CanFollow] | None = getattr(self.registry, "reader", None)
        return None if make is None else make()

    def _following(self) -> Callable[[], Snapshot]:
        """Give a way to read that misses no series' end."""
        reader = self._reader()

        def read() -> Snapshot:
            if reader is None:
                return self.snapshot()
            snapshot = reader.over(self.snapshot())
            reader.commit()  # whoever asks is answered: there is no telling what becomes of the answer
            return snapshot

        return read

    # -- ending

    def clear(self) -> None:
        """Forget all values; definitions and wiring stay, and so do the counts of exports and listeners."""
        self.registry.clear()

    def close(self) -> None:
        """Uninstall the sources, export once more, stop the pump; reads still work. Never raises; safe to repeat."""
        if self._closed:
            return
        self._closed = True
        self._poll()  # what the polled sources know now belongs into the last export
        for thing, subscription in reversed(self._added):
            if isinstance(thing, CanEmitEvents | CanPoll | Subscription):
                _cancel(thing, subscription)
        self._pump.stop()
        self._pump.export_quietly(EXIT_BUDGET)

    async def aclose(self) -> None:
        """Close without holding the event loop up."""
        import asyncio

        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def _can(thing: object, contract: type) -> bool:
    # A class has the methods too, but they are no use without an instance.
    return isinstance(thing, contract) and not isinstance(thing, type)


def _cancel(thing: object, subscription: Subscription) -> None:
    try:
        subscription.cancel()
    except Exception as error:  # noqa: BLE001 - one source must not keep the others from being uninstalled
        import logging  # dear to import, and rarely needed

        logging.getLogger("polymeter").warning(
            "%s could not be uninstalled: %s", type(thing).__qualname__, type(error).__qualname__
        )


def _health_of(thing: object, otherwise: Any) -> Any:
    """Give the health of something that may be of the user's own make, and need not have any."""
    health = getattr(thing, "health", None)
    return otherwise if health is None else health()


def _wrong(verb: str, thing: object, expected: str) -> str:
    hint = " (give an instance, not the class)" if isinstance(thing, type) else ""
    return f"{verb}({thing!r}): {expected}{hint}"
