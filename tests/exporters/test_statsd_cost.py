"""A million increments: a handful of datagrams, and no system call by whoever counts."""

from __future__ import annotations

from tests.exporters.statsd_reading import counts, lines_of
from tests.exporters.statsd_receivers import Udp
from tests.interpreter import answer_of

CODE = """
import json, sys

from polymeter import Metrics
from polymeter.exporters import StatsDExporter

metrics = Metrics().export_to(StatsDExporter("ADDRESS"))
registry = metrics.registry
bound = registry.bind("counter", "bound.calls")
timer = registry.bind("timer", "wait_ms")
tags = [{"queue": str(number)} for number in range(10)]

def record(times):
    for number in range(times):
        registry.counter("calls", tags[number % 10])
        bound.add()
        timer.record(number)

record(10_000)
metrics.export()  # what is imported or opened late is there
seen = []
memory = {"array.__new__", "object.__getattr__"}
sys.addaudithook(lambda event, _: event in memory or seen.append(event))
record(100_000)
recording = list(seen)
metrics.close()
print(json.dumps([recording, registry.total("calls")]))
"""


def test_who_counts_makes_no_system_call():
    """Nor anything else that Python tells an auditor of, but for memory: no socket, file, thread or import."""
    receiver = Udp()
    answer = answer_of(CODE.replace("ADDRESS", receiver.address))
    packets = receiver.packets()
    receiver.close()
    assert answer == [[], 110_000]
    assert counts(lines_of(packets))["bound.calls", ()] == 110_000


MILLION = """
import json

from polymeter import Metrics
from polymeter.exporters import StatsDExporter

metrics = Metrics().export_to(StatsDExporter("ADDRESS"))
for number in range(1000):
    add = metrics.registry.bind("counter", "http.server.requests", {"route": f"/api/{number}"}).add
    for _ in range(1000):
        add()
metrics.export()
metrics.close()
print(json.dumps(metrics.registry.total("http.server.requests")))
"""


def test_a_million_increments_are_at_most_a_hundred_datagrams_and_none_is_lost():
    """Of a thousand series; what the last export has of Polymeter's own included."""
    receiver = Udp()
    assert answer_of(MILLION.replace("ADDRESS", receiver.address)) == 1_000_000
    packets = receiver.packets()
    receiver.close()
    assert len(packets) <= 100
    sent = counts(lines_of(packets))
    assert {tags: value for (name, tags), value in sent.items() if name == "http.server.requests"} == {
        (("route", f"/api/{number}"),): 1000 for number in range(1000)
    }
