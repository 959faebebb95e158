"""``exact=True``: each observation as it was made, as long as there is room for it."""

from __future__ import annotations

import random
import threading

import pytest

from polymeter import Metrics
from polymeter.errors import DefinitionError, ExportError
from polymeter.exporters import StatsDExporter
from polymeter.registries import AggregatingRegistry, InMemoryRegistry
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.exporters.statsd_reading import lines_of, observed
from tests.exporters.statsd_receivers import Udp, UnixDatagrams


class Exact:
    """A facade that delivers what it observes to a receiver."""

    def __init__(self, receiver=None, exact=True, **options):
        self.receiver = receiver or Udp()
        self.exporter = StatsDExporter(self.receiver.address, exact=exact, origin_detection=False)
        self.metrics = Metrics(**options).export_to(self.exporter)
        self.registry = self.metrics.registry

    def sent(self, name, packets=None):
        """Export, and give the values of a name with their weights."""
        self.metrics.export()
        return self.came(name, packets)

    def came(self, name, packets=None):
        return observed(lines_of(self.receiver.packets(packets)), name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.metrics.close()
        self.receiver.close()


def of_one(values):
    return sorted((value, 1) for value in values)


def test_every_observation_leaves_as_it_was_made_once():
    chance = random.Random(1)
    with Exact() as it:
        for count in (3, 700, 0, 1):
            values = [round(chance.lognormvariate(2, 2), 6) for _ in range(count)]
            for value in values:
                it.registry.timer("t_ms", value, {"a": 1})
            assert it.sent("t_ms") == of_one(values)
        assert it.exporter.inexact == 0


def test_series_do_not_get_in_each_others_way():
    with Exact() as it:
        for number in range(300):
            it.registry.histogram("h", number + 0.5, {"n": number % 3})
        it.metrics.export()
        lines = [line for line in lines_of(it.receiver.packets()) if line.name == "h"]
    for rest in range(3):
        values = [value for line in lines if line.tags == (("n", str(rest)),) for value in line.values]
        assert values == [number + 0.5 for number in range(300) if number % 3 == rest]


def test_what_does_not_fit_leaves_as_the_buckets_say_it_and_is_counted():
    """The count is exact all the same; and once there is room again, so is the rest."""
    with Exact(exact=100) as it:
        for number in range(1000):
            it.registry.histogram("h", 1000 + number)
        sent = it.sent("h")
        assert sum(weight for _, weight in sent) == 1000
        assert it.exporter.inexact == 1000
        for _ in range(2):
            it.registry.histogram("h", 1.25)
            it.registry.histogram("h", 1.375)
            assert it.sent("h") == of_one([1.25, 1.375])
        assert it.exporter.inexact == 1000


def test_what_was_observed_before_anybody_listened_is_in_buckets():
    registry = AggregatingRegistry()
    registry.histogram("h", 1000.5)
    registry.histogram("h", 1010.5)
    assert registry.total("h") == 2011
    with Exact(registry=registry) as it:
        registry.histogram("h", 7.5)
        assert [value for value, _ in it.sent("h")] == pytest.approx([7.5, 1000.5, 1010.5], rel=0.01)
        assert it.exporter.inexact == 3
        registry.histogram("h", 7.5)
        assert it.sent("h") == [(7.5, 1)]
        assert it.exporter.inexact == 3


def test_a_cleared_registry_begins_anew():
    """What it had before is forgotten there as well."""
    with Exact() as it:
        it.registry.histogram("h", 1.5)
        len(it.registry)
        it.registry.clear()
        it.registry.histogram("h", 2.5)
        assert it.sent("h") == [(2.5, 1)]
        it.registry.clear()
        it.registry.histogram("h", 3.5)
        assert it.sent("h") == [(3.5, 1)]


def test_what_could_not_be_sent_waits(tmp_path):
    """In the order in which it was observed, with what came meanwhile."""
    with Exact(UnixDatagrams(tmp_path / "s")) as it:
        it.registry.histogram("h", 1.5)
        it.receiver.close()
        with pytest.raises(ExportError):
            it.metrics.export()
        it.registry.histogram("h", 2.5)
        it.receiver = UnixDatagrams(tmp_path / "s")
        assert it.sent("h") == of_one([1.5, 2.5])
        assert it.exporter.inexact == 0


def test_after_a_part_was_sent_each_observation_comes_once(tmp_path):
    with Exact(UnixDatagrams(tmp_path / "s")) as it:
        it.metrics.every(3600, timeout=0.05)
        values = [number + 0.5 for number in range(60_000)]
        for value in values[:50_000]:
            it.registry.histogram("h", value)
        with pytest.raises(ExportError):
            it.metrics.export()
        got = it.receiver.packets()
        for value in values[50_000:]:
            it.registry.histogram("h", value)
        it.metrics.every(3600, timeout=10)
        done = threading.Event()

        def read_on():
            while not done.is_set():
                got.extend(it.receiver.packets())

        reading = threading.Thread(target=read_on)
        reading.start()
        it.metrics.export()
        done.set()
        reading.join()
        got += it.receiver.packets()
        assert observed(lines_of(got), "h") == of_one(values)
        assert it.exporter.inexact == 0


def test_other_threads_may_record_meanwhile():
    """No observation is lost or comes twice; the counts are exact, and so is what could be kept."""
    with Exact() as it:
        it.receiver.packets()

        def record(first):
            for number in range(5000):
                it.registry.histogram("h", first + number)

        threads = [threading.Thread(target=record, args=(first,)) for first in (100_000, 200_000)]
        for thread in threads:
            thread.start()
        sent = []
        while any(thread.is_alive() for thread in threads):
            sent += it.sent("h")
        for thread in threads:
            thread.join()
        sent += it.sent("h")
        assert sum(weight for _, weight in sent) == 10_000
        if not it.exporter.inexact:
            truth = [first + number for first in (100_000, 200_000) for number in range(5000)]
            assert sorted(value for value, _ in sent) == truth


def test_a_forked_child_sends_its_own():
    with Exact() as it:
        it.registry.histogram("h", 1.5)
        len(it.registry)

        def child():
            it.registry.histogram("h", 2.5)
            it.metrics.export()

        assert answer_of_a_child(child) is None
        assert it.came("h", 1) == [(2.5, 1)]
        assert it.sent("h", 1) == [(1.5, 1)]


def test_a_registry_that_cannot_be_tapped_is_refused():
    with pytest.raises(DefinitionError, match="InMemoryRegistry cannot"):
        Metrics(registry=InMemoryRegistry()).export_to(StatsDExporter(exact=True))


def test_by_hand_without_a_registry_buckets_have_to_do():
    receiver = Udp()
    exporter = StatsDExporter(receiver.address, exact=True, origin_detection=False)
    registry = AggregatingRegistry()
    registry.histogram("h", 5)
    registry.histogram("h", 6)
    exporter.export(registry.all())
    assert [value for value, _ in observed(lines_of(receiver.packets()), "h")] == pytest.approx([5, 6], rel=0.01)
    assert exporter.inexact == 2
    exporter.close()
    receiver.close()


def test_a_registry_that_nobody_taps_gives_nothing_away():
    """And after the exporter was removed, it does no longer."""
    it = Exact()
    assert it.registry.tap is not None
    it.metrics.remove(it.exporter)
    assert it.registry.tap is None
    it.metrics.close()
    it.receiver.close()


def test_two_exporters_may_tap_one_registry():
    with Exact() as it:
        other = Udp()
        second = StatsDExporter(other.address, exact=True, origin_detection=False)
        it.metrics.export_to(second)
        it.registry.histogram("h", 1.5)
        assert it.sent("h") == [(1.5, 1)]
        assert observed(lines_of(other.packets()), "h") == [(1.5, 1)]
        other.close()
