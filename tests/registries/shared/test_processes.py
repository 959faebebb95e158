"""Processes: what a child has of its parent, and what it must not have."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

import pytest

from tests.registries.shared.programs import program
from tests.registries.shared.workers import Worker, opened

NEEDS_PROC = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks into /proc")  # noqa: PTH112

BESIDE = """
import os, signal, threading, time

def is_open(registry):
    with registry._place.gate() as is_open:
        return is_open

def opened():
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass
    return sorted(os.path.basename(link.removesuffix(" (deleted)")) for link in links if str(registry._path) in link)

def threads():
    return len(os.listdir("/proc/self/task"))

def waiting_child(work=lambda: None):
    child = os.fork()
    if not child:
        work()
        while True:
            signal.pause()
    return child
"""


@contextmanager
def parent(folder, **options):
    """Give a worker that can have children which wait to be killed; see that none is left."""
    with Worker(folder, **options) as worker:
        worker.do(BESIDE)
        worker.do("children = []")
        worker.children = []
        try:
            yield worker
        finally:
            for child in worker.children:
                os.kill(child, signal.SIGKILL)


def start(worker, work="None"):
    """Have it fork; give the child."""
    child = worker.do(f"waiting_child(lambda: {work})")
    worker.children.append(child)
    return child


def soon(question, seconds=10):
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < until
        time.sleep(0.01)
    return True


def test_children_of_children_begin_at_zero_each_and_all_of_them_add_up(tmp_path):
    """What is bound, what waits and what was published before the fork is their parents'."""
    with opened(tmp_path) as registry:
        program(
            tmp_path,
            """
bound = registry.bind("counter", "bound")
for level in range(5):
    registry.counter("a", {"level": level})
    bound.add()
    if level % 2:
        registry.publish()
    writer = registry.own.writer
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        registry.counter("a", {"level": level})
        break
    assert registry.own.total("a") == registry.own.total("bound") == 0, level
    assert registry.own.writer != writer
    registry.counter("a", {"level": level})
""",
        )
        assert {each.tags["level"]: each.value for each in registry.find("a")} == dict.fromkeys(range(5), 3)
        assert registry.total("bound") == 5


@NEEDS_PROC
def test_a_child_has_nothing_open_of_what_its_parent_locks(tmp_path):
    """But for the file that says that the app is alive."""
    with opened(tmp_path) as registry, parent(tmp_path) as worker:
        registry.counter("a")
        registry.publish()
        worker.do("registry.counter('a'), registry.find('a')")
        assert len(worker.do("opened()")) >= 3  # the presence, its own slot and that of the other
        said = worker.do("said = os.pipe()")
        start(worker, "os.write(said[1], repr(opened()).encode())")
        said = worker.do("os.read(said[0], 1000).decode()")
        assert said == "['presence']"


def test_the_death_of_a_parent_is_noticed_although_its_child_lives(tmp_path):
    """And the child goes on: recording, reading, and as the same run of the app."""
    with parent(tmp_path) as worker:
        worker.do("registry.up_down('level', 1), registry.counter('a'), registry.publish()")
        start(worker, "(registry.counter('a'), registry.publish())")
        with opened(tmp_path) as registry:
            soon(lambda: registry.total("a") == 2)
            assert registry.total("level") == 1
            run = registry.snapshot().writer
            worker.kill()
            assert registry.find("level") == []
        with opened(tmp_path) as registry:  # the child was the only one for a moment
            assert registry.total("a") == 2
            assert registry.snapshot().writer == run


def test_an_app_begins_from_nothing_when_none_of_its_processes_lives(tmp_path):
    with Worker(tmp_path) as worker:
        worker.do("registry.counter('a'), registry.publish()")
        worker.end()
    with Worker(tmp_path) as worker:
        assert worker.do("[len(registry), registry.total('a')]") == [0, 0]


@NEEDS_PROC
def test_forks_beside_threads_that_publish_read_and_forget_share_no_lock(tmp_path):
    """Whatever those do at that moment: the parent's death is noticed, and nobody is kept out."""
    with parent(tmp_path, interval=0.01) as worker:
        worker.do(
            """
stop = threading.Event()

def publish():
    while not stop.is_set():
        registry.counter("a")
        registry.publish()
        registry._published._slot._torn = True  # a new file each time

def read():
    while not stop.is_set():
        registry.counter("b")
        registry.forget("b")
        registry.find("a")

def fold():
    while not stop.is_set():
        child = os.fork()
        if not child:
            registry.up_down("level", 1)
            registry.publish()
            os._exit(0)
        os.waitpid(child, 0)

threads = [threading.Thread(target=work) for work in (publish, read, fold)]
for thread in threads:
    thread.start()
"""
        )
        for _ in range(40):
            start(worker)
        worker.do("stop.set(), [thread.join() for thread in threads], None")
        assert worker.do("is_open(registry)")
        worker.do("registry.up_down('level', 1), registry.publish()")
        with opened(tmp_path) as registry:
            assert registry.total("level") == 1
            worker.kill()
            assert registry.find("level") == []
            began = time.monotonic()
            assert registry.forget("a") == 1
            assert time.monotonic() - began < 1.5  # nobody holds the gate closed


@NEEDS_PROC
def test_threads_and_open_files_do_not_grow(tmp_path):
    """One thread publishes while there is something to publish; others come and go, and nothing of them stays open."""
    with parent(tmp_path, interval=0.02) as worker:
        assert worker.do("threads()") == 1
        worker.do("registry.counter('a'), registry.find('a')")
        assert worker.do("threads()") <= 2
        files = len(worker.do("opened()"))
        worker.do(
            """
def one():
    child = os.fork()
    if not child:
        registry.counter("a")
        time.sleep(0.03)
        code = threads() > 2
        registry.publish()
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    registry.counter("a")
    registry.find("a")
    return threads()
"""
        )
        most = max(worker.do("one()") for _ in range(15))
        assert most == 2
        assert len(worker.do("opened()")) <= files + 1  # and what is kept of the dead
        assert worker.do("registry.total('a')") == 1 + 2 * 15
        soon(lambda: worker.do("threads()") == 1)


def test_a_thread_that_forks_has_a_child_that_records(tmp_path):
    """Like any other."""
    with opened(tmp_path) as registry:
        program(
            tmp_path,
            """
def work():
    child = os.fork()
    if not child:
        registry.counter("a")
        registry.publish()
        os._exit(0)
    os.waitpid(child, 0)

registry.counter("a")
thread = threading.Thread(target=work)
thread.start()
thread.join()
""",
        )
        assert registry.total("a") == 2


def test_a_forked_child_publishes_every_so_often_without_being_told(tmp_path):
    """Whether or not its parent did; by verbs, bound series and events."""
    with opened(tmp_path) as registry, parent(tmp_path, interval=0.02) as worker:
        worker.do("bound = registry.bind('counter', 'bound')")
        start(worker, "registry.counter('a')")
        start(worker, "bound.add()")
        soon(lambda: registry.total("a") == 1 and registry.total("bound") == 1)
        worker.do("registry.counter('a')")
        soon(lambda: registry.total("a") == 2)
        start(worker, "(bound.add(), registry.counter('a'))")
        soon(lambda: registry.total("a") == 3 and registry.total("bound") == 2)


def test_a_pump_of_a_forked_child_goes_on_with_its_first_record(tmp_path):
    """In whatever order the child is told that it is one."""
    path = tmp_path / "exported"
    with parent(tmp_path, interval=0.02) as worker:
        worker.do(
            f"""
from polymeter import Metrics
from polymeter.exporters import CallbackExporter
file = os.open({str(path)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
kept = []

def child():
    metrics = Metrics(registry=registry).export_to(CallbackExporter(lambda _: os.write(file, b"%d\\n" % os.getpid())))
    kept.append(metrics.every(0.02))
    registry.counter("a")
"""
        )
        for _ in range(8):  # the order is one by chance
            worker.do("child()")
            child = start(worker, "registry.counter('a')")
            soon(lambda child=child: str(child) in path.read_text().split())


def test_workers_that_are_spawned_meet_by_the_name_of_the_app(tmp_path):
    """They import it separately, and inherit nothing."""
    with opened(tmp_path) as registry, Worker(tmp_path) as one, Worker(tmp_path) as two:
        for worker in (one, two):
            worker.do("registry.counter('a'), registry.publish()")
        assert registry.total("a") == one.do("registry.total('a')") == two.do("registry.total('a')") == 2
