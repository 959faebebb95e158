"""The same bytes as Datadog's own client sends, where it sends the same thing."""

from __future__ import annotations

import pytest
from datadog.dogstatsd.base import DogStatsd

from polymeter.data import Counter, Gauge, UpDownCounter
from polymeter.exporters import StatsDExporter
from tests.exporters.statsd_fixtures import Pair

TAGS = {"queue": "night shift", "région": "été", "n": 2, "path": "/a/b:c", "share": 0.25}
AS_LIST = [f"{key}:{text}" for key, text in Counter("x", 1, TAGS).tags.canonical]
VALUES = [1, 3, 2.5, 1e-7, 0.1 + 0.2, 10**30, 1e22, 123456789.123]


class Official(DogStatsd):
    """The official client, which keeps its packets instead of sending them."""

    def __init__(self, **options):
        super().__init__(disable_telemetry=True, **{"origin_detection_enabled": False, **options})
        self.packets = []

    def _send_to_server(self, packet, timestamped=False):
        self.packets.append(packet.rstrip("\n").encode())


def both(ours, theirs, **options):
    """Give what each sends: of ours the one packet, of theirs as well."""
    tags = options.pop("constant_tags", None)
    official = Official(**options, constant_tags=None if tags is None else [f"{k}:{v}" for k, v in tags.items()])
    theirs(official)
    container = {"container_id": options["container_id"]} if "container_id" in options else {}
    cardinality = {"cardinality": options["cardinality"]} if "cardinality" in options else {}
    prefix = {"prefix": options["namespace"]} if "namespace" in options else {}
    with Pair(tags=tags, **container, **cardinality, **prefix) as pair:
        metrics = ours(pair.exporter)
        mine = pair.sent(metrics or [])
    return mine, official.packets


SETTINGS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"namespace": "shop"},
        {"constant_tags": {"team": "x", "zone": "a b"}},
        {"container_id": "ci-0123456789abcdef"},
        {"cardinality": "low", "container_id": "in-42", "constant_tags": {"a": 1}},
    ],
    ids=["plain", "prefix", "constant tags", "container", "cardinality"],
)


@SETTINGS
@pytest.mark.parametrize("value", VALUES)
def test_counts(options, value):
    mine, theirs = both(
        lambda _: [Counter("jobs.done", value, TAGS)],
        lambda official: official.count("jobs.done", value, tags=AS_LIST),
        **options,
    )
    assert mine == theirs


@SETTINGS
@pytest.mark.parametrize("value", [*VALUES, -5, -0.25, 0])
def test_gauges_and_levels(options, value):
    mine, theirs = both(
        lambda _: [Gauge("queue.length", value, TAGS)],
        lambda official: official.gauge("queue.length", value, tags=AS_LIST),
        **options,
    )
    assert mine == theirs
    mine, _ = both(lambda _: [UpDownCounter("queue.length", value, TAGS)], lambda _: None, **options)
    assert mine == theirs


def test_timestamps():
    official = Official()
    official.count_with_timestamp("a", 3, timestamp=1_700_000_060, tags=["b:1"])
    official.gauge_with_timestamp("g", 4, timestamp=1_700_000_061, tags=["b:1"])
    with Pair(timestamps=True) as pair:
        times = {"timestamp": 1_700_000_060.5}, {"timestamp": 1_700_000_061.5}
        lines = pair.lines([Counter("a", 3, {"b": 1}, **times[0]), Gauge("g", 4, {"b": 1}, **times[1])])
    assert [line.encode() for line in lines] == official.packets


@SETTINGS
@pytest.mark.parametrize("value", ["ada", "42"])
def test_sets(options, value):
    """Which a registry does not know: they go out as messages do."""
    mine, theirs = both(
        lambda exporter: exporter.set("users", value, tags=TAGS),
        lambda official: official.set("users", value, tags=AS_LIST),
        **options,
    )
    assert mine == theirs


@SETTINGS
@pytest.mark.parametrize(
    ("given", "official"),
    [
        ({}, {}),
        ({"alert_type": "error", "priority": "low"}, {"alert_type": "error", "priority": "low"}),
        (
            {"aggregation_key": "k", "source_type": "s", "host": "h"},
            {"aggregation_key": "k", "source_type_name": "s", "hostname": "h"},
        ),
    ],
)
def test_events(options, given, official):
    title, text = "Man down ☕", "first line\nsecond | line"
    mine, theirs = both(
        lambda exporter: exporter.event(title, text, at=1_700_000_000, tags=TAGS, **given),
        lambda client: client.event(title, text, date_happened=1_700_000_000, tags=AS_LIST, **official),
        **options,
    )
    assert mine == theirs


@SETTINGS
@pytest.mark.parametrize(("status", "number"), [("ok", 0), ("warning", 1), ("critical", 2), ("unknown", 3)])
def test_service_checks(options, status, number):
    said = "first\nm: second é"
    mine, theirs = both(
        lambda exporter: exporter.service_check("db.up", status, at=17, host="h", message=said, tags=TAGS),
        lambda client: client.service_check("db.up", number, AS_LIST, 17, hostname="h", message=said),
        **options,
    )
    assert mine == theirs


def test_the_tags_and_the_container_of_the_environment(monkeypatch):
    """In the same order."""
    for name, text in {
        "DATADOG_TAGS": "a:1,b c:2",
        "DD_ENTITY_ID": "pod-1",
        "DD_ENV": "prod",
        "DD_SERVICE": "shop",
        "DD_VERSION": "1.5",
        "DD_EXTERNAL_ENV": "it-false,cn-nginx",
    }.items():
        monkeypatch.setenv(name, text)
    official = Official(origin_detection_enabled=True)
    official.count("jobs.done", 3, tags=["q:1"])
    with Pair(origin_detection=True) as pair:
        assert pair.sent([Counter("jobs.done", 3, {"q": 1})]) == official.packets


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, ("127.0.0.1", 8125, None)),
        ({"DD_AGENT_HOST": "agent"}, ("agent", 8125, None)),
        ({"DD_AGENT_HOST": "agent", "DD_DOGSTATSD_PORT": "9"}, ("agent", 9, None)),
        ({"DD_DOGSTATSD_URL": "udp://other:10", "DD_AGENT_HOST": "agent"}, ("other", 10, None)),
        ({"DD_DOGSTATSD_URL": "unix:///s"}, (None, None, "unix:///s")),
    ],
)
def test_the_place_that_the_environment_says(monkeypatch, variables, place):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    official = DogStatsd(disable_telemetry=True)
    host = official.host if official.host != "localhost" else "127.0.0.1"
    assert (host, official.port, official.socket_path) == place
    address = f"udp://{host}:{official.port}" if host else official.socket_path
    assert repr(StatsDExporter()) == f"StatsDExporter({address!r})"
