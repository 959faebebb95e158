"""Place: processes of one app meet in one folder, know their run, and nobody else can change it."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading

import pytest

from polymeter.data import Tags
from polymeter.errors import DefinitionError
from polymeter.registries.shared import place as places
from polymeter.registries.shared.place import CannotShareError, Place, Run, checked_app, default_directory
from tests.registries.shared.workers import opened


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop"


@pytest.fixture
def entered(path):
    """Give what enters the folder, and leaves it at the end."""
    all_of_them = []

    def enter():
        all_of_them.append(Place(path))
        return all_of_them[-1]

    yield enter
    for each in all_of_them:
        each.leave()


# -- names


@pytest.mark.parametrize("name", ["shop", "my shop", "名", "a.b", "shop-1", "x" * 200])
def test_a_name_that_can_be_a_folder_is_one(name):
    assert checked_app(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/etc", "a\\b", "a\0b", "../x", None, 5, b"shop"])
def test_a_name_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(DefinitionError, match="the name of the app"):
        checked_app(name)


def test_the_folder_of_all_apps_is_one_of_this_user_alone():
    assert str(os.getuid()) in default_directory().name
    with opened(None, f"polymeter-test-{os.getpid()}") as registry:
        registry.counter("calls")
        registry.publish()
        folder = default_directory() / registry.app
        assert folder.parent.stat().st_mode & 0o777 == folder.stat().st_mode & 0o777 == 0o700
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()


# -- runs


def test_those_who_meet_have_one_run_and_who_comes_later_another(entered):
    one, other = entered(), entered()
    run = one.run()
    assert run == other.run()
    assert run.epoch == 0
    one.leave()
    assert entered().run() == run
    for _ in range(2):
        other.leave()
    others = [entered() for _ in range(2)]
    assert others[0].run() == run  # one of before lives


def test_when_nobody_lives_what_was_left_is_swept_away(entered, path):
    one = entered()
    before = one.run()
    for name in ("a.slot", "a.new", "retired", "retired.made", "orders", "orders.made"):
        (path / name).touch()
    (path / "notes").touch()
    one.leave()
    other = entered()
    assert other.run().id != before.id
    assert {each.name for each in path.iterdir()} == {"presence", "notes"}


def test_one_that_left_and_comes_back_finds_what_it_left_unless_others_began_anew(entered, path):
    one = entered()
    before = one.run()
    (path / "a.slot").touch()
    one.leave()
    assert one.run() == before
    one.enter()
    assert one.run() == before
    assert (path / "a.slot").exists()


def test_a_new_epoch_is_everybodys_and_drops_what_is_retired(entered, path):
    one, other = entered(), entered()
    (path / "retired").touch()
    assert one.begin_epoch() == Run(other.run().id, 1)
    assert other.run().epoch == 1
    assert not (path / "retired").exists()
    assert entered().run().epoch == 1


def test_who_knows_more_mends_what_is_damaged(entered, path):
    one = entered()
    run = one.run()
    known = Run(run.id, 3)
    one.mend(known)
    assert one.run() == known  # of an older epoch
    one.mend(Run(run.id, 1))
    assert one.run() == known
    one.mend(Run("00" * 16, 9))
    assert one.run() == known
    os.truncate(path / "presence", 7)
    assert one.run() is None
    one.mend(known)
    assert one.run() == known
    assert one.damaged == 2


def test_a_live_app_of_another_format_is_not_disturbed(entered, path, caplog):
    caplog.set_level(logging.ERROR, "polymeter.registries")
    entered()
    content = (path / "presence").read_bytes().replace(b"shared 1", b"shared 2")
    with (path / "presence").open("r+b") as file:
        file.write(content)
    with pytest.raises(CannotShareError, match="another version of polymeter"):
        Place(path)
    with opened(path.parent) as registry:
        registry.counter("calls")
        assert registry.total("calls") == 1
    assert "another version" in caplog.text
    assert (path / "presence").read_bytes() == content


def test_what_an_app_of_another_format_left_is_swept_away(entered, path):
    entered().leave()
    with (path / "presence").open("r+b") as file:
        file.write(b"polymeter shared 2\nwhatever that says")
    assert entered().run().epoch == 0


# -- orders


def test_orders_are_numbered_and_everybody_sees_them(entered):
    one, other = entered(), entered()
    assert one.orders() == []
    with one.gate():
        assert one.add_order("calls", Tags.of({"n": 1, "名": "\n"})) == 1
    with other.gate():
        assert other.add_order("calls", Tags.empty()) == 2
    expected = [(1, "calls", Tags.of({"n": 1, "名": "\n"})), (2, "calls", Tags.empty())]
    assert one.orders() == other.orders() == entered().orders() == expected


def test_old_orders_are_dropped_and_numbers_go_on(entered):
    one = entered()
    for number in range(1, 151):
        assert one.add_order("calls", Tags.of({"n": number})) == number
    assert [number for number, _, _ in entered().orders()] == list(range(50, 151))


def test_a_damaged_order_costs_itself_and_its_number_is_not_given_again(entered, path):
    one = entered()
    for number in range(3):
        one.add_order("calls", Tags.of({"n": number}))
    content = bytearray((path / "orders").read_bytes())
    content[-5] ^= 1
    (path / "orders").write_bytes(content + b"\0" * 20)
    other = entered()
    assert [number for number, _, _ in other.orders()] == [1, 2]
    assert other.add_order("took", Tags.empty()) > 3


# -- the gate


def test_one_at_a_time_passes_the_gate(entered):
    one, other = entered(), entered()
    with one.gate() as is_open:
        assert is_open
        with other.gate(waits=False) as is_open_too:
            assert not is_open_too
    with other.gate(waits=False) as is_open:
        assert is_open


def test_who_waits_at_the_gate_passes_when_it_opens(entered):
    one, other = entered(), entered()
    passed = []

    def wait():
        with other.gate() as is_open:
            passed.append(is_open)

    with one.gate():
        thread = threading.Thread(target=wait)
        thread.start()
        assert not passed
    thread.join()
    assert passed == [True]


def test_who_waits_too_long_does_not_pass(entered, monkeypatch):
    monkeypatch.setattr(places, "_PATIENCE", 0.05)
    one, other = entered(), entered()
    with one.gate(), other.gate() as is_open:
        assert not is_open
    with one.gate(), pytest.raises(CannotShareError, match="held"):
        entered()


# -- who may


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_folder_that_others_can_change_is_not_used(path, mode):
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(CannotShareError, match="only this user can change"):
        Place(path)
    assert not list(path.iterdir())


def test_a_folder_of_somebody_else_is_not_used(path):
    if os.getuid():
        pytest.skip("this user cannot give a folder away")
    path.mkdir(mode=0o700)
    os.chown(path, 12345, -1)
    with pytest.raises(CannotShareError, match="only this user can change"):
        Place(path)


@pytest.mark.parametrize("strange", ["file", "link", "pipe"])
def test_what_is_no_folder_is_not_used(path, strange):
    if strange == "file":
        path.touch()
    elif strange == "link":
        (path.parent / "real").mkdir(mode=0o700)
        path.symlink_to("real")
    else:
        os.mkfifo(path)
    with pytest.raises(CannotShareError, match="only this user can change"):
        Place(path)


def test_a_folder_that_may_not_be_entered_is_said_with_its_reason(path):
    script = f"""
import os, sys
os.setgid(12345), os.setuid(12345)
from pathlib import Path
from polymeter.registries.shared.place import CannotShareError, Place
try:
    Place(Path({str(path)!r}))
except CannotShareError as error:
    print(error)
"""
    if os.getuid():
        pytest.skip("this user cannot become another one")
    path.parent.chmod(0o755)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in told.stderr or "PermissionError" in told.stderr:
        pytest.skip("another user cannot read this project")
    assert "EACCES" in told.stdout, told


def test_a_file_system_without_locks_is_said_with_its_reason(path, monkeypatch):
    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(places.locks, "lock_alone", none)
    with pytest.raises(CannotShareError, match="ENOLCK"):
        Place(path)


def test_what_could_not_be_entered_leaves_nothing_open(path, monkeypatch):
    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - of Linux alone
    with monkeypatch.context() as patch:
        patch.setattr(places.locks, "lock_alone", none)
        for _ in range(5):
            with pytest.raises(CannotShareError):
                Place(path)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


def test_a_registry_that_is_closed_leaves_nothing_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        with opened(tmp_path) as one, opened(tmp_path) as other:
            one.counter("calls")
            one.publish()
            other.find("calls")
            one.snapshot()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_registry_that_is_closed_can_be_read_and_recorded_on(tmp_path):
    with opened(tmp_path) as one:
        one.counter("calls")
        one.close()
        assert one.total("calls") == 1
        one.counter("calls")
        one.close()
        one.close()
        assert one.total("calls") == 2
