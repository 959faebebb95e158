"""Metrics: the facade that wires the chain."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from functools import partial

import pytest

from polymeter.collectors import MetricsCollector, measure, on
from polymeter.errors import DefinitionError, ExportError, MissingExtraError
from polymeter.events import Event, EventDispatcher, NullDispatcher, current, emitter
from polymeter.exporters import CallbackExporter, InMemoryExporter, NullExporter, PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.subscription import Subscription
from polymeter.testing import ManualClock

PATIENCE = 60


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    model: str = "m"


@dataclass(slots=True, kw_only=True)
class Sampled(Event):
    level: float = 1


class Turns(MetricsCollector):
    turns = measure.counter("turns", on=TurnFinished, tags=("model",))
    level = measure.gauge("level", on=Sampled, value="level")


class Broken(MetricsCollector):
    @on(TurnFinished)
    def finished(self, _event):
        raise ValueError("secret")


class Library:
    """A library, and the source that turns what it does into events."""

    def __init__(self, log=None):
        self.emit = lambda event: None
        self.log = [] if log is None else log

    def install(self, events):
        self.emit = events.dispatch
        self.log.append(f"+{id(self)}")
        return Subscription(self.uninstall)

    def uninstall(self):
        self.emit = lambda event: None
        self.log.append(f"-{id(self)}")


class Sampler:
    """A source that has to be asked."""

    def __init__(self):
        self.asked = 0
        self.error = None

    def poll(self, events):
        self.asked += 1
        if self.error is not None:
            raise self.error
        events.dispatch(Sampled(level=self.asked))


class Both(Library, Sampler):
    def __init__(self):
        Library.__init__(self)
        Sampler.__init__(self)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def metrics(clock):
    with Metrics(clock=clock) as it:
        yield it


def test_the_whole_chain(metrics):
    """A library's doing becomes events, events metrics, metrics an export."""
    library, exporter = Library(), InMemoryExporter()
    chained = metrics.watch(library).collect(Turns()).export_to(exporter)
    assert chained is metrics
    library.emit(TurnFinished(model="a"))
    library.emit(TurnFinished(model="a"))
    metrics.export()
    assert [str(metric) for metric in exporter.last.by_name("turns")] == ['turns{model="a"} 2']
    assert metrics.registry.find("turns")[0].value == 2


def test_what_is_passed_in_is_used_even_if_it_is_empty():
    """An empty registry is false to Python, but a registry all the same."""

    class Empty(EventDispatcher):
        def __len__(self):
            return 0

    events, registry = Empty(), InMemoryRegistry()
    metrics = Metrics(events, registry)
    assert metrics.events is events
    assert metrics.registry is registry


def test_the_clock_is_passed_on(metrics, clock):
    """To everything that is made here."""
    metrics.registry.counter("calls")
    clock.advance(10)
    assert metrics.snapshot().taken_at == clock.wall()


# -- wrong things


@pytest.mark.parametrize("thing", [5, None, "source", Turns(), NullExporter()], ids=lambda thing: type(thing).__name__)
def test_what_is_no_source_is_refused(metrics, thing):
    """The message says what a source has."""
    with pytest.raises(DefinitionError, match=r"watch\(.*\): a source has install\(events\) or poll\(events\)$"):
        metrics.watch(thing)


@pytest.mark.parametrize(
    "thing", [5, None, lambda event: None, Library(), NullExporter()], ids=lambda thing: type(thing).__name__
)
def test_what_is_no_collector_is_refused(metrics, thing):
    """The message says what a collector has."""
    with pytest.raises(DefinitionError, match=r"collect\(.*\): a collector has register\(events, registry\)$"):
        metrics.collect(thing)


@pytest.mark.parametrize("thing", [5, None, print, Library(), Turns()], ids=lambda thing: type(thing).__name__)
def test_what_is_no_exporter_is_refused(metrics, thing):
    """The message says what an exporter has."""
    with pytest.raises(DefinitionError, match=r"export_to\(.*\): an exporter has export\(snapshot\) and temporality$"):
        metrics.export_to(thing)


@pytest.mark.parametrize(
    ("verb", "thing"),
    [("watch", Library), ("watch", Sampler), ("collect", Turns), ("export_to", NullExporter), ("watch", int)],
)
def test_a_class_instead_of_an_instance_is_refused(metrics, verb, thing):
    """The message says so."""
    with pytest.raises(DefinitionError, match=rf"{verb}\(<class .*\(give an instance, not the class\)$"):
        getattr(metrics, verb)(thing)


def test_a_source_that_cannot_be_installed_is_not_kept(metrics):
    """Its error passes through."""

    class Missing:
        def install(self, events):
            raise MissingExtraError("pip install polymeter[openai]")

    missing = Missing()
    with pytest.raises(MissingExtraError):
        metrics.watch(missing)
    metrics.remove(missing)


# -- removing


def test_a_removed_source_is_uninstalled(metrics):
    """Once."""
    library = Library()
    metrics.watch(library).collect(Turns())
    assert metrics.remove(library) is metrics
    metrics.remove(library)
    library.emit(TurnFinished())
    assert metrics.registry.total("turns") == 0
    assert library.log == [f"+{id(library)}", f"-{id(library)}"]


def test_a_removed_collector_hears_nothing_and_a_removed_exporter_gets_nothing(metrics):
    """The others go on."""
    collector, exporter, other = Turns(), InMemoryExporter(), InMemoryExporter()
    metrics.collect(collector).export_to(exporter).export_to(other)
    metrics.remove(collector).remove(exporter)
    metrics.events.dispatch(TurnFinished())
    metrics.export()
    assert metrics.registry.total("turns") == 0
    assert (len(exporter.snapshots), len(other.snapshots)) == (0, 1)


def test_a_removed_sampler_is_not_asked(metrics):
    """Also one that can be installed as well."""
    sampler, both = Sampler(), Both()
    metrics.watch(sampler).watch(both).remove(sampler).remove(both)
    metrics.snapshot()
    assert (sampler.asked, both.asked, len(both.log)) == (0, 0, 2)


def test_removing_what_was_not_added_is_harmless(metrics):
    """Whatever it is; an equal thing is another thing."""

    @dataclass
    class Equal:
        temporality: str = "cumulative"
        exports: int = 0

        def export(self, snapshot):
            self.exports += 1

    added, equal = Equal(), Equal()
    metrics.export_to(added)
    metrics.remove(equal).remove(None).remove(Turns())
    metrics.export()
    assert (added.exports, equal.exports) == (1, 0)


def test_what_was_removed_can_be_added_again(metrics):
    """As if nothing had been."""
    library, collector = Library(), Turns()
    metrics.watch(library).collect(collector).remove(library).remove(collector).watch(library).collect(collector)
    library.emit(TurnFinished())
    assert metrics.registry.total("turns") == 1


# -- sources that are asked


def test_a_sampler_is_asked_before_each_snapshot(metrics):
    """So that a snapshot has its newest state."""
    sampler = Sampler()
    metrics.watch(sampler).collect(Turns())
    assert [metrics.snapshot().by_name("level")[0].value for _ in range(3)] == [1, 2, 3]
    assert sampler.asked == 3


def test_a_sampler_that_raises_is_counted_and_keeps_nobody_from_being_read(metrics):
    """The snapshot is taken all the same."""
    broken, well = Sampler(), Sampler()
    broken.error = ValueError("secret")
    metrics.watch(broken).watch(well).collect(Turns())
    metrics.registry.counter("calls")
    metrics.snapshot()
    snapshot = metrics.snapshot()
    assert well.asked == 2
    assert [metric.value for metric in snapshot.by_name("calls")] == [1]
    assert [metric.value for metric in snapshot.by_name("polymeter.polls.failed")] == [2]
    assert metrics.health().polls_failed == 2
    assert not metrics.health().is_well


def test_a_sampler_that_takes_a_snapshot_comes_to_an_end(metrics):
    """The inner one asks nobody."""
    taken = []

    class Curious:
        def poll(self, events):
            taken.append(metrics.snapshot())

    metrics.watch(Curious())
    metrics.snapshot()
    assert len(taken) == 1
    assert metrics.health().polls_failed == 0


# -- exporters that are asked


def test_a_pull_exporter_reads_the_newest_state(metrics):
    """Without an export, and with the polled sources asked."""
    exporter, sampler = PrometheusExporter(), Sampler()
    metrics.watch(sampler).collect(Turns()).export_to(exporter)
    metrics.events.dispatch(TurnFinished())
    assert 'turns_total{model="m"} 1' in exporter.render()
    metrics.events.dispatch(TurnFinished())
    assert 'turns_total{model="m"} 2' in exporter.render()
    assert sampler.asked == 2
    assert metrics.health().exporters == []


def test_a_removed_pull_exporter_reads_nothing_more(metrics):
    """It may be attached elsewhere."""
    exporter = PrometheusExporter()
    metrics.registry.counter("calls")
    metrics.export_to(exporter).remove(exporter)
    with Metrics() as other:
        other.registry.gauge("level", 5)
        other.export_to(exporter)
        rendered = exporter.render()
    assert "level 5" in rendered
    assert "calls" not in rendered


# -- being current


def test_active_makes_it_current_for_a_block(metrics):
    """For libraries that know nothing of it."""
    metrics.collect(Turns())
    finished = emitter(TurnFinished)
    with metrics.active() as events:
        assert events is current() is metrics.events
        assert finished.listening
        finished(TurnFinished())
    assert not finished.listening
    assert metrics.registry.total("turns") == 1


def test_activate_makes_it_current_for_the_process_until_it_is_closed(metrics):
    """Or until it is undone."""
    subscription = metrics.activate()
    assert current() is metrics.events
    subscription.cancel()
    assert isinstance(current(), NullDispatcher)
    metrics.activate()
    metrics.close()
    assert isinstance(current(), NullDispatcher)


# -- health


def test_at_first_everything_is_well(metrics):
    """And stays so while nothing fails."""
    exporter = InMemoryExporter()
    metrics.collect(Turns()).export_to(exporter).watch(Sampler())
    metrics.events.dispatch(TurnFinished())
    metrics.export()
    health = metrics.health()
    assert health.is_well
    assert (health.registry.applied, health.registry.records) == (2, 2)
    assert [each.handled for each in health.listeners] == [1, 1]
    assert [each.succeeded for each in health.exporters] == [1]


@pytest.mark.parametrize("what", ["record", "listener", "exporter", "poll"])
def test_any_failure_is_seen(metrics, what):
    """Wherever it happened."""
    sampler = Sampler()
    metrics.watch(sampler)
    if what == "record":
        metrics.registry.counter("calls", increment=-1)
    elif what == "listener":
        metrics.collect(Broken())
        metrics.events.dispatch(TurnFinished())
    elif what == "exporter":
        metrics.export_to(InMemoryExporter(keep=1))
        metrics.registry.snapshot = None  # nothing can be read any more
        with pytest.raises(TypeError):
            metrics.export()
        del metrics.registry.snapshot
        failing = InMemoryExporter()
        failing.export = lambda snapshot: 1 / 0
        metrics.export_to(failing)
        with pytest.raises(ExportError):
            metrics.export()
    else:
        sampler.error = ValueError()
        metrics.snapshot()
    assert not metrics.health().is_well


def test_parts_of_your_own_need_no_health():
    """What they do not say is left out."""

    class Dispatcher:
        dispatch = add_listener = emitter = None

    class Registry:
        def __init__(self):
            self.kept = AggregatingRegistry()

        def snapshot(self):
            return self.kept.snapshot()

    metrics = Metrics(Dispatcher(), Registry())
    assert (metrics.health().registry, metrics.health().listeners, metrics.health().is_well) == (None, [], True)
    assert metrics.snapshot().taken_at > 0


def test_failures_are_among_the_self_metrics(metrics):
    """With the names of those that failed, and a sentence for each metric."""
    metrics.collect(Broken())
    for _ in range(7):
        metrics.events.dispatch(TurnFinished())
    snapshot = metrics.snapshot()
    (failed,) = snapshot.by_name("polymeter.listeners.failed")
    (held_back,) = snapshot.by_name("polymeter.listeners.held_back")
    assert (failed.value, held_back.value) == (5, 2)
    assert failed.tags["event"] == "TurnFinished"
    assert failed.tags["listener"].endswith("Broken.finished")
    assert all(snapshot.definitions[name].help for name in snapshot.names() if name.startswith("polymeter."))
    assert metrics.registry.find("polymeter.listeners.failed") == []


def test_a_self_metric_never_falls(metrics):
    """Not even when the one that failed is removed."""
    first, second = Broken(), Broken()
    metrics.collect(first).collect(second)
    metrics.events.dispatch(TurnFinished())
    before = sum(metric.value for metric in metrics.snapshot().by_name("polymeter.listeners.failed"))
    metrics.remove(first)
    after = sum(metric.value for metric in metrics.snapshot().by_name("polymeter.listeners.failed"))
    assert after >= before


def test_clear_forgets_values_and_keeps_the_wiring(metrics):
    """The next event counts from nothing."""
    metrics.collect(Turns())
    metrics.events.dispatch(TurnFinished())
    metrics.clear()
    assert metrics.registry.total("turns") == 0
    metrics.events.dispatch(TurnFinished())
    assert metrics.registry.total("turns") == 1


# -- closing


def test_close_exports_uninstalls_and_stops(metrics):
    """What happened until then is in the last export; the library is left as it was found."""
    library, exporter = Library(), InMemoryExporter()
    metrics.watch(library).collect(Turns()).export_to(exporter).every(3600)
    library.emit(TurnFinished())
    metrics.close()
    library.emit(TurnFinished())
    assert [metric.value for metric in exporter.last.by_name("turns")] == [1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("polymeter")]


def test_closing_twice_is_closing_once(metrics):
    """Nobody is exported to or uninstalled again."""
    library, exporter = Library(), InMemoryExporter()
    metrics.watch(library).export_to(exporter)
    metrics.close()
    metrics.close()
    assert (len(exporter.snapshots), len(library.log)) == (1, 2)


def test_reads_still_work_after_closing(metrics):
    """And exports by hand."""
    exporter = InMemoryExporter()
    metrics.collect(Turns()).export_to(exporter)
    metrics.events.dispatch(TurnFinished())
    metrics.close()
    assert metrics.registry.total("turns") == 1
    assert [metric.value for metric in metrics.snapshot().by_name("turns")] == [1]
    metrics.export()
    assert len(exporter.snapshots) == 2
    assert metrics.health().is_well


def test_what_uninstalling_ends_is_in_the_last_export(metrics):
    """As when a source ends the calls that are in flight."""

    class Flying(Library):
        def uninstall(self):
            self.emit(TurnFinished(model="abandoned"))

    exporter = InMemoryExporter()
    metrics.collect(Turns()).watch(Flying()).export_to(exporter)
    metrics.close()
    assert [str(metric) for metric in exporter.last.by_name("turns")] == ['turns{model="abandoned"} 1']


def test_samplers_are_asked_for_the_last_export_and_then_no_more(metrics):
    """A program that never exports in between has their state all the same."""
    exporter, sampler = InMemoryExporter(), Sampler()
    metrics.watch(sampler).collect(Turns()).export_to(exporter)
    metrics.close()
    assert [metric.value for metric in exporter.last.by_name("level")] == [1]
    metrics.snapshot()
    assert sampler.asked == 1


def test_sources_are_uninstalled_the_last_first(metrics):
    """As they were put on top of each other."""
    log = []
    sources = [Library(log) for _ in range(3)]
    for source in sources:
        metrics.watch(source)
    metrics.close()
    assert log == [f"+{id(each)}" for each in sources] + [f"-{id(each)}" for each in reversed(sources)]


def test_closing_never_raises_and_does_all_it_can(metrics, caplog):
    """A source that cannot be undone, a poll and an exporter that fail: the rest is closed all the same."""

    class Stuck(Library):
        def uninstall(self):
            raise RuntimeError("secret")

    library, sampler, exporter, failing = Library(), Sampler(), InMemoryExporter(), InMemoryExporter()
    sampler.error = ValueError("secret")
    failing.export = lambda snapshot: 1 / 0
    metrics.watch(library).watch(Stuck()).watch(sampler).export_to(failing).export_to(exporter).every(3600)
    metrics.close()
    assert len(library.log) == 2
    assert len(exporter.snapshots) == 1
    assert "Stuck could not be uninstalled: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_closing_does_not_raise_if_nothing_can_be_read():
    """The sources are uninstalled before."""

    class Unreadable:
        def snapshot(self):
            raise RuntimeError

    library = Library()
    metrics = Metrics(registry=Unreadable()).watch(library).export_to(InMemoryExporter())
    metrics.close()
    assert len(library.log) == 2


def test_a_block_closes_however_it_ends(clock):
    """The exception passes through."""
    library, exporter = Library(), InMemoryExporter()
    metrics = Metrics(clock=clock).watch(library).export_to(exporter)
    with pytest.raises(ValueError, match="out"), metrics:
        raise ValueError("out")
    assert (len(library.log), len(exporter.snapshots)) == (2, 1)


def test_an_asynchronous_block_closes_without_holding_the_loop_up(clock):
    """Other tasks run while the last export is under way."""
    library = Library()
    exported = threading.Event()

    class Slow(InMemoryExporter):
        def export(self, snapshot):
            assert exported.wait(PATIENCE)  # for a task of the loop that is closing us
            super().export(snapshot)

    slow = Slow()

    async def main():
        async with Metrics(clock=clock) as metrics:
            metrics.watch(library).export_to(slow)
            asyncio.get_running_loop().call_soon(exported.set)
            exported.clear()
        return metrics

    metrics = asyncio.run(main())
    assert (len(library.log), len(slow.snapshots)) == (2, 1)
    asyncio.run(metrics.aclose())
    assert len(slow.snapshots) == 1


def test_what_is_to_happen_at_the_end_happens_once_after_the_last_export_the_last_first(caplog):
    log = []
    metrics = Metrics().export_to(CallbackExporter(lambda _: log.append("export")))
    metrics.on_close(partial(log.append, "first")).on_close(lambda: 1 / 0).on_close(partial(log.append, "last"))
    metrics.close()
    metrics.close()
    assert log == ["export", "last", "first"]
    assert "could not be called at the end: ZeroDivisionError" in caplog.text


async def _closed_on_a_loop(log):
    metrics = Metrics().on_close(lambda: log.append(threading.current_thread() is threading.main_thread()))
    await metrics.aclose()


def test_it_holds_up_no_event_loop():
    log = []
    asyncio.run(_closed_on_a_loop(log))
    assert log == [False]
