"""Damage: whatever becomes of the files, every read answers, and what is lost is counted and comes back."""

from __future__ import annotations

import json
import os
import random
import shutil
from contextlib import ExitStack

import pytest

from polymeter.data.records import joined
from polymeter.frames import frame
from polymeter.registries.shared import slot
from tests.registries.shared.workers import Worker, damaged, failed, opened

SERIES = 20

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    """Keep what is logged of failures out of the report."""
    caplog.set_level("CRITICAL", "polymeter.registries")


@pytest.fixture
def shop(tmp_path):
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(opened(tmp_path, **options))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop"


def record(registry, times=1):
    for number in range(SERIES):
        registry.counter("calls", {"n": number}, times)
        registry.timer("took_ms", 10 * number + 1, {"n": number})
    registry.publish()


def calls(registry):
    return {int(each.tags["n"]): each.value for each in registry.find("calls")}


def every(value):
    return dict.fromkeys(range(SERIES), value)


def the_slot_of(registry):
    return registry._place.slot(registry.own.writer)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0x10
    _overwrite(path, content)


def _overwrite(path, content):
    """Change the bytes in place: it stays the same file, with the same locks."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate(len(content))


def do_damage(path, chance):
    """Do one of the things that happen to files."""
    content = bytearray(path.read_bytes())
    if not content:
        return
    at, length = chance.randrange(len(content)), chance.choice((1, 4, 50, 2000))
    what = chance.choice(("flip", "zero", "truncate", "insert", "noise", "twice"))
    if what == "flip":
        content[at] ^= 1 << chance.randrange(8)
    elif what == "zero":
        content[at : at + length] = bytes(len(content[at : at + length]))
    elif what == "truncate":
        del content[at:]
    elif what == "insert":
        content[at:at] = chance.randbytes(length)
    elif what == "noise":
        content[at : at + length] = chance.randbytes(len(content[at : at + length]))
    else:
        content[at:at] = content[at : at + length]
    _overwrite(path, content)


# -- anything, anywhere


@pytest.mark.parametrize("seed", range(12))
def test_damage_of_any_kind_anywhere_is_survived_and_what_is_published_again_is_right(seed, shop, folder):
    _survive(random.Random(seed), shop, folder, rounds=6)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1150))
def test_much_damage_of_any_kind_is_survived(seed, shop, folder):
    _survive(random.Random(seed), shop, folder, rounds=25)


def _survive(chance, shop, folder, rounds):
    writers = [shop() for _ in range(3)]
    for said in range(1, rounds):
        for writer in writers:
            record(writer)
        for _ in range(chance.randrange(1, 4)):
            do_damage(chance.choice(sorted(folder.iterdir())), chance)
        for reader in writers:
            assert all(value >= said for value in calls(reader).values())  # its own part at least
            assert len(calls(reader)) == SERIES
            assert reader.total("took_ms") > 0
            assert len(reader.snapshot()) >= 2 * SERIES
        for writer in writers:
            record(writer, 0)
        for reader in (*writers, shop()):
            assert calls(reader) == every(said * len(writers))


def test_damage_while_processes_record_is_made_good_by_what_they_record_next(tmp_path, folder):
    chance = random.Random(7)
    work = "for n in range(300): registry.counter('calls', {'n': n % 20}); n % 15 or registry.publish()"
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(tmp_path)) for _ in range(3)]
        reader = stack.enter_context(opened(tmp_path))
        for worker in workers:
            worker.do("registry.counter('calls', {'n': 0}, 0)")
            worker.begin(work)
        for _ in range(60):
            do_damage(chance.choice(sorted(each for each in folder.iterdir() if each.suffix != ".new")), chance)
            assert all(value <= 45 for value in calls(reader).values())
        for worker in workers:
            assert worker.told() is None
            worker.do("for n in range(20): registry.counter('calls', {'n': n}, 0)")
            worker.do("registry.publish()")
        assert calls(reader) == every(45)
        assert all(worker.do("registry.total('calls')") == 900 for worker in workers)


# -- slots


def test_a_changed_byte_in_a_slot_loses_one_series_until_it_is_published_again(shop):
    one, other = shop(), shop()
    record(one)
    size = the_slot_of(one).stat().st_size
    lost = 0
    for place in range(0, size, 97):
        flip(the_slot_of(one), place)
        reader = shop()
        seen = calls(reader)
        assert set(seen.values()) <= {1}
        assert len(seen) >= SERIES - 1
        assert len(reader.find("took_ms")) >= SERIES - 1 - (len(seen) - SERIES)
        assert damaged(reader) == 1
        lost += len(seen) < SERIES
        flip(the_slot_of(one), place)
        reader.close()
    assert lost > 0
    assert calls(other) == every(1)


def test_a_slot_that_was_cut_short_is_made_anew_with_all_that_its_writer_has_counted(shop):
    one, other = shop(), shop()
    record(one)
    assert calls(other) == every(1)
    os.truncate(the_slot_of(one), 100)
    one.counter("calls", {"n": 0})
    one.publish()
    assert calls(other) == {**every(1), 0: 2}


def test_a_slot_of_zeros_alone_is_made_good_by_what_is_recorded_next(shop):
    one, other = shop(), shop()
    record(one)
    _overwrite(the_slot_of(one), bytes(the_slot_of(one).stat().st_size))
    assert calls(other) == {}
    record(one)
    assert calls(other) == every(2)
    assert damaged(other) == 1


def test_damage_is_counted_once_by_whoever_reads(shop):
    one, other = shop(), shop()
    record(one)
    flip(the_slot_of(one), the_slot_of(one).stat().st_size // 2)
    for _ in range(3):
        assert damaged(other) == 1
    record(one)
    assert damaged(other) == 1
    assert {each.start for each in other.snapshot() if each.name == "polymeter.shared.damaged"} == {other._started}


def test_damage_that_was_counted_stays_counted_when_its_file_is_gone(shop):
    one, other = shop(), shop()
    record(one)
    flip(the_slot_of(one), the_slot_of(one).stat().st_size // 2)
    assert damaged(other) == 1
    one.close()
    assert damaged(other) == 1
    os.truncate(the_slot_of(other), 0)
    other.clear()
    assert damaged(other) == 1


# -- what is retired


def test_a_changed_byte_in_what_is_retired_loses_one_series_of_the_dead(shop, folder):
    one, other = shop(), shop()
    record(one)
    one.close()
    assert calls(other) == every(1)
    whole = (folder / "retired").read_bytes()
    for place in range(0, len(whole), 97):
        _overwrite(folder / "retired", whole)
        flip(folder / "retired", place)
        reader = shop()
        seen = calls(reader)
        assert set(seen.values()) <= {1}
        assert len(seen) >= SERIES - 1
        assert damaged(reader) == 1
        reader.close()


def test_dead_writers_are_folded_all_the_same_after_damage(shop, folder):
    one, other, reader = shop(), shop(), shop()
    for writer in (one, other):
        record(writer)
    flip(the_slot_of(one), the_slot_of(one).stat().st_size // 2)
    one.close()
    assert sum(calls(reader).values()) >= 2 * SERIES - 1
    flip(folder / "retired", (folder / "retired").stat().st_size // 2)
    other.close()
    fresh = shop()
    assert sum(calls(fresh).values()) >= 2 * SERIES - 3
    assert damaged(fresh) >= 1
    assert not list(folder.glob(f"{one.own.writer}*")) + list(folder.glob(f"{other.own.writer}*"))


def test_the_end_of_a_series_that_makes_no_sense_does_not_keep_others_from_being_folded(shop, folder):
    one, reader = shop(), shop()
    record(one)
    nonsense = slot.gone(0, joined(b"[]", "", b""), by_order=False)
    with the_slot_of(one).open("ab") as file:
        file.write(frame(slot.GONE, nonsense) + frame(slot.STATE, b"\x00") + frame(77, b"of a later version"))
    one._published._slot.let_go()
    assert calls(reader) == every(1)
    assert damaged(reader) == 2
    assert not list(folder.glob(f"{one.own.writer}*"))


# -- what all have in common


def test_what_says_which_run_it_is_is_mended_by_those_that_know(shop, folder):
    one, other = shop(), shop()
    record(one)
    before = one.snapshot()
    content = (folder / "presence").read_bytes()
    for damage in (b"", content[:-1], bytes(len(content)), content[:-6] + b"\xff" + content[-5:], b"x" * 500):
        _overwrite(folder / "presence", damage)
        record(one, 0)
        assert calls(other) == every(1)
        after = one.snapshot()
        assert (after.writer, after.epoch) == (before.writer, before.epoch)
        assert calls(shop()) == every(1)
    assert damaged(one) > 0


def test_a_writer_that_knows_of_no_clear_does_not_bring_the_old_epoch_back(shop, folder):
    """It mends what was damaged with what it knows; who knows better mends that."""
    one, other = shop(), shop()
    for writer in (one, other):
        record(writer)
    other.clear()
    record(other)
    _overwrite(folder / "presence", b"")
    record(one)
    assert calls(other) == every(1)
    assert set(calls(one).values()) <= {1}
    record(one)
    assert calls(other) == every(2)


def test_damaged_orders_make_nobody_forget_what_was_not_meant(shop, folder):
    one, other = shop(), shop()
    record(one)
    record(other)
    one.forget("calls", {"n": 3})
    size = (folder / "orders").stat().st_size
    for place in range(size):
        flip(folder / "orders", place)
        record(other, 0)
        assert set(calls(other)) >= set(range(SERIES)) - {3}
        flip(folder / "orders", place)
        if 3 not in calls(other):
            record(other, 0)
    other.publish()
    assert other.total("calls") == 2 * SERIES


def test_an_order_after_damaged_ones_is_heard(shop, folder):
    one, other = shop(), shop()
    record(one)
    record(other)
    one.forget("calls", {"n": 3})
    other.publish()
    flip(folder / "orders", 20)
    third = shop()
    third.forget("calls", {"n": 4})
    other.publish()
    assert 4 not in {int(each.tags["n"]) for each in other.own.find("calls")}
    for strange in (b"\n\n[", b'[1, "calls", {}]', b"null\n", b"[" * 10_000):
        (folder / "orders").write_bytes(strange)
        record(other)
        assert other.total("calls") > 0


# -- files that are removed


def test_a_slot_that_was_removed_counts_on_and_is_there_again_when_its_writer_publishes(shop):
    one, other = shop(), shop()
    record(one)
    assert calls(other) == every(1)
    the_slot_of(one).unlink()
    assert calls(other) == every(1)
    one.counter("calls", {"n": 0})
    one.publish()
    assert calls(other) == {**every(1), 0: 2}
    assert calls(shop()) == {**every(1), 0: 2}


def test_what_is_retired_and_was_removed_is_written_again_by_who_knows_it(shop, folder):
    one, other = shop(), shop()
    record(one)
    one.close()
    assert calls(other) == every(1)
    (folder / "retired").unlink()
    assert calls(other) == every(1)
    assert calls(shop()) == every(1)


def test_a_run_goes_on_when_what_says_so_is_removed(shop, folder):
    one, other = shop(), shop()
    record(one)
    before = one.snapshot().writer
    (folder / "presence").unlink()
    record(one)
    assert calls(other) == every(2)
    assert (one.snapshot().writer, other.snapshot().writer) == (before, before)
    assert calls(shop()) == every(2)


def test_a_whole_folder_that_is_removed_comes_back_with_what_processes_know(shop, folder):
    """The living know what they have counted, who has read knows the dead."""
    one, other, dead = shop(), shop(), shop()
    for writer in (one, other, dead):
        record(writer)
    dead.close()
    assert calls(other) == every(3)
    shutil.rmtree(folder)
    for writer in (one, other):
        record(writer)
    assert calls(other) == every(5)
    assert calls(one) == every(5)
    assert calls(shop()) == every(5)
    assert failed(one, "ENOENT") == 1


def test_one_file_after_the_other_may_be_removed_while_processes_record(tmp_path, folder):
    chance = random.Random(11)
    work = "for n in range(400): registry.counter('calls', {'n': n % 20}); n % 15 or registry.publish()"
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(tmp_path)) for _ in range(3)]
        for worker in workers:
            worker.do("registry.counter('calls', {'n': 0}, 0)")
            worker.begin(work)
        reader = stack.enter_context(opened(tmp_path))
        for _ in range(30):
            files = sorted(folder.iterdir()) if folder.exists() else []
            if files and chance.random() < 0.8:
                chance.choice(files).unlink(missing_ok=True)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            reader.find("calls")
        for worker in workers:
            assert worker.told() is None
            worker.do("registry.publish()")
        for _ in range(2):
            for worker in workers:
                worker.do("registry.publish()")
        assert calls(reader) == every(60)


# -- what does not belong there


def test_strange_things_in_the_folder_change_nothing(shop, folder, tmp_path):
    one, other = shop(), shop()
    record(one)
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    (folder / "a-folder.slot").mkdir()
    os.mkfifo(folder / "a-pipe.slot")
    (folder / "a-link.slot").symlink_to(outside)
    (folder / "to-itself.slot").symlink_to("to-itself.slot")
    (folder / "nowhere.slot").symlink_to("nowhere")
    (folder / "notes.txt").write_text("notes")
    (folder / "empty.slot").touch()
    (folder / "text.slot").write_text("no frames in here")
    (folder / ".hidden").mkdir()
    for reader in (one, other, shop()):
        assert calls(reader) == every(1)
    record(other)
    other.close()
    assert calls(one) == every(2)
    assert outside.read_text() == "not ours"
    assert (folder / "notes.txt").exists()
    assert (folder / "a-pipe.slot").exists()
    assert failed(one) == 0


def test_strange_things_do_not_keep_an_app_from_beginning_anew(shop, folder):
    folder.mkdir(mode=0o700)
    (folder / "a-folder.slot").mkdir()
    (folder / "retired").mkdir()
    (folder / "orders").mkdir()
    one, other = shop(), shop()
    record(one)
    assert calls(other) == every(1)
    assert not [each for each in one.snapshot() if each.name == "polymeter.shared.apart"]


@pytest.mark.parametrize("name", ["retired", "orders", "presence"])
@pytest.mark.parametrize("strange", ["folder", "pipe", "link"])
def test_a_strange_thing_in_the_place_of_a_common_file_keeps_nobody_waiting(shop, folder, name, strange):
    one, other, dead = shop(), shop(), shop()
    for writer in (one, other, dead):
        record(writer)
    (folder / name).unlink(missing_ok=True)
    if strange == "folder":
        (folder / name).mkdir()
    elif strange == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("/dev/zero")
    dead.close()
    for _ in range(2):
        assert set(calls(one).values()) == {3}
        record(one, 0)
    one.forget("calls", {"n": 1})
    assert one.total("calls") == 3 * SERIES
    shop().total("calls")


@pytest.mark.parametrize("end", ["alive", "dead"])
def test_a_slot_of_another_version_is_left_alone_and_counted_as_damage(shop, folder, end):
    one = shop()
    record(one)
    path = folder / "of-another-version.slot"
    said = {"version": slot.VERSION + 1, "run": one._run.id, "epoch": 0, "writer": path.stem}
    path.write_bytes(frame(slot.HEADER, json.dumps(said).encode()) + the_slot_of(one).read_bytes().split(b"PM", 1)[1])
    if end == "alive":
        holding = os.open(path, os.O_RDONLY)
        import fcntl  # not on every system

        fcntl.flock(holding, fcntl.LOCK_EX)
    before = path.read_bytes()
    assert calls(one) == every(1)
    assert damaged(one) >= 1
    assert path.read_bytes() == before
    if end == "alive":
        os.close(holding)


def test_a_folder_that_became_a_file_is_no_folder_until_it_is_one_again(shop, folder, tmp_path):
    one, other = shop(), shop()
    record(one)
    assert calls(other) == every(1)
    folder.rename(tmp_path / "aside")
    folder.write_text("a file")
    record(other)
    assert calls(other) == every(2)
    assert failed(other) > 0
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    for writer in (one, other):
        record(writer)
    assert calls(one) == every(4)
    assert calls(other) == every(4)


def test_a_link_in_the_place_of_the_folder_is_not_followed(shop, folder, tmp_path):
    one = shop()
    record(one)
    folder.rename(tmp_path / "aside")
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")
    record(one)
    assert calls(one) == every(2)
    assert failed(one, "CannotShareError") > 0
    assert not list((tmp_path / "elsewhere").iterdir())
