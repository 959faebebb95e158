"""Disks that are full, read-only or broken, and file systems without locks: exports go on without the folder."""

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
from polymeter.data import Counter
from polymeter.exporters import SpoolingExporter
from tests.pump.exporters import Recording

LOGGER = "polymeter.exporters"


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, LOGGER)


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
    """Let nobody change anything there, for a ``with`` block."""
    subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


class Spooling(SpoolingExporter):
    """One whose back end can be out of order."""

    def __init__(self, folder):
        self.back_end = Recording("delta")
        super().__init__(self.back_end, folder)

    def give(self, value, *, is_up=True):
        """Export one counter."""
        self.back_end.error = None if is_up else ConnectionRefusedError()
        try:
            self.export([Counter("calls", value)])
        except ConnectionRefusedError:
            assert not is_up

    @property
    def delivered(self):
        return self.back_end.values("calls")


def spools(folder):
    return [each for each in folder.iterdir() if each.name != "filler"]


def test_on_a_full_disk_exports_go_on_and_what_was_there_stays(disk):
    one = Spooling(disk)
    one.give(3, is_up=False)
    [left] = spools(disk)
    before = left.read_bytes()
    with filled(disk):
        one.give(4, is_up=False)
        assert one.health().failed == {"ENOSPC": 1}
        assert [each.read_bytes() for each in spools(disk)] == [before]
        one.give(5)
    assert one.delivered == [5]
    assert spools(disk) == []


def test_what_was_left_on_a_full_disk_leaves_with_the_next_process(disk):
    one = Spooling(disk)
    one.give(3, is_up=False)
    one.close()
    with filled(disk):
        other = Spooling(disk)
        other.give(4)
        assert other.delivered == [3, 4]
    assert spools(disk) == []


def test_on_a_read_only_disk_exports_go_on_and_what_was_left_is_delivered_once_by_each_process(disk, caplog):
    one = Spooling(disk)
    one.give(3, is_up=False)
    one.close()
    caplog.set_level(logging.WARNING, LOGGER)
    with read_only(disk):
        other = Spooling(disk)
        for number in range(4, 7):
            other.give(number)
        assert other.delivered == [3, 4, 5, 6]
        assert other.health().failed == {"EROFS": 4}
    assert len(caplog.records) == 1
    assert "EROFS" in caplog.text


def test_where_no_folder_can_be_made_exports_go_on(disk):
    with read_only(disk):
        one = Spooling(disk / "spool")
        one.give(3, is_up=False)
        one.give(4)
        assert one.health().failed == {"EROFS": 2}
    assert one.delivered == [4]
    assert one.health().waiting == 0


def test_a_folder_that_has_gone_is_made_again(tmp_path):
    folder = tmp_path / "spool"
    one = Spooling(folder)
    one.give(3, is_up=False)
    [left] = spools(folder)
    left.unlink()
    folder.rmdir()
    one.give(4, is_up=False)
    one.close()
    other = Spooling(folder)
    other.give(5)
    assert other.delivered == [4, 5]


def test_a_folder_that_has_become_a_file_is_counted(tmp_path):
    folder = tmp_path / "spool"
    one = Spooling(folder)
    folder.touch()
    one.give(3)
    assert one.delivered == [3]
    assert one.health().failed["ENOTDIR"] >= 1
    assert one.health().waiting is None


@pytest.mark.parametrize("call", ["open", "write", "pread", "fstat", "rename", "listdir"])
def test_a_disk_with_errors_is_counted_by_reason_and_costs_no_export(tmp_path, monkeypatch, call):
    """For a real one there is no cheap way: the calls say what they would say."""
    first = Spooling(tmp_path)
    first.give(3, is_up=False)
    first.close()
    real = getattr(os, call)

    def broken(what, *args, **options):
        if not isinstance(what, int) and str(tmp_path) not in str(what):
            return real(what, *args, **options)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    one = Spooling(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        one.give(4)
        assert one.delivered[-1] == 4
        assert one.health().failed["EIO"] >= 1
    one.give(5)
    assert sum(one.delivered) == 3 + 4 + 5
    assert one.health().waiting == 0


def test_a_file_system_without_locks_keeps_nothing_and_says_so(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, LOGGER)

    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "lock_alone", none)
    one = Spooling(tmp_path)
    for number in (1, 2, 3):
        one.give(number, is_up=number > 1)
    assert one.delivered == [2, 3]
    assert spools(tmp_path) == []
    assert one.health().failed == {"ENOLCK": 3}
    assert len(caplog.records) == 1


def test_a_system_without_flock_keeps_nothing_and_says_so(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, LOGGER)
    monkeypatch.setattr(locks, "are_there", lambda: False)
    monkeypatch.delattr(os, "getuid")
    one = Spooling(tmp_path)
    one.give(3, is_up=False)
    one.give(4)
    assert one.delivered == [4]
    assert spools(tmp_path) == []
    assert "flock" in caplog.text


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_counted(tmp_path):
    tmp_path.chmod(0o500)
    one = Spooling(tmp_path)
    one.give(3)
    tmp_path.chmod(0o700)
    assert one.delivered == [3]
    assert one.health().failed == {"EACCES": 1}
