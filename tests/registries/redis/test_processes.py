"""Processes, however they come about and however they end: the view of all is what they have recorded."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from polymeter.registries.redis.registry import RedisRegistry
from polymeter.testing.contracts.registry.child import answer_of_a_child
from tests.servers.waiting import wait_until

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")


def work(registry, amount):
    for _ in range(amount):
        registry.counter("calls")
        registry.timer("wait", 3)


def in_a_child(url, app, amount, ending):
    """Make a registry as each worker of a server would, record, and end in one of several ways."""
    registry = RedisRegistry(url, app=app, interval=0.02)
    work(registry, amount)
    if ending == "raise":
        sys.stderr = io.StringIO()
        raise RuntimeError("a worker may fail")
    if ending == "exit":
        sys.exit(3)
    if ending == "_exit":
        assert registry.flush()
        os._exit(0)
    if ending == "kill":
        assert registry.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def with_inherited(registry, amount):
    work(registry, amount)


@pytest.mark.parametrize(
    "method", [each for each in ("fork", "spawn") if each in multiprocessing.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_what_workers_have_recorded_is_there_when_they_have_ended(redis, make, app, method):
    context = multiprocessing.get_context(method)
    registry = make(interval=0.02)
    work(registry, 1)
    endings = ["return", "raise", "exit", "_exit", "kill"]
    amounts = [random.randrange(1, 500) for _ in endings]
    workers = [
        context.Process(target=in_a_child, args=(redis.url, app, amount, ending))
        for amount, ending in zip(amounts, endings, strict=True)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert registry.total("calls") == registry.get("wait").count == 1 + sum(amounts)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_pool_counts_into_the_registry_that_it_inherited(make):
    registry = make(interval=0.02)
    work(registry, 5)
    registry.flush()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=with_inherited, args=(registry, 100)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert registry.total("calls") == 405
    assert registry.own.total("calls") == 5


@needs_fork
def test_a_child_starts_from_zero_sees_all_and_leaves_the_connection_of_its_parent_alone(make):
    registry = make(interval=0.02)
    series = registry.bind("counter", "calls")
    series.add(5)
    assert registry.total("calls") == 5

    def child():
        before = registry.own.total("calls"), registry.total("calls")
        series.add(2)
        seen = registry.total("calls")
        return [*before, seen, registry.flush(), threading.active_count() <= 2]

    busy = threading.Event()
    reads = []

    def read():
        while not busy.is_set():
            reads.append(registry.total("calls"))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        answers = [answer_of_a_child(child) for _ in range(4)]
    finally:
        busy.set()
        thread.join()
    assert answers == [[0, 5 + 2 * number, 7 + 2 * number, True, True] for number in range(4)]
    assert reads == sorted(reads)
    assert registry.total("calls") == 13
    assert registry.health().lost == {}
    assert {result for result, _ in registry.health().flushes} == {"ok"}


@needs_fork
def test_the_first_record_of_a_child_has_it_told_by_itself(make):
    registry = make(interval=0.02)
    registry.counter("calls")
    registry.flush()

    def child():
        registry.counter("calls")
        wait_until(lambda: registry.health().flushes.get(("ok", ""), 0) > 0, what="the child has told")
        return 0

    answer_of_a_child(child)
    assert registry.total("calls") == 2


@needs_fork
def test_a_fork_starts_no_thread(make):
    """Also where there are series from the start; before the parent's first record and after it."""
    registry = make()
    registry.define("calls", "counter", domains={"ok": (True, False)})
    assert answer_of_a_child(threading.active_count) == 1
    assert registry.flush()
    assert answer_of_a_child(threading.active_count) == 1


@needs_fork
def test_a_random_tree_of_forks_agrees_with_its_ledger(make):
    """Each process records before and after each of its forks, and tells before it ends in any way."""
    registry = make(interval=0.01)
    choose = random.Random(7)

    def grow(depth):
        total = amount = choose.randrange(1, 200)
        work(registry, amount)
        for _ in range(choose.randrange(3) if depth else 0):
            seed = choose.random()

            def child(seed=seed):
                choose.seed(seed)
                made = grow(depth - 1)
                assert registry.flush()
                return made

            total += answer_of_a_child(child)
            amount = choose.randrange(1, 50)
            work(registry, amount)
            total += amount
        return total

    ledger = grow(3) + grow(3)
    assert registry.total("calls") == registry.get("wait").count == ledger


def test_a_script_that_is_short_loses_nothing(redis, make, app):
    """It starts no thread of its own accord, and ends as soon as it has told."""
    code = (
        "import sys, threading\n"
        "from polymeter.registries import RedisRegistry\n"
        "registry = RedisRegistry(sys.argv[1], app=sys.argv[2], interval=60)\n"
        "assert not [each for each in threading.enumerate() if each.name == 'polymeter-redis']\n"
        "registry.counter('calls', None, 7)\n"
        "registry.up_down('active', 1)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code, redis.url, app], check=True)
    assert time.monotonic() - began < 10
    registry = make()
    assert registry.total("calls") == 7
    assert registry.find("active") == []


def test_the_end_of_a_process_waits_a_second_at_most(tmp_path, app):
    """For a server that accepts connections, and never says anything."""
    import socket

    code = (
        "import sys\n"
        "from polymeter.registries import RedisRegistry\n"
        "registry = RedisRegistry(sys.argv[1], app='shop', options={'socket_timeout': 30})\n"
        "registry.counter('calls')\n"
        "import time; print(time.monotonic(), flush=True)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        done = subprocess.run([sys.executable, "-c", code, url], check=True, capture_output=True, text=True)
        assert time.monotonic() - float(done.stdout) < 15
