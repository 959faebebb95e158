"""Frames: whatever happens to the bytes of a file, all records but the damaged ones are read."""

from __future__ import annotations

import random
import struct
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.frames import MOST_BYTES, Reading, frame

MARK = frame(1, b"")[:4]
CONTENTS = st.lists(st.binary(max_size=40).filter(lambda content: MARK not in content), max_size=12)


def bodies(contents):
    return [b"\x03" + content for content in contents]


def read(*parts):
    """Give what is read of a file that grows by ``parts``, and how many stretches were damaged."""
    reading, read = Reading(), []
    for part in parts:
        reading.feed(part, read.append)
    return read, reading.damaged


def split(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


def numbered(count):
    """Give frames that differ, and where each begins."""
    frames = [frame(3, b"series %d" % number * (number % 7)) for number in range(count)]
    begins = [sum(map(len, frames[:number])) for number in range(count)]
    return frames, begins


@given(CONTENTS, st.lists(st.integers(0, 1000), max_size=8))
def test_any_split_of_a_stream_into_reads_gives_the_same_frames(contents, places):
    data = b"".join(frame(3, content) for content in contents)
    assert read(*split(data, places)) == (bodies(contents), 0)


@given(CONTENTS, st.integers(0), st.integers(1, 255), st.lists(st.integers(0, 1000), max_size=4))
def test_a_changed_byte_loses_its_own_record_and_is_counted_once(contents, place, change, places):
    frames = [frame(3, content) for content in [*contents, b"the last one"]]
    data = bytearray(b"".join(frames))
    place %= len(data) - len(frames[-1]) + 1
    data[place] ^= change
    hit = next(number for number in range(len(frames)) if place < len(b"".join(frames[: number + 1])))
    left = bodies([*contents, b"the last one"])
    if hit < len(contents):
        del left[hit]
        assert read(*split(bytes(data), places)) == (left, 1)
    else:  # of the last one nobody knows whether it goes on
        assert read(*split(bytes(data), places))[0] == left[:-1]


def test_every_change_of_every_byte_is_noticed():
    frames, begins = numbered(5)
    data = b"".join(frames)
    whole, _ = read(data)
    for place in range(begins[-1]):
        hit = max(number for number, begin in enumerate(begins) if begin <= place)
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            assert read(bytes(damaged)) == (whole[:hit] + whole[hit + 1 :], 1), (place, bit)


@given(CONTENTS, CONTENTS, st.binary(min_size=1, max_size=30), st.lists(st.integers(0, 1000), max_size=4))
def test_strange_bytes_between_records_are_skipped_and_counted_once(before, after, strange, places):
    first, second = (b"".join(frame(3, content) for content in part) for part in (before, after))
    found, damaged = read(*split(first + strange + second + frame(3, b"end") * 2, places))
    assert found == bodies([*before, *after, b"end", b"end"])
    assert damaged == 1


@given(CONTENTS.filter(bool), st.integers(0), st.integers(1, 60), CONTENTS.filter(bool))
def test_bytes_that_are_missing_lose_the_records_they_are_of(contents, place, length, after):
    frames = [frame(3, content) for content in contents]
    data = b"".join(frames)
    place %= len(data)
    cut = data[:place] + data[place + length :]
    found, damaged = read(cut + b"".join(frame(3, content) for content in after) + frame(3, b"end"))
    begins = [len(b"".join(frames[:number])) for number in range(len(frames))]
    whole = [
        content
        for content, begin, each in zip(contents, begins, frames, strict=True)
        if begin + len(each) <= place or begin >= place + length
    ]
    assert _is_within(bodies([*whole, *after, b"end"]), found)
    assert len(found) <= len(contents) + len(after) + 1
    assert damaged <= 1


def _is_within(some, all_of_them):
    left = iter(all_of_them)
    return all(each in left for each in some)


@given(CONTENTS.filter(bool), st.integers(0), st.integers(0), st.integers(1, 80))
def test_a_stretch_that_is_there_twice_loses_no_more_than_the_record_it_is_put_into(contents, from_, to, length):
    data = b"".join(frame(3, content) for content in contents)
    from_, to = from_ % len(data), to % len(data)
    found, damaged = read(data[:to] + data[from_ : from_ + length] + data[to:] + frame(3, b"end"))
    assert found[-1] == b"\x03end"
    missing = bodies(contents)
    for body in found:
        if body in missing:
            missing.remove(body)
    assert len(missing) <= 1
    assert damaged <= 2


@given(CONTENTS.filter(bool), st.integers(0))
def test_a_torn_end_that_is_completed_later_is_no_damage(contents, place):
    data = b"".join(frame(3, content) for content in contents)
    place %= len(data)
    whole = [content for number, content in enumerate(contents) if _end(contents, number) <= place]
    assert read(data[:place]) == (bodies(whole), 0)
    assert read(data[:place], data[place:]) == (bodies(contents), 0)


def _end(contents, number):
    return sum(len(frame(3, content)) for content in contents[: number + 1])


def test_a_torn_record_is_given_up_once_whole_ones_follow():
    """Its writer was interrupted in a write and went on."""
    torn = frame(3, b"x" * 100)[:50]
    assert read(frame(3, b"a"), torn, frame(3, b"b"), frame(3, b"c")) == (bodies([b"a", b"b", b"c"]), 1)


@pytest.mark.parametrize("length", [0, 2**20, MOST_BYTES, MOST_BYTES + 1, 2**31, 2**32 - 1])
def test_a_length_that_cannot_be_keeps_nobody_waiting(length):
    strange = MARK + struct.pack("<II", length, 0) + b"and so on"
    found, damaged = read(frame(3, b"a"), strange, frame(3, b"b"), frame(3, b"c"))
    assert (found, damaged) == (bodies([b"a", b"b", b"c"]), 1)


def test_damage_in_two_places_counts_twice():
    frames, begins = numbered(9)
    data = bytearray(b"".join(frames))
    data[begins[2] + 13] ^= 1
    data[begins[6] + 1] ^= 1
    found, damaged = read(bytes(data))
    assert (len(found), damaged) == (7, 2)


def _rubbish(kind, size):
    if kind == "marks":
        return MARK * (size // 4)
    if kind == "zeros":
        return bytes(size)
    if kind == "noise":
        return random.Random(5).randbytes(size)
    length = {"short lengths": 60, "long lengths": 2**19, "longest lengths": MOST_BYTES}[kind]
    return (MARK + struct.pack("<II", length, 0)) * (size // 12)


KINDS = ("marks", "zeros", "noise", "short lengths", "long lengths", "longest lengths")


@pytest.mark.parametrize("kind", KINDS)
def test_rubbish_of_any_kind_is_read_in_time_that_grows_no_faster_than_it_does(kind):
    """Twice as much takes about twice as long, in one piece or in many; what comes after it is found."""

    def seconds(size):
        rubbish = _rubbish(kind, size)
        pieces = [rubbish[at : at + 2**20] for at in range(0, size, 2**20)]
        began = time.thread_time()
        found, damaged = read(*pieces, frame(3, b"after") * 3, b"x" * MOST_BYTES, frame(3, b"the end"))
        assert found[-1] == b"\x03the end"
        assert damaged >= 1
        return time.thread_time() - began

    small, large = seconds(2**20), seconds(2**22)
    assert large < 12 * max(small, 0.02)  # four times as much; a square would be sixteen


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_ten_megabytes_of_rubbish_take_seconds_at_most(kind):
    began = time.thread_time()
    data = _rubbish(kind, 10 * 2**20)
    read(*(data[at : at + 2**16] for at in range(0, len(data), 2**16)))
    read(data)
    assert time.thread_time() - began < 30
