"""Exits: a process that ends well has told all, whatever it was begun by; of one that is killed little is missing."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from polymeter.registries import SharedRegistry
from tests.registries.shared.programs import RARELY, program
from tests.registries.shared.tree import APP, BEGINNINGS, command

GRACEFUL = ("return", "sys.exit", "exception", "os._exit")


@pytest.fixture
def registry(tmp_path):
    registry = SharedRegistry(APP, directory=tmp_path)
    yield registry
    registry.close()


@pytest.mark.parametrize("how", BEGINNINGS)
def test_a_process_that_ends_well_loses_nothing(how, tmp_path, registry):
    """However it is begun and ended, without having published anything before; ``os._exit`` comes after `publish()`."""
    records = [["counter", "a", {}, 1], ["histogram", "b", {}, 2], ["timer", "c", {}, 125]]
    steps = [["records", "verb", records], ["records", "bound", records], ["events", [["x", 3]]]]
    children = [
        ["start", {"id": end, "how": how, "steps": steps, "end": end, "interval": RARELY}, True, None]
        for end in GRACEFUL
    ]
    root = {"id": "root", "how": "subprocess", "steps": [*steps, *children], "end": "return", "interval": RARELY}
    with (tmp_path / "errors").open("wb") as errors:
        subprocess.run(command(tmp_path, root), stderr=errors, check=True, timeout=60)
    processes = 1 + len(GRACEFUL)
    [a], [b], [c] = map(registry.find, "abc")
    assert a.value == 2 * processes
    assert (b.count, b.sum) == (2 * processes, 4 * processes)
    assert (c.count, c.sum) == (2 * processes, 250 * processes)
    assert registry.total("event.sold") == processes
    assert registry.total("event.items") == 3 * processes


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_that_is_closed_and_joined_lose_nothing(method, tmp_path, registry):
    program(
        tmp_path,
        f"""
def work(number):
    registry.counter("a", {{"t": number % 3}}, number)

if __name__ == "__main__":
    pool = multiprocessing.get_context({method!r}).Pool(2, maxtasksperchild=20)
    pool.map(work, range(100), chunksize=5)
    pool.close()
    pool.join()
""",
    )
    assert registry.total("a") == sum(range(100))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_an_executor_lose_nothing(method, tmp_path, registry):
    program(
        tmp_path,
        f"""
def work(number):
    registry.counter("a", {{"t": number % 3}}, number)

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as executor:
        list(executor.map(work, range(100)))
""",
    )
    assert registry.total("a") == sum(range(100))


def test_threads_that_record_to_the_end_lose_nothing(tmp_path, registry):
    """The interpreter waits for them; what a daemon thread records until the last moment keeps nobody from ending."""
    program(
        tmp_path,
        """
def work():
    bound = registry.bind("counter", "bound")
    for _ in range(50):
        time.sleep(0.002)
        registry.counter("a")
        bound.add()

def go_on():
    while True:
        registry.counter("for.ever")

for target in (work, work, work):
    threading.Thread(target=target).start()
threading.Thread(target=go_on, daemon=True).start()
""",
    )
    assert registry.total("a") == 150
    assert registry.total("bound") == 150
    assert registry.total("for.ever") > 0


def test_what_is_recorded_while_the_process_ends_is_not_lost(tmp_path, registry):
    program(
        tmp_path,
        """
registry.counter("a")
atexit.register(registry.counter, "a")
""",
    )
    assert registry.total("a") == 2


DURABLE = """
from dataclasses import dataclass
from polymeter import Metrics
from polymeter.collectors import MetricsCollector, measure

@dataclass
class Sold:
    items: int

class Sales(MetricsCollector):
    sold = measure.counter("a", on=Sold)
    items = measure.histogram("b", on=Sold, value="items")

durable = SharedRegistry(registry.app, directory=registry._path.parent, durable=True)
metrics = Metrics(registry=durable).collect(Sales())
"""


@pytest.mark.parametrize("before", ["", "durable.counter('a'); durable.histogram('b', 5); os.fork() and os._exit(0)"])
@pytest.mark.parametrize(
    "record",
    [
        "durable.counter('a'); durable.histogram('b', 5)",
        "durable.bind('counter', 'a').add(); durable.bind('histogram', 'b').record(5)",
        "metrics.events.dispatch(Sold(5))",
        "[metrics.events.dispatch(Sold(5)) for _ in range(1)]",
        "t = threading.Thread(target=lambda: metrics.events.dispatch(Sold(5))); t.start(); t.join()",
    ],
)
def test_a_durable_registry_loses_nothing_when_its_process_is_killed_after_a_record(record, before, tmp_path, registry):
    """The first one, and one of many; in a forked child too."""
    text = f"{DURABLE}\n{before}\n"
    program(tmp_path, f"{text}\n{record}\nos.kill(os.getpid(), signal.SIGKILL)", check=False)
    deadline = time.monotonic() + 10
    expected = (1 + bool(before), 5 * (1 + bool(before)))
    while (seen := (registry.total("a"), registry.total("b"))) != expected and time.monotonic() < deadline:
        time.sleep(0.01)  # a child is nobody's to wait for
    assert seen == expected


def test_what_was_recorded_an_interval_before_a_kill_is_there(tmp_path, registry):
    """And a while more, on a busy machine: it is seen while the process lives, and stays."""
    text = f"""
import time
from polymeter.registries import SharedRegistry
registry = SharedRegistry({APP!r}, directory={str(tmp_path)!r})
registry.counter("a")
registry.bind("counter", "a").add()
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", text])
    try:
        deadline = time.monotonic() + 20
        while registry.total("a") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert registry.total("a") == 2
