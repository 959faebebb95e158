"""Durable: what a record says is there for all others before the call that made it returns."""

from __future__ import annotations

import threading

import pytest

from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
from polymeter.registries.shared.durable import Telling
from tests.registries.shared.workers import Worker, opened


class Turn:
    def __init__(self, name, took):
        self.name, self.took = name, took


class TurnMetrics(MetricsCollector):
    turns = measure.counter("turns", on=Turn, tags=("name",))
    took = measure.timer("took_ms", on=Turn, value="took", tags=("name",))


@pytest.fixture
def other(tmp_path):
    with opened(tmp_path) as registry:
        yield registry


@pytest.fixture
def durable(tmp_path, other):
    with opened(tmp_path, durable=True) as registry:
        yield registry


def test_a_telling_list_tells_after_each_record():
    told = []
    records = Telling(lambda: told.append(len(records)))
    for number in range(3):
        records.append(number)
    assert records == [0, 1, 2]
    assert told == [1, 2, 3]


VERBS = {
    "counter": (lambda it: it.counter("m", {"a": 1}), lambda it: it.get("m", {"a": 1}).value),
    "up_down": (lambda it: it.up_down("m", 1, {"a": 1}), lambda it: it.get("m", {"a": 1}).value),
    "histogram": (lambda it: it.histogram("m", 2.5, {"a": 1}), lambda it: it.get("m", {"a": 1}).count),
    "timer": (lambda it: it.timer("m_ms", 2.5, {"a": 1}), lambda it: it.get("m_ms", {"a": 1}).count),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_record_by_name_is_published_at_once(durable, other, verb):
    record, count = VERBS[verb]
    for times in range(1, 5):
        record(durable)
        assert count(other) == times


def test_a_reading_of_a_gauge_is_published_at_once(durable, other):
    for value in (5, 3, 7.5):
        durable.gauge("level", value)
        assert other.get("level").value == value


def test_each_record_on_a_bound_series_is_published_at_once(durable, other):
    calls, took = durable.bind("counter", "calls"), durable.bind("timer", "took_ms")
    level, count = durable.bind("gauge", "level"), durable.bind("up_down", "count")
    for times in range(1, 5):
        calls.add(2)
        took.record(1.5)
        level.set(times)
        count.add(-1)
        assert other.get("calls").value == 2 * times
        assert other.get("took_ms").count == times
        assert other.get("level").value == times
        assert other.get("count").value == -times


def test_what_a_compiled_collector_records_is_published_at_once(durable, other):
    metrics = Metrics(registry=durable).collect(TurnMetrics())
    for times in range(1, 5):
        metrics.events.dispatch(Turn("a", 1.5))
        assert other.get("turns", {"name": "a"}).value == times
        assert other.get("took_ms", {"name": "a"}).count == times
    metrics.close()


def test_an_exemplar_is_published_with_the_next_record(durable, other):
    durable.counter("calls")
    durable.exemplar("counter", "calls", 1, {"trace_id": "a"})
    durable.counter("calls")
    assert [each.labels["trace_id"] for each in other.get("calls").exemplars] == ["a"]


def test_a_series_that_comes_back_after_its_end_is_published_at_once(durable, other):
    bound = durable.bind("counter", "calls")
    bound.add()
    durable.forget("calls")
    bound.add()
    assert other.get("calls").value == 1
    assert other.total("calls") == 2
    durable.clear()
    bound.add()
    assert other.total("calls") == 1


def test_threads_find_their_records_published_when_their_calls_return(durable, other):
    wrong = []

    def work(number):
        mine = durable.bind("counter", "bound", {"thread": number})
        for times in range(1, 25):
            mine.add()
            durable.counter("named", {"thread": number})
            for name in ("bound", "named"):
                seen = other.get(name, {"thread": number}).value
                if seen < times:
                    wrong.append((number, name, times, seen))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert other.total("bound") == other.total("named") == 96


@pytest.mark.parametrize(
    "record",
    [
        "registry.counter('calls')",
        "registry.bind('counter', 'calls').add()",
        "metrics.events.dispatch(Turn())",
    ],
)
def test_a_process_that_is_killed_right_after_a_record_has_lost_nothing(tmp_path, other, record):
    before = """
from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
class Turn: pass
class TurnMetrics(MetricsCollector):
    turns = measure.counter("calls", on=Turn)
"""
    for times in range(1, 3):
        with Worker(tmp_path, before=before, durable=True) as worker:
            worker.do("metrics = Metrics(registry=registry).collect(TurnMetrics())")
            for _ in range(7):
                assert "Error" not in str(worker.do(record))
            worker.kill()
        assert other.total("calls") == 7 * times


def test_no_thread_is_needed(durable):
    import _thread

    before = _thread._count()
    durable.counter("calls")
    durable.bind("timer", "took_ms").record(1)
    assert _thread._count() == before
