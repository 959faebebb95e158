"""What becomes of metrics in StatsD, and in each of its dialects."""

from __future__ import annotations

import logging
import math

import pytest

from polymeter import Metrics
from polymeter.data import Counter, Gauge, Histogram, MetricDefinition, Snapshot, Timer, UpDownCounter
from polymeter.errors import DefinitionError
from polymeter.exporters import StatsDExporter
from tests.exporters.statsd_fixtures import Pair, lines
from tests.exporters.statsd_reading import lines_of

TAGS = {"queue": "night shift", "n": 2}
METRICS = [
    Counter("jobs.done", 3, TAGS),
    UpDownCounter("jobs.active", -2, TAGS),
    Gauge("queue.length", 7.5, TAGS),
    Histogram("answer.size_bytes", 77, TAGS),
    Timer("jobs.duration_seconds", 0.25, TAGS),
]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (
            "datadog",
            [
                "jobs.done:3|c|#n:2,queue:night_shift",
                "answer.size_bytes:77|h|#n:2,queue:night_shift",
                "jobs.duration_ms:250|ms|#n:2,queue:night_shift",
                "jobs.active:-2|g|#n:2,queue:night_shift",
                "queue.length:7.5|g|#n:2,queue:night_shift",
            ],
        ),
        (
            "etsy",
            [
                "jobs.done.n.2.queue.night_shift:3|c",
                "answer.size_bytes.n.2.queue.night_shift:77|ms",
                "jobs.duration_ms.n.2.queue.night_shift:250|ms",
                "jobs.active.n.2.queue.night_shift:0|g",
                "jobs.active.n.2.queue.night_shift:-2|g",
                "queue.length.n.2.queue.night_shift:7.5|g",
            ],
        ),
        (
            "graphite",
            [
                "jobs.done;n=2;queue=night_shift:3|c",
                "answer.size_bytes;n=2;queue=night_shift:77|ms",
                "jobs.duration_ms;n=2;queue=night_shift:250|ms",
                "jobs.active;n=2;queue=night_shift:0|g",
                "jobs.active;n=2;queue=night_shift:-2|g",
                "queue.length;n=2;queue=night_shift:7.5|g",
            ],
        ),
        (
            "influx",
            [
                "jobs.done,n=2,queue=night_shift:3|c",
                "answer.size_bytes,n=2,queue=night_shift:77|h",
                "jobs.duration_ms,n=2,queue=night_shift:250|ms",
                "jobs.active,n=2,queue=night_shift:0|g",
                "jobs.active,n=2,queue=night_shift:-2|g",
                "queue.length,n=2,queue=night_shift:7.5|g",
            ],
        ),
        (
            "librato",
            [
                "jobs.done#n=2,queue=night_shift:3|c",
                "answer.size_bytes#n=2,queue=night_shift:77|ms",
                "jobs.duration_ms#n=2,queue=night_shift:250|ms",
                "jobs.active#n=2,queue=night_shift:0|g",
                "jobs.active#n=2,queue=night_shift:-2|g",
                "queue.length#n=2,queue=night_shift:7.5|g",
            ],
        ),
        (
            "signalfx",
            [
                "jobs.done[n=2,queue=night_shift]:3|c",
                "answer.size_bytes[n=2,queue=night_shift]:77|ms",
                "jobs.duration_ms[n=2,queue=night_shift]:250|ms",
                "jobs.active[n=2,queue=night_shift]:0|g",
                "jobs.active[n=2,queue=night_shift]:-2|g",
                "queue.length[n=2,queue=night_shift]:7.5|g",
            ],
        ),
        (
            "none",
            [
                "jobs.done:3|c",
                "answer.size_bytes:77|ms",
                "jobs.duration_ms:250|ms",
                "jobs.active:0|g",
                "jobs.active:-2|g",
                "queue.length:7.5|g",
            ],
        ),
    ],
)
def test_each_dialect_writes_every_kind(dialect, expected):
    """Counts first, then levels; a negative level follows a zero where a sign alone would change the level."""
    assert lines(METRICS, dialect=dialect) == expected


def test_a_count_leaves_as_what_came_since_the_last_export_and_nothing_is_no_line():
    with Pair() as pair:
        metrics = Metrics().export_to(pair.exporter)
        for amount, expected in [(3, ["a:3|c"]), (4, ["a:4|c"]), (0, [])]:
            metrics.registry.counter("a", increment=amount)
            metrics.export()
            assert [line for line in pair.receiver.lines() if line.startswith("a:")] == expected
        metrics.close()


def test_a_level_leaves_each_time():
    """A server may forget what it does not hear of."""
    with Pair() as pair:
        metrics = Metrics().export_to(pair.exporter)
        metrics.registry.gauge("g", 4)
        for _ in range(2):
            metrics.export()
            assert "g:4|g" in pair.receiver.lines()
        metrics.close()


@pytest.mark.parametrize(
    ("value", "datadog", "etsy"),
    [
        (10**30, str(10**30), str(10**30)),
        (1e-7, "1e-07", "0.0000001"),
        (1e22, "1e+22", "1" + "0" * 22),
        (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
    ],
)
def test_numbers_have_all_their_digits(value, datadog, etsy):
    assert lines([Counter("a", value)]) == [f"a:{datadog}|c"]
    assert lines([Counter("a", value)], dialect="etsy") == [f"a:{etsy}|c"]


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (Counter("a" * 150, 1, {"long": "x" * 190, "longer": "y" * 190}), {"too_long": 1}),
        (Gauge("never.set", math.nan), {}),
    ],
    ids=["too long", "never set"],
)
def test_what_cannot_be_a_line_is_left_out_and_counted(metric, why, caplog):
    """Never cut off; said once."""
    with Pair(packet_size=300) as pair:
        for _ in range(2):
            assert pair.lines([metric, Counter("b", 1)]) == ["b:1|c"]
        assert pair.exporter.dropped == {reason: 2 * times for reason, times in why.items()}
    assert len(caplog.records) == len(why)


def test_an_observation_below_zero_is_none_to_a_server_that_takes_only_durations():
    """Counted, as it would be lost there."""
    with Pair(dialect="etsy") as pair:
        assert pair.lines([Histogram("a", -5), Histogram("b", 5)]) == ["b:5|ms"]
        assert pair.exporter.dropped == {"negative": 1}
    assert lines([Histogram("a", -5)]) == ["a:-5|h"]


@pytest.mark.parametrize("seconds", [1.7e308, int(1.7e308), -1.7e308, 1e-320])
@pytest.mark.parametrize("exact", [False, True])
def test_what_no_float_can_hold_in_milliseconds_harms_nothing_else(seconds, exact):
    with Pair(exact=exact, dialect="datadog") as pair:
        metrics = Metrics().export_to(pair.exporter)
        metrics.registry.define("h", "histogram", unit="s")
        metrics.registry.histogram("h", seconds)
        metrics.registry.timer("t_seconds", abs(seconds))
        metrics.registry.counter("a")
        metrics.export()
        read = pair.receiver.packets()
        assert "a" in {line.name for line in lines_of(read)}
        metrics.close()


@pytest.mark.parametrize("types", [("ms", "h"), ("h", "d"), ("d", "ms")])
def test_the_types_of_timers_and_histograms_are_a_choice(types):
    """A timer that is no timing reads in its own unit, under its own name."""
    timers, histograms = types
    timer, histogram = lines([Timer("t_seconds", 0.25), Histogram("b", 5)], timers=timers, histograms=histograms)
    assert timer == ("t_ms:250|ms" if timers == "ms" else f"t_seconds:0.25|{timers}")
    assert histogram == f"b:5|{histograms}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.duration_seconds", "a.duration_ms"),
        ("a.duration.seconds", "a.duration.ms"),
        ("a.duration_ms", "a.duration_ms"),
        ("a.duration_us", "a.duration_ms"),
        ("seconds", "seconds"),
        ("a.wait", "a.wait"),
    ],
)
def test_the_name_of_a_timing_does_not_speak_of_another_unit(name, said):
    assert lines([Timer(name, 1, unit="ms")]) == [f"{said}:1|ms"]
    with Pair() as pair:
        assert pair.exporter.names(MetricDefinition.of(name, "timer", unit="ms")) == (said,)


def test_a_prefix_goes_before_every_name():
    assert lines([Counter("a", 1)], prefix="shop") == ["shop.a:1|c"]
    assert lines([Counter("a", 1)], prefix="shop.") == ["shop.a:1|c"]


def test_constant_tags_are_on_everything_and_those_of_a_metric_win():
    sent = lines([Counter("a", 1, {"env": "own"}), Counter("b", 1)], tags={"team": "x", "env": "prod"})
    assert sent == ["a:1|c|#env:own,team:x", "b:1|c|#team:x,env:prod"]


def test_tags_of_the_resource_are_shown_if_asked_for_as_datadog_calls_them():
    snapshot = Metrics().registry.snapshot()
    resource = type(snapshot.resource).of({"service.name": "shop", "host": "h", "secret": "s"})
    shown = Snapshot([Counter("a", 1)], resource=resource)
    assert lines(shown, resource_tags=["service.name", "host"]) == ["a:1|c|#host:h,service:shop"]
    assert lines(shown, resource_tags=["service.name"], dialect="graphite") == ["a;service.name=shop:1|c"]
    assert lines(shown) == ["a:1|c"]


def test_a_tag_without_text_is_left_out():
    assert lines([Counter("a", 1, {"empty": "", "b": 1})]) == ["a:1|c|#b:1"]


def test_counts_and_levels_say_when_they_were_true_if_asked_to():
    """Whole seconds; observations never do."""
    metrics = [Counter("a", 1, timestamp=1_700_000_060.9), Gauge("g", 1, timestamp=1_700_000_061.2), Histogram("h", 1)]
    assert lines(metrics, timestamps=True) == ["a:1|c|T1700000060", "h:1|h", "g:1|g|T1700000061"]
    assert lines([Counter("a", 1)], timestamps=True) == ["a:1|c"]  # of no time


def test_the_fields_of_the_origin_come_in_their_order(monkeypatch):
    monkeypatch.setenv("DD_EXTERNAL_ENV", "it-false,cn-nginx,pu-1")
    sent = lines([Counter("a", 1, {"b": 2}, timestamp=5)], container_id="ci-1", cardinality="low", timestamps=True)
    assert sent == ["a:1|c|#b:2|c:ci-1|e:it-false,cn-nginx,pu-1|card:low|T5"]


@pytest.mark.parametrize(
    ("rule", "value"), [("max", 7), ("min", 2), ("sum", 12), ("latest", 3), (None, 3), ("per_process", 3)]
)
def test_levels_that_a_server_cannot_tell_apart_are_combined_as_defined(rule, value):
    """It would keep whichever comes last."""
    gauges = [Gauge("g", number, {"a": number}, timestamp=at) for number, at in [(2, 1), (7, 2), (3, 3)]]
    gauges.append(Gauge("g", math.nan, {"a": 0}, timestamp=9))
    definitions = {"g": MetricDefinition.of("g", "gauge", combine=rule)}
    assert lines(Snapshot(gauges, definitions=definitions), dialect="none") == [f"g:{value}|g"]
    assert lines([UpDownCounter("u", 2, {"a": 1}), UpDownCounter("u", 3, {"a": 2})], dialect="none") == ["u:5|g"]


def test_counts_that_a_server_cannot_tell_apart_are_added_up_by_it():
    assert lines([Counter("c", 2, {"a": 1}), Counter("c", 3, {"a": 2})], dialect="none") == ["c:2|c", "c:3|c"]


def test_two_names_that_become_one_are_told_of_once(caplog):
    with Pair() as pair:
        for _ in range(3):
            pair.lines([Counter("a-b", 1), Counter("a b", 1)])
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "'a-b' and 'a b'" in record.message


def test_long_names_that_differ_at_their_end_go_on_differing():
    one, other = lines([Counter("a" * 300 + "b", 1), Counter("a" * 300 + "c", 1)])
    assert one != other
    assert len(one) == len(other) == 200 + len(":1|c")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dialect": "carbon"}, "dialect 'carbon'.*'datadog'"),
        ({"timers": "c"}, "type 'c'.*'ms', 'h' or 'd'"),
        ({"packet_size": 10}, "10 bytes.*1432"),
        ({"packet_size": 70_000}, "70000 bytes"),
        ({"repeats": -1}, "repeats=-1"),
        ({"refresh": 0}, "refresh=0"),
        ({"timestamps": True, "dialect": "etsy"}, "timestamps=True.*'etsy'"),
        ({"cardinality": "much"}, "cardinality='much'.*orchestrator"),
        ({"container_id": "a|b"}, "ends a field"),
        ({"tags": {"": 1}}, "constant tags"),
        ({"tags": ["a:b"]}, "constant tags"),
        ({"exact": 0}, "exact=0"),
        ({"address": "http://x"}, "scheme 'http'"),
        ({"address": "host:x"}, "host or a port"),
        ({"address": "host:0"}, "host and a port"),
        ({"address": "unix://relative"}, "three slashes"),
        ({"address": ""}, "is not one"),
        ({"address": "a b"}, "is not one"),
        ({"address": "udp://user@host:1"}, "host and a port"),
    ],
)
def test_what_cannot_be_is_refused_when_the_exporter_is_made(options, says):
    with pytest.raises(DefinitionError, match=says):
        StatsDExporter(**options)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("localhost", "udp://localhost:8125"),
        ("localhost:9", "udp://localhost:9"),
        ("::1", "udp://[::1]:8125"),
        ("[::1]:9", "udp://[::1]:9"),
        ("udp://h:9", "udp://h:9"),
        ("TCP://h:9/", "tcp://h:9"),
        ("/var/run/s.sock", "unix:///var/run/s.sock"),
        ("unixstream:///s", "unixstream:///s"),
        ("unixgram:///s", "unixgram:///s"),
    ],
)
def test_an_address_can_be_written_in_many_ways(address, shown):
    assert repr(StatsDExporter(address)) == f"StatsDExporter('{shown}')"
