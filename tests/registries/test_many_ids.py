"""A tag with ever new values: the total is exact, and memory stays where it is once the budget is full."""

from __future__ import annotations

import sys

import pytest

from tests.interpreter import answer_of

SHORT, LONG = 100_000, 10_000_000
MOST_GROWTH = 4_000_000
"""Bytes between the first tenth of the records, when the budget is long full, and the last one."""

SCRIPT = """
import json, random
from dataclasses import dataclass
from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure
import logging
logging.getLogger("polymeter.registries").setLevel(logging.ERROR)  # the explosion is on purpose

@dataclass(slots=True)
class Called:
    user: str
    ms: float

class Calls(MetricsCollector):
    calls = measure.counter("calls", on=Called, tags=("user",))
    took = measure.timer("took_ms", on=Called, value="ms", tags=("user",))

metrics = Metrics().collect(Calls())
registry, dispatch = metrics.registry, metrics.events.dispatch
way, times = WAY, TIMES

def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def record():
    user = f"u{random.getrandbits(48)}"
    if way == "named":
        registry.counter("calls", {"user": user})
        registry.timer("took_ms", 125.0, {"user": user})
    elif way == "bound":
        registry.bind("counter", "calls", {"user": user}).add()
        registry.bind("timer", "took_ms", {"user": user}).record(125.0)
    else:
        dispatch(Called(user, 125.0))

for number in range(times):
    record()
    if number == times // 10:
        registry.all()
        before = memory()
registry.all()
grown = memory() - before
took = sum(each.count for each in registry.find("took_ms"))
other = registry.get("calls", {"user": "__other__"}).value
print(json.dumps([registry.total("calls"), took, registry.total("took_ms"), len(registry), other > times * 0.9, grown]))
"""


def check(way, times):
    *exact, grown = answer_of(f"WAY, TIMES = {way!r}, {times}{SCRIPT}")
    assert exact == [times, times, times * 125.0, 2 * 2001, True]
    assert grown < MOST_GROWTH


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("way", ["named", "bound", "dispatched"])
def test_ever_new_ids_leave_memory_flat_and_totals_exact(way):
    """By name, by series bound and dropped, and by events."""
    check(way, SHORT)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("way", ["named", "dispatched"])
def test_ten_million_ids_do_too(way):
    """As many as a busy day brings."""
    check(way, LONG)
