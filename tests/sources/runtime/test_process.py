"""What the operating system says about this process."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from polymeter.errors import DefinitionError, MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.runtime import ProcessSampled
from polymeter.sources import ProcessSource
from polymeter.sources.process_readings import best_reader, by_proc, by_psutil, by_resource
from tests.interpreter import answer_of
from tests.sources.runtime.hearing import Ear, needs_proc

PAGE = os.sysconf("SC_PAGE_SIZE")


def work(seconds):
    """Use the CPU for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@needs_proc
@pytest.mark.parametrize("reader", [None, "proc", "psutil"])
def test_memory_is_what_proc_says_within_two_percent(reader):
    ear, source = Ear(), ProcessSource(reader=reader)
    ballast = bytearray(os.urandom(1024)) * (32 * 1024)
    (sampled,) = ear.polled(source)
    virtual, resident = map(int, Path("/proc/self/statm").read_text("ascii").split()[:2])
    assert sampled.resident_bytes == pytest.approx(resident * PAGE, rel=0.02)
    assert sampled.virtual_bytes == pytest.approx(virtual * PAGE, rel=0.02)
    assert sampled.peak_resident_bytes >= sampled.resident_bytes * 0.98 > len(ballast)


@needs_proc
def test_proc_and_psutil_say_the_same():
    proc, other = by_proc(), by_psutil()
    assert (other.threads, other.open_files, other.max_files) == (proc.threads, proc.open_files, proc.max_files)
    assert other.resident_bytes == pytest.approx(proc.resident_bytes, rel=0.02)
    assert other.virtual_bytes == pytest.approx(proc.virtual_bytes, rel=0.02)
    assert other.peak_resident_bytes == pytest.approx(proc.peak_resident_bytes, rel=0.02)
    assert other.counts.cpu_seconds == pytest.approx(proc.counts.cpu_seconds, rel=0.1, abs=0.05)
    # psutil knows the boot of the system to the second only.
    assert other.uptime_seconds == pytest.approx(proc.uptime_seconds, abs=1.2)


def test_getrusage_alone_says_no_memory_that_it_does_not_know():
    reading = by_resource()
    assert reading.resident_bytes is None
    assert reading.virtual_bytes is None
    assert reading.peak_resident_bytes > 1_000_000
    assert reading.counts.cpu_seconds > 0


def test_cpu_time_is_what_getrusage_says():
    before = cpu_seconds()
    (sampled,) = Ear().polled(ProcessSource())
    assert before <= sampled.total.cpu_seconds <= cpu_seconds()
    assert sampled.total.cpu_seconds == sampled.total.user_seconds + sampled.total.system_seconds


def test_context_switches_of_all_threads_count():
    ear, source = Ear(), ProcessSource()
    ear.polled(source)
    ping, pong = threading.Semaphore(0), threading.Semaphore(0)

    def waits():
        for _ in range(200):
            ping.acquire()
            pong.release()

    other = threading.Thread(target=waits)
    other.start()
    for _ in range(200):
        ping.release()
        pong.acquire()
    other.join()
    (sampled,) = ear.polled(source)
    assert sampled.added.voluntary_switches >= 200


@needs_proc
def test_the_beginning_of_the_process_stays_the_same():
    ear, source = Ear(), ProcessSource()
    (first,), (second,) = ear.polled(source), ear.polled(source)
    assert first.started_at == second.started_at == pytest.approx(psutil.Process().create_time(), abs=1.2)
    assert second.uptime_seconds > first.uptime_seconds


@needs_proc
def test_open_files_and_threads_are_counted():
    ear, source = Ear(), ProcessSource()
    (before,) = ear.polled(source)
    assert before.pid == os.getpid()
    assert before.max_files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    go = threading.Event()
    more = [threading.Thread(target=go.wait) for _ in range(3)]
    for each in more:
        each.start()
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    (after,) = ear.polled(source)
    go.set()
    for each in more:
        each.join()
    for each in files:
        os.close(each)
    assert after.open_files == before.open_files + 5
    assert after.threads == before.threads + 3


def test_what_was_added_sums_up_to_the_total():
    ear, source = Ear(), ProcessSource()
    for _ in range(4):
        source.poll(ear)
        work(0.01)
    assert ear.heard[0].added == ear.heard[0].total
    assert all(each.added.cpu_seconds >= 0.0099 for each in ear.heard[1:])
    assert sum(each.added.cpu_seconds for each in ear.heard) == pytest.approx(ear.heard[-1].total.cpu_seconds)
    assert sum(each.added.voluntary_switches for each in ear.heard) == ear.heard[-1].total.voluntary_switches


def test_several_sources_do_not_tell_one_dispatcher_the_same_twice():
    ear = Ear()
    ProcessSource().poll(ear)
    ProcessSource().poll(ear)
    first, second = ear.heard
    assert first.added.cpu_seconds == first.total.cpu_seconds
    assert second.added.cpu_seconds == pytest.approx(second.total.cpu_seconds - first.total.cpu_seconds)


def test_what_nobody_heard_was_not_told():
    """A snapshot may come before there is a collector."""
    ear, heard = EventDispatcher(), []
    source = ProcessSource()
    source.poll(ear)
    ear.add_listener(ProcessSampled, heard.append)
    source.poll(ear)
    assert heard[0].added == heard[0].total


def test_each_dispatcher_is_told_all_of_it():
    source, one, other = ProcessSource(), Ear(), Ear()
    source.poll(one)
    source.poll(other)
    assert other.heard[0].added == other.heard[0].total


def test_nothing_is_told_twice_when_many_threads_ask():
    ear, source = Ear(), ProcessSource()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(source.poll, ear)
    source.poll(ear)
    assert sum(each.added.cpu_seconds for each in ear.heard) == pytest.approx(ear.heard[-1].total.cpu_seconds)
    assert sum(each.added.voluntary_switches for each in ear.heard) == ear.heard[-1].total.voluntary_switches


@needs_proc
def test_a_forked_child_tells_of_itself():
    code = """
import json, os, time
from polymeter.events import EventDispatcher
from polymeter.sources import ProcessSource

heard = []
events = EventDispatcher()
events.add_listener(object, heard.append)
source = ProcessSource()
while time.process_time() < 0.4:
    pass
source.poll(events)
read, write = os.pipe()
child = os.fork()
if not child:
    source.poll(events)
    last = heard[-1]
    os.write(write, json.dumps([last.pid, last.added == last.total, last.total.cpu_seconds, last.started_at]).encode())
    os._exit(0)
told = json.loads(os.read(read, 1000))
os.waitpid(child, 0)
print(json.dumps([told[0] == child, told[1], told[2] < 0.3, told[3] >= heard[0].started_at + 0.2]))
"""
    assert answer_of(code) == [True, True, True, True]


def test_a_reader_that_is_none_is_refused():
    with pytest.raises(DefinitionError, match="'proc', 'psutil' and 'resource'"):
        ProcessSource(reader="ps")


def test_a_missing_psutil_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MissingExtraError, match=r"polymeter\[process\]"):
        ProcessSource(reader="psutil")
    ProcessSource()


def test_without_proc_psutil_is_asked_and_without_both_getrusage(monkeypatch, caplog):
    monkeypatch.setattr("polymeter.sources.process_readings._text_of", lambda _: None)
    assert best_reader() is by_psutil
    with pytest.raises(DefinitionError, match="no /proc"):
        ProcessSource(reader="proc")
    assert not caplog.messages
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert best_reader() is by_resource
    assert "polymeter[process]" in caplog.text


def test_watching_imports_no_psutil():
    code = """
import json, sys
from polymeter import Metrics
from polymeter.sources import ProcessSource
Metrics().watch(ProcessSource()).snapshot()
print(json.dumps("psutil" in sys.modules))
"""
    assert answer_of(code) is (sys.platform != "linux")
