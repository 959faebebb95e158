"""Threads, disks and Python."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import threading
from _thread import start_new_thread
from pathlib import Path

import pytest

from polymeter.errors import DefinitionError
from polymeter.sources import DiskSource, PythonSource, ThreadsSource
from tests.sources.runtime.hearing import Ear


def test_threads_are_those_that_python_lists():
    go = threading.Event()
    more = [threading.Thread(target=go.wait, daemon=daemon) for daemon in (True, False, False)]
    for each in more:
        each.start()
    (sampled,) = Ear().polled(ThreadsSource())
    listed = threading.enumerate()
    go.set()
    for each in more:
        each.join()
    assert sampled.daemons == sum(each.daemon for each in listed) >= 1
    assert sampled.others == sum(not each.daemon for each in listed) >= 3


def test_threads_are_counted_though_a_thread_is_just_being_started():
    """Whoever exports from a signal handler may hold that lock."""
    ear, answered = Ear(), threading.Event()
    ear.add_listener(object, lambda _: answered.set())
    with threading._active_limbo_lock:
        start_new_thread(ThreadsSource().poll, (ear,))  # Thread.start() would wait for that lock
        assert answered.wait(10)


def test_a_disk_is_what_the_system_says(tmp_path):
    (sampled,) = Ear().polled(DiskSource([str(tmp_path)]))
    usage = shutil.disk_usage(tmp_path)
    assert (sampled.path, sampled.error_type) == (str(tmp_path), None)
    assert sampled.total_bytes == usage.total
    assert sampled.used_bytes == pytest.approx(usage.used, rel=0.02)
    assert sampled.free_bytes == pytest.approx(usage.free, rel=0.02)
    assert sampled.used_bytes + sampled.free_bytes + sampled.reserved_bytes == sampled.total_bytes
    assert os.path.ismount(sampled.mountpoint)
    assert Path(sampled.mountpoint).stat().st_dev == tmp_path.stat().st_dev


def test_a_path_that_is_not_there_keeps_no_other_from_being_told(tmp_path):
    first, second = Ear().polled(DiskSource([str(tmp_path / "gone"), str(tmp_path)]))
    assert (first.error_type, first.total_bytes, first.reserved_bytes) == ("FileNotFoundError", None, None)
    assert second.total_bytes > 0


def test_the_root_is_the_default():
    (sampled,) = Ear().polled(DiskSource())
    assert sampled.path == os.sep


@pytest.mark.parametrize("paths", ["/", []])
def test_paths_that_are_none_are_refused(paths):
    with pytest.raises(DefinitionError, match="path"):
        DiskSource(paths)


def test_python_says_which_it_is():
    (sampled,) = Ear().polled(PythonSource())
    assert (sampled.implementation, sampled.version) == (platform.python_implementation(), platform.python_version())
    assert f"{sampled.major}.{sampled.minor}" == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert sampled.version.startswith(f"{sampled.major}.{sampled.minor}.{sampled.patchlevel}")
