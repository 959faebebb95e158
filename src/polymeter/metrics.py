"""Metrics: the facade that wires sources, collectors, a registry and exporters. It owns no logic."""

from __future__ import annotations

from collections import Counter as Counts
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.contracts import (
    CanAttach,
    CanCollectMetrics,
    CanEmitEvents,
    CanExportMetrics,
    CanObserve,
    CanPoll,
    CanTell,
)
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError, ExportError
from polymeter.events import activation
from polymeter.events.dispatcher import EventDispatcher
from polymeter.pump.polling import Polling
from polymeter.pump.pump import EXIT_BUDGET, Pump
from polymeter.registries.aggregating import AggregatingRegistry
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from polymeter.catalogue import Catalogue
    from polymeter.contracts import CanDispatchEvents, CanFollow, CanStoreMetrics, Temporality
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot
    from polymeter.health import Health
    from polymeter.pump.delivery import Ambiguous

__all__ = ["Metrics"]

_SELF_METRICS: Final = {
    each.name: each
    for each in (
        MetricDefinition.of("polymeter.listeners.failed", Kind.COUNTER, help="Events that a listener failed on."),
        MetricDefinition.of("polymeter.listeners.held_back", Kind.COUNTER, help="Events held back in quarantine."),
        MetricDefinition.of("polymeter.exports", Kind.COUNTER, help="Exports by exporter, result and reason."),
        MetricDefinition.of("polymeter.polls.failed", Kind.COUNTER, help="Polled sources that raised or hung."),
    )
}


_AFTER_ALL_OTHERS: Final = -(2**31)
_LAST_POLL: Final = 0.25


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
        self._polling = Polling(self.events, self.clock)
        self._pump = Pump(
            self._read,
            clock=self.clock,
            poll=self._polling.poll,
            on_next_record=self._on_next_record,
        )
        self._added: list[tuple[object, Subscription]] = []
        self._counting: Subscription | None = None
        self._at_the_end: list[Callable[[], object]] = []
        self._closed = False
        self._started = self.clock.wall()
        # Of a registry that processes share, these have to add up like all others.
        tell_too = getattr(self.registry, "tell_too", None)
        self._is_told_by_registry = tell_too is not None
        if tell_too is not None:
            tell_too(self._self_metrics, _SELF_METRICS)

    @classmethod
    def from_config(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Make and wire one as a file says.

        :param path: TOML or JSON; default: the nearest ``polymeter.toml``, or ``pyproject.toml`` with a table
            ``[tool.polymeter]``, from the working directory upwards.
        :raises DefinitionError: for everything that is wrong with it, or if there is none.
        :raises MissingExtraError: if it asks for something that needs a library that is absent.
        """
        from polymeter.configuration import Configuration

        return Configuration.from_file(path).build(cls)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make and wire one as the environment says.

        That is the file of ``POLYMETER_CONFIG``, else the nearest one, if any, and ``POLYMETER_*`` variables over it.

        :param environ: default: that of the process.
        :raises DefinitionError: for everything that is wrong.
        :raises MissingExtraError: if it asks for something that needs a library that is absent.
        """
        from polymeter.configuration import Configuration

        return Configuration.from_environ(environ).build(cls)

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
            polled = self._polling.add(source)
            self._added.append((source, Subscription(lambda: self._polling.remove(polled))))
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

    def export_to(
        self,
        exporter: CanExportMetrics,
        *,
        ambiguous: Ambiguous = "resend",
        spool: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Deliver to an exporter; one that is asked by its back end reads the newest state by itself.

        :param ambiguous: what to do with a delta if the connection broke when it may have arrived: ``resend`` counts
            it twice if it had, ``drop`` loses it if it had not. Either way it is counted.
        :param spool: a folder for what could not be delivered, from which the next process delivers it: see
            :class:`~polymeter.exporters.SpoolingExporter`.
        :raises DefinitionError: if it is no exporter, for another word, or a folder that is none.
        """
        if ambiguous not in {"resend", "drop"}:
            message = f"export_to(ambiguous={ambiguous!r}): there are 'resend' and 'drop'"
            raise DefinitionError(message)
        if not _can(exporter, CanExportMetrics):
            raise DefinitionError(_wrong("export_to", exporter, "an exporter has export(snapshot) and temporality"))
        given = exporter
        if spool is not None:
            from polymeter.exporters.spool import SpoolingExporter

            exporter = SpoolingExporter(exporter, spool, ambiguous=ambiguous)
        if isinstance(exporter, CanObserve):
            self._added.append((given, exporter.observe(getattr(self.registry, "own", self.registry))))
        attach = exporter.attach if isinstance(exporter, CanAttach) else None
        subscription = (
            self._pump.add(exporter, self._reader(exporter.temporality), ambiguous)
            if attach is None
            else attach(self._following())
        )
        self._added.append((given, subscription))
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
        self._polling.poll()
        return self._read()

    def _read(self) -> Snapshot:
        snapshot = self.registry.snapshot()
        if self._is_told_by_registry:
            return snapshot
        return snapshot.plus(self._self_metrics(snapshot.taken_at), _SELF_METRICS)

    def catalogue(self) -> Catalogue:
        """Give every metric that was declared or recorded, and what it is called in each back end."""
        from polymeter.catalogue import Catalogue

        return Catalogue.of(self._read(), [thing for thing, _ in self._added])

    def export(self) -> None:
        """Deliver a snapshot to every exporter, here and now.

        :raises ExportError: if one of them failed, after all of them had their turn; with a ``TimeoutError`` for one to
            which an export on another thread was still under way after 5 s. What they missed is in the next one.
        """
        failures = self._pump.export()
        if failures:
            raise ExportError(failures) from failures[0][1]

    async def aexport(self) -> None:
        """Do so without holding the event loop up; asynchronous exporters run on it.

        :raises ExportError: as :meth:`export` does.
        """
        failures = await self._pump.export_here()
        if failures:
            raise ExportError(failures) from failures[0][1]

    def every(
        self, seconds: float, mode: Literal["thread", "task"] = "thread", *, timeout: float | None = None
    ) -> Self:
        """Export every ``seconds``, and once more at exit.

        :param mode: on a daemon thread, or as a task of the running event loop (then close by :meth:`aclose`).
        :param timeout: seconds that one export may take, retries included; default: 10.
        :raises DefinitionError: for times that are none, or a task without a running event loop.
        """
        self._check_open()
        self._pump.every(seconds, mode, timeout)
        return self

    def after(self, events: int) -> Self:
        """Export after so many events too, on a thread or task of the pump's, and once more at exit.

        Whoever counts hears every event: then no event is too much trouble to make. Called again, the new number
        replaces the old one.

        :raises DefinitionError: unless ``events`` is a positive number.
        """
        self._check_open()
        if isinstance(events, bool) or not isinstance(events, int) or events < 1:
            message = f"after({events!r}): give a positive number of events"
            raise DefinitionError(message)
        heard, soon = count(1).__next__, self._pump.soon

        def counted(_event: object) -> None:
            if not heard() % events:
                soon()

        before, self._counting = self._counting, self.events.add_listener(object, counted, _AFTER_ALL_OTHERS)
        if before is not None:
            before.cancel()
        self._pump.at_exit()
        return self

    def at_exit(self) -> Self:
        """Export once more when the process exits, within one second; in children that it forks as well."""
        self._pump.at_exit()
        return self

    def on_signal(self, *signals: int) -> Self:
        """Export once more, within one second, when one of ``signals`` arrives, and then do what it does without us.

        ``metrics.on_signal(signal.SIGTERM)`` is for programs that a process manager ends; an event loop or a server
        that handles the signal itself ends in its own way, and :meth:`at_exit` is enough.

        :raises DefinitionError: off the main thread, or for a signal that cannot be handled.
        """
        self._check_open()
        self._pump.on_signal(signals)
        return self

    def _on_next_record(self, wake: Callable[[], object]) -> None:
        def heard(_event: object) -> None:
            subscription.cancel()
            wake()

        subscription = self.events.add_listener(object, heard)
        if isinstance(self.registry, CanTell):
            self.registry.on_next_record(wake)

    def _check_open(self) -> None:
        if self._closed:
            message = "this Metrics is closed: make a new one"
            raise DefinitionError(message)

    def health(self) -> Health:
        """Give what became of events, records and exports."""
        from polymeter.health import Health  # dataclasses are dear to import, and not everybody asks

        return Health(
            registry=_health_of(self.registry, None),
            listeners=_health_of(self.events, []),
            exporters=self._pump.health(),
            polls_failed=sum(self._polling.failures().values()),
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
        for delivery in self._pump.deliveries():
            exporter = ("exporter", type(delivery.exporter).__qualname__)
            for (result, reason), times in delivery.results().items():
                counts["polymeter.exports", exporter, ("result", result), ("reason", reason)] += times
        for (source, reason), times in self._polling.failures().items():
            counts["polymeter.polls.failed", ("source", source), ("reason", reason)] += times
        return counts

    def _reader(self, temporality: Temporality = "cumulative") -> CanFollow | None:
        """Give one who follows the registry; ``None`` if its series do not end."""
        registry: object = self.registry
        if temporality == "delta":
            registry = getattr(registry, "own", registry)
        make: Callable[[], CanFollow] | None = getattr(registry, "reader", None)
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
        if not self._closed:
            self._closed = True
            self._polling.poll(_LAST_POLL)  # what the polled sources know now belongs into the last export
            self._uninstall()
            self._pump.close(EXIT_BUDGET - _LAST_POLL)
            self._let_go()

    async def aclose(self) -> None:
        """Close without holding the event loop up; asynchronous exporters have their last export on it."""
        if not self._closed:
            import asyncio

            self._closed = True
            if self._polling:
                await asyncio.to_thread(self._polling.poll, _LAST_POLL)
            self._uninstall()
            await self._pump.close_here(EXIT_BUDGET - _LAST_POLL)
            if self._at_the_end:
                await asyncio.to_thread(self._let_go)

    def on_close(self, call: Callable[[], object]) -> Self:
        """Have ``call`` called once at the end of :meth:`close`, when all is exported.

        A registry that was handed over stays open otherwise: ``metrics.on_close(registry.close)``. Where a
        configuration chose the registry, this is done.
        """
        self._at_the_end.append(call)
        return self

    def _let_go(self) -> None:
        while self._at_the_end:
            call = self._at_the_end.pop()
            try:
                call()
            except Exception as error:  # noqa: BLE001 - close() never raises
                _log_about(call, "could not be called at the end", error)

    def _uninstall(self) -> None:
        for thing, subscription in reversed(self._added):
            if isinstance(thing, CanEmitEvents | CanPoll | Subscription):
                _cancel(thing, subscription)
        if self._counting is not None:
            self._counting.cancel()

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
        _log_about(type(thing), "could not be uninstalled", error)


def _log_about(what: object, problem: str, error: Exception) -> None:
    import logging  # dear to import, and rarely needed

    name = getattr(what, "__qualname__", type(what).__qualname__)
    logging.getLogger("polymeter").warning("%s %s: %s", name, problem, type(error).__qualname__)


def _health_of(thing: object, otherwise: Any) -> Any:
    """Give the health of something that may be of the user's own make, and need not have any."""
    health = getattr(thing, "health", None)
    return otherwise if health is None else health()


def _wrong(verb: str, thing: object, expected: str) -> str:
    hint = " (give an instance, not the class)" if isinstance(thing, type) else ""
    return f"{verb}({thing!r}): {expected}{hint}"
