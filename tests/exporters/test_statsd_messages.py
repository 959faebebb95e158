"""Events, service checks and sets: with the next export, in order, and never at the cost of whoever reports them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from polymeter import Metrics
from polymeter.data import Counter
from polymeter.errors import DefinitionError, InvalidMetricError
from polymeter.events import Event
from polymeter.exporters import StatsDExporter
from polymeter.testing import ManualClock
from tests.exporters.statsd_fixtures import Pair


@dataclass(slots=True, kw_only=True)
class JobFailed(Event):
    """A job that came to nothing."""

    name: str


def test_they_leave_before_the_metrics_of_the_next_export_once():
    with Pair() as pair:
        pair.exporter.event("deployed", "1.5", at=7)
        pair.exporter.service_check("db.up", "critical", at=8)
        pair.exporter.set("users", "ada", {"room": "a"})
        assert pair.receiver.packets() == []
        assert pair.lines([Counter("a", 1)]) == [
            "_e{8,3}:deployed|1.5|d:7",
            "_sc|db.up|2|d:8",
            "users:ada|s|#room:a",
            "a:1|c",
        ]
        assert pair.lines([Counter("a", 1)]) == ["a:1|c"]


def test_they_say_when_they_were_reported():
    clock = ManualClock()
    with Pair(clock=clock) as pair:
        pair.exporter.event("a", "b")
        pair.exporter.service_check("c", "ok")
        then = int(clock.wall())
        clock.advance(100)
        assert pair.lines([]) == [f"_e{{1,1}}:a|b|d:{then}", f"_sc|c|0|d:{then}"]


def test_the_length_of_an_event_is_that_of_its_bytes_and_lines_are_two_characters():
    with Pair() as pair:
        pair.exporter.event("é", "a\r\nb", at=1)
        assert pair.lines([]) == ["_e{2,4}:é|a\\nb|d:1"]


def test_tags_of_everything_are_on_them_too():
    with Pair(tags={"env": "prod"}, container_id="ci-1", cardinality="low") as pair:
        pair.exporter.event("a", "b", at=1, tags={"x": 1})
        pair.exporter.service_check("c", "ok", at=1, message="said m: it", tags={"env": "own"})
        assert pair.lines([]) == [
            "_e{1,1}:a|b|d:1|#x:1,env:prod|c:ci-1|card:low",
            "_sc|c|0|d:1|#env:own|m:said m\\: it|c:ci-1|card:low",
        ]


def test_an_event_may_be_larger_than_a_packet():
    """Up to 8 kB, in one of its own."""
    with Pair() as pair:
        pair.exporter.event("a", "b" * 5000, at=1)
        assert [len(packet) > 5000 for packet in pair.sent([Counter("a", 1)])] == [True, False]


def test_an_event_of_the_program_becomes_one_of_datadogs_by_a_listener():
    with Pair() as pair:
        metrics = Metrics().export_to(pair.exporter)
        metrics.events.add_listener(JobFailed, lambda event: pair.exporter.event("job failed", event.name, at=event.at))
        metrics.events.dispatch(JobFailed(name="nightly", at=5.0))
        metrics.export()
        assert pair.receiver.lines()[0] == "_e{10,7}:job failed|nightly|d:5"
        metrics.close()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda exporter: exporter.event("a", "b", priority="high"), "priority='high': use one of 'normal', 'low'"),
        (lambda exporter: exporter.event("a", "b", alert_type="bad"), "alert_type='bad'"),
        (lambda exporter: exporter.service_check("a", "fine"), "status='fine': use one of 'ok', 'warning'"),
    ],
)
def test_a_word_that_there_is_not_is_refused(call, says):
    with pytest.raises(DefinitionError, match=says):
        call(StatsDExporter("127.0.0.1:9"))


def test_only_datadog_has_events_and_checks():
    exporter = StatsDExporter("127.0.0.1:9", dialect="etsy")
    for call in (lambda: exporter.event("a", "b"), lambda: exporter.service_check("a", "ok")):
        with pytest.raises(DefinitionError, match="only the dialect 'datadog'"):
            call()


def test_sets_are_in_every_dialect_and_their_names_and_tags_are_checked():
    with Pair(dialect="graphite") as pair:
        pair.exporter.set("users", 5, {"room": "a"})
        assert pair.lines([]) == ["users;room=a:5|s"]
    with pytest.raises(InvalidMetricError):
        StatsDExporter("127.0.0.1:9").set("", 5)
