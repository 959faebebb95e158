"""Disks that are full, read-only or broken: recording goes on, reads answer, and all is there when it works again."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from polymeter import locks
from tests.registries.shared.workers import Worker, failed, opened

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "polymeter.registries")


@pytest.fixture
def disk():
    """Give a disk of 64 kB of its own; not below pytest's folders, which it clears away while others use them."""
    path = Path(tempfile.mkdtemp(prefix="polymeter-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        path.rmdir()
        pytest.skip(f"this user may not mount a disk: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        path.rmdir()


@contextmanager
def filled(disk):
    """Leave no room on a disk, for a ``with`` block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        _fill(file)
    try:
        yield
    finally:
        filler.unlink()


def _fill(file):
    while True:
        file.write(bytes(4096))


@contextmanager
def read_only(disk):
    """Let nobody open a file for writing there, for a ``with`` block."""
    subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def record(registry, series):
    for number in range(series):
        registry.counter("calls", {"number of the series": number})


# -- full


def test_on_a_full_disk_everybody_goes_on_and_all_is_there_when_there_is_room_again(disk):
    with opened(disk) as one, opened(disk) as other:
        record(one, 5)
        one.publish()
        assert other.total("calls") == 5
        with filled(disk):
            for times in range(2, 5):
                record(one, 100)
                one.publish()
                assert one.total("calls") == 5 + 100 * (times - 1)
                assert 5 <= other.total("calls") <= one.total("calls")
            assert failed(one, "ENOSPC") > 0
        one.publish()
        assert other.total("calls") == 305
        assert len(other.find("calls")) == 100


def test_what_died_on_a_full_disk_is_folded_when_there_is_room_again(disk):
    with opened(disk) as one, opened(disk) as other:
        record(other, 50)
        other.publish()
        with filled(disk):
            other.close()
            assert one.total("calls") == 50
            one.forget("calls", {"number of the series": 3})
            record(one, 10)
            assert one.total("calls") == 60
        assert one.total("calls") == 60
        assert len(list((disk / "shop").glob("*.slot"))) == 1


def test_series_that_end_on_a_full_disk_stay_in_the_total(disk):
    with opened(disk) as one, opened(disk) as other:
        record(one, 20)
        one.publish()
        assert other.total("calls") == 20
        with filled(disk):
            one.forget("calls")
            assert one.total("calls") == 20
            assert other.total("calls") == 20
        one.publish()
        assert one.total("calls") == other.total("calls") == 20
        assert one.find("calls") == []


def test_a_process_that_begins_on_a_full_disk_counts_too(disk):
    with opened(disk) as one:
        record(one, 5)
        one.publish()
        with filled(disk), opened(disk) as late:
            record(late, 5)
            late.publish()
            assert late.total("calls") == 10
            assert one.total("calls") >= 5
            late_failed = failed(late, "ENOSPC")
            (disk / "filler").write_bytes(b"")
            late.publish()
            assert one.total("calls") == 10
        assert late_failed > 0


def test_what_is_out_of_date_makes_room_for_what_is_not(disk):
    """On a disk that is full of one process's own frames."""
    with opened(disk) as one, opened(disk) as other:
        for times in range(1, 200):
            record(one, 40)
            one.publish()
            if not times % 40:
                assert other.total("calls") == 40 * times
        assert failed(one) == failed(other) == 0


def test_a_disk_that_is_full_of_what_we_publish_holds_what_it_can(disk):
    """More series than there is room for."""
    with opened(disk) as one, opened(disk) as other:
        for _ in range(3):
            record(one, 1000)
            one.publish()
            other.find("calls")
        assert one.total("calls") == 3000
        assert other.total("calls") <= 3000
        assert failed(one, "ENOSPC") > 0


@pytest.mark.parametrize("durable", [False, True])
def test_a_limit_to_the_size_of_files_stops_publishing_and_nothing_else(tmp_path, durable):
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    with opened(tmp_path) as other, Worker(tmp_path, before=limit, durable=durable) as worker:
        worker.do("registry.counter('calls', {'n': 0})")
        worker.do("registry.publish()")
        assert other.total("calls") == 1
        worker.do("resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))")
        assert worker.do("[registry.counter('calls', {'n': n}) and None for n in range(200)]") == [None] * 200
        assert worker.do("registry.publish()") is None
        assert worker.do("registry.total('calls')") == 201
        assert worker.do("len(registry.snapshot())") > 200
        assert "EFBIG" in worker.do("list(registry._failures)")
        assert 1 <= other.total("calls") <= 201
        worker.do("resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))")
        worker.do("registry.publish()")
        assert other.total("calls") == 201


# -- read-only


def test_on_a_disk_that_has_become_read_only_everybody_goes_on(disk):
    with opened(disk) as one, opened(disk) as other:
        record(one, 5)
        one.publish()
        assert other.total("calls") == 5
        other.close()
        record(other, 5)
        with read_only(disk):
            for each in (one, other):
                for _ in range(50):  # until a new file is wanted
                    record(each, 40)
                    each.publish()
            assert one.total("calls") >= 2005
            assert other.total("calls") >= 2010
            assert failed(one, "EROFS") > 0
            assert failed(other, "EROFS") > 0
        one.publish()
        assert other.total("calls") == one.total("calls") == 4010


def test_a_process_that_begins_on_a_read_only_disk_counts_for_itself_and_says_so(disk, caplog):
    caplog.set_level(logging.ERROR, "polymeter.registries")
    with read_only(disk), opened(disk) as late:
        record(late, 5)
        assert late.total("calls") == 5
        assert _is_apart(late)
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert "EROFS" in caplog.text


# -- broken


@pytest.mark.parametrize("call", ["pread", "write", "open", "fstat"])
def test_a_disk_with_errors_is_counted_by_reason_and_read_again_later(tmp_path, monkeypatch, call):
    """For a real one there is no cheap way: the calls say what they would say."""
    folder = str(tmp_path)
    with opened(tmp_path) as one, opened(tmp_path) as other:
        record(one, 5)
        one.publish()
        record(other, 5)
        assert other.total("calls") == 10
        real = getattr(os, call)

        def broken(what, *args, **options):
            if not isinstance(what, int) and folder not in str(what):
                return real(what, *args, **options)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            record(one, 5)
            record(other, 5)
            one.publish()
            for _ in range(3):
                assert 10 <= other.total("calls") <= 20
                assert 10 <= one.total("calls") <= 20
            assert len(other.find("calls")) == 5
        assert failed(one, "EIO") + failed(other, "EIO") > 0
        for each in (one, other):
            each.publish()
        assert one.total("calls") == other.total("calls") == 20


def test_what_is_dead_and_cannot_be_read_to_its_end_is_not_folded(tmp_path, monkeypatch):
    with opened(tmp_path) as one, opened(tmp_path) as other:
        record(one, 500)
        one.publish()
        one._published._slot.let_go()  # as if it had been killed
        pread, calls = os.pread, []

        def broken(file, length, at):
            if length < 100:
                return pread(file, length, at)
            calls.append(at)
            if at:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return pread(file, 5000, at)

        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", broken)
            assert other.total("calls") < 500
        assert calls
        assert other.total("calls") == 500


# -- no place at all


def _is_apart(registry):
    return [each.value for each in registry.snapshot() if each.name == "polymeter.shared.apart"] == [1]


def test_a_file_system_without_locks_leaves_each_process_to_itself_and_says_so_once(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.ERROR, "polymeter.registries")

    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "lock_alone", none)
    with opened(tmp_path) as one, opened(tmp_path, durable=True) as other:
        for each in (one, other):
            each.counter("calls")
            each.publish()
            assert each.total("calls") == 1
            assert len(each.find("calls")) == 1
            assert _is_apart(each)
            assert each.forget("calls") == 1
            each.clear()
            assert each.total("calls") == 0
    assert len(caplog.records) == 2
    assert "ENOLCK" in caplog.text
    assert "each counts for itself" in caplog.text


def test_a_system_without_flock_leaves_each_process_to_itself(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.ERROR, "polymeter.registries")
    monkeypatch.setattr(locks, "are_there", lambda: False)
    monkeypatch.delattr(os, "getuid")
    with opened(None) as one:
        one.counter("calls")
        assert one.total("calls") == 1
        assert _is_apart(one)
    assert len(caplog.records) == 1
    assert not list(tmp_path.iterdir())


def test_where_processes_can_share_nothing_is_said_to_be_apart(tmp_path):
    with opened(tmp_path) as one:
        assert not _is_apart(one)
        assert failed(one) == 0


def test_locks_that_fail_later_are_counted_and_nothing_is_folded(tmp_path, monkeypatch):
    with opened(tmp_path) as one, opened(tmp_path) as other:
        record(one, 5)
        one.publish()
        assert other.total("calls") == 5

        def none(*_):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        with monkeypatch.context() as patch:
            patch.setattr(locks, "_lock", none)
            record(one, 5)
            one.publish()
            assert one.total("calls") == 10
            assert other.total("calls") >= 5
        assert failed(other, "ENOLCK") > 0
        one.publish()
        assert other.total("calls") == 10
