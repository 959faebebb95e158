"""Series that end, and apps that are cleared, as all processes see it."""

from __future__ import annotations

import pytest


@pytest.fixture
def two(make, clock):
    return [make(clock=clock) for _ in range(2)]


def test_what_one_forgets_is_gone_for_all_and_stays_in_the_total(two):
    one, other = two
    for registry in two:
        for model in ("a", "b"):
            registry.counter("calls", {"model": model}, 5)
            registry.up_down("active", 1, {"model": model})
            registry.timer("wait", 10, {"model": model})
        registry.flush()
    assert one.forget("calls", {"model": "a"}) == 1
    assert one.forget("active", {"model": "a"}) == 1
    assert one.forget("wait") == 2
    assert one.forget("nothing") == 0
    for registry in two:
        assert [str(each) for each in registry.find("calls")] == ['calls{model="b"} 10']
        assert registry.total("calls") == 20
        assert registry.find("wait") == []
        assert registry.total("wait") == 40
    assert [str(each) for each in one.find("active")] == ['active{model="b"} 2']
    assert other.total("calls", {"model": "b"}) == 10


def test_recorded_on_again_it_begins_anew_later_than_it_ended(two, clock):
    one, other = two
    one.counter("calls", None, 5)
    other.counter("calls", None, 5)
    other.flush()
    [before] = one.find("calls")
    clock.advance(10)
    one.forget("calls")
    other.counter("calls", None, 2)
    [after] = other.find("calls")
    assert (after.value, other.total("calls")) == (2, 12)
    assert after.start > before.start
    assert after.start >= clock.wall()


def test_a_reader_is_shown_the_last_value_of_what_another_process_has_ended(two):
    one, other = two
    one.counter("calls", None, 5)
    reader = one.reader()
    reader.over(one.snapshot())
    reader.commit()
    other.counter("calls", None, 2)
    other.flush()
    other.forget("calls")
    snapshot = reader.over(one.snapshot())
    assert [each.value for each in snapshot.by_name("calls")] == [7]
    reader.commit()
    assert reader.over(one.snapshot()).by_name("calls") == []


def test_a_series_expires_when_nobody_anywhere_records_on_it(make, clock):
    one, other = (make(clock=clock, expire_after=60) for _ in range(2))
    one.counter("calls", {"by": "both"})
    one.counter("calls", {"by": "one"})
    one.gauge("level", 1)
    one.flush()
    clock.advance(50)
    other.counter("calls", {"by": "both"})
    other.flush()
    clock.advance(20)
    assert [str(each) for each in one.all()] == ['calls{by="both"} 2']
    assert [str(each) for each in other.all()] == ['calls{by="both"} 2']
    assert one.total("calls") == other.total("calls") == 3


def test_clear_clears_for_all_and_begins_an_epoch(two):
    one, other = two
    for registry in two:
        registry.counter("calls", None, 5)
        registry.up_down("active", 1)
        registry.flush()
    before = other.snapshot()
    one.clear()
    assert (one.all(), other.all()) == ([], [])
    other.counter("calls")
    one.counter("calls")
    other.flush()
    assert one.total("calls") == other.total("calls") == 2
    after = other.snapshot()
    assert (after.writer, after.epoch) == (before.writer, before.epoch + 1)
    assert [each.value for each in after.since(before).by_name("calls")] == [2]


def test_what_a_cleared_process_records_counts_in_the_new_epoch(two):
    """Once it has heard of it."""
    one, other = two
    other.counter("calls", None, 5)
    other.flush()
    series = other.bind("counter", "calls")
    one.clear()
    other.flush()
    series.add(2)
    assert one.total("calls") == 0
    other.flush()
    assert one.total("calls") == 2
