"""Slot: whatever interrupts its writer, its file is whole, in its place and locked."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest

from polymeter.frames import Reading, frame
from polymeter.registries.shared import slot
from polymeter.registries.shared.slot import Slot
from tests.registries.shared.interrupted import Interrupted, RaisingAt

HEAD = slot.header(run="r", epoch=0, writer="w")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.slot"


def said(path):
    """Give the contents of the frames behind the header."""
    reading, found = Reading(), []
    reading.feed(path.read_bytes(), found.append)
    assert reading.damaged == 0
    return [body[1:] for body in found if body[0] != slot.HEADER]


def is_locked(path):
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def descriptors():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - which is gone while a path would be made of it


def test_a_slot_is_locked_as_long_as_its_writer_holds_it(path):
    mine = Slot(path, HEAD)
    assert is_locked(path)
    mine.append(frame(slot.STATE, b"a"))
    mine.replace(HEAD + frame(slot.STATE, b"b"))
    assert is_locked(path)
    assert said(path) == [b"b"]
    mine.let_go()
    mine.let_go()
    assert not is_locked(path)


def test_nobody_else_may_read_it(path):
    mine = Slot(path, HEAD)
    assert path.stat().st_mode & 0o777 == 0o600
    mine.let_go()


def test_it_wants_to_be_replaced_when_most_of_it_is_out_of_date(path):
    mine = Slot(path, HEAD)
    assert not mine.wants_replacing
    one = frame(slot.STATE, b"x" * 1000)
    while not mine.wants_replacing:
        mine.append(one)
        assert mine.size < 2**20
    mine.replace(HEAD + one)
    assert not mine.wants_replacing
    assert mine.size == path.stat().st_size
    mine.let_go()


@pytest.mark.parametrize("harm", ["removed", "cut short", "grown", "another file"])
def test_it_wants_to_be_replaced_when_somebody_has_laid_hands_on_it(path, harm):
    mine = Slot(path, HEAD)
    if harm == "cut short":
        os.truncate(path, 5)
    elif harm == "grown":
        os.truncate(path, 500)
    else:
        content = path.read_bytes()
        path.unlink()
        if harm == "another file":
            path.write_bytes(content)
    assert mine.wants_replacing
    mine.replace(HEAD + frame(slot.STATE, b"a"))
    assert said(path) == [b"a"]
    assert is_locked(path)
    assert not mine.wants_replacing
    mine.let_go()


def test_what_cannot_be_put_in_its_place_leaves_what_was_there(path, monkeypatch):
    mine = Slot(path, HEAD + frame(slot.STATE, b"a"))
    before = descriptors()

    def full(*_):
        raise OSError(errno.ENOSPC, "no space left")

    for broken in ("write", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, broken, full)
            with pytest.raises(OSError, match="no space"):
                mine.replace(HEAD + frame(slot.STATE, b"b"))
        assert said(path) == [b"a"]
        assert is_locked(path)
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        assert descriptors() == before
    mine.let_go()


def test_a_write_that_is_cut_short_is_mended_by_the_next_whole_file(path, monkeypatch):
    mine = Slot(path, HEAD)
    write, calls = os.write, []

    def little(file, content):
        calls.append(file)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "no space left")
        return write(file, content[:7])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", little)
        with pytest.raises(OSError, match="no space"):
            mine.append(frame(slot.STATE, b"a"))
    assert mine.wants_replacing
    assert said(path) == []
    mine.replace(HEAD + frame(slot.STATE, b"a"))
    assert said(path) == [b"a"]
    mine.let_go()


def test_writes_that_take_a_little_at_a_time_write_everything(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, content: write(file, content[:3]))
    mine = Slot(path, HEAD)
    mine.append(frame(slot.STATE, b"abc"))
    assert said(path) == [b"abc"]
    mine.let_go()


def test_wherever_it_is_interrupted_the_file_in_place_is_whole_and_locked(path):
    reached, before = 0, descriptors()
    while True:
        mine = Slot(path, HEAD + frame(slot.STATE, b"a"))
        reached += 1
        try:
            with RaisingAt(reached) as raising:
                mine.replace(HEAD + frame(slot.STATE, b"b"))
        except Interrupted:
            assert said(path) in ([b"a"], [b"b"]), reached
            assert is_locked(path), reached
            mine.replace(HEAD + frame(slot.STATE, b"c"))
            assert said(path) == [b"c"]
        mine.let_go()
        if raising.left > 0:
            break
    assert reached > 10
    assert descriptors() - before <= 1  # opened, and interrupted before anybody could know of it
