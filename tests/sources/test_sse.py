"""Server-sent events are found in a body, whatever pieces it comes in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from polymeter.sources.sse import EventReader

BODY = (
    b": comment\r\n"
    b"event: one\r\ndata: {1}\r\n\r\n"
    b"data:{2a}\ndata: {2b}\nid: 7\n\n"
    b"event: no data\n\n"
    b"data: {3}\r\r"
    b"\n"
    b"data:  {4 \xc3\xa9\xe2\x80\xa8}\n\n"
    b"data: [DONE]\n\n"
    b"data: {5}"
)
EVENTS = [b"{1}", b"{2a}\n{2b}", b"{3}", b"{4 \xc3\xa9\xe2\x80\xa8}", b"[DONE]", b"{5}"]


def read(pieces, **options):
    reader = EventReader(**options)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


@given(cuts=st.lists(st.integers(0, len(BODY))))
def test_events_are_the_same_in_whatever_pieces_they_come(cuts):
    places = [0, *sorted(cuts), len(BODY)]
    assert read(BODY[a:b] for a, b in pairwise(places)) == EVENTS


def test_byte_by_byte_too():
    assert read(BODY[place : place + 1] for place in range(len(BODY))) == EVENTS


def test_an_event_that_is_too_long_is_known_to_be_missing_and_the_next_one_is_read():
    long = [b"data: ", *[b"x" * 10] * 10, b"\n\n", b"data: 1\n\n"]
    assert read(long, limit=50) == [None, b"1"]
    lines = [b"data: xxxxxxxxx\n"] * 10 + [b"\n", b"data: 1\n\n"]
    assert read(lines, limit=50) == [None, b"1"]


def test_no_more_than_one_event_is_kept():
    reader = EventReader(limit=1000)
    for _ in range(100):
        reader.feed(b"data: " + b"x" * 500 + b"\n\n")
        assert len(reader._line) + sum(map(len, reader._lines)) == 0
    for _ in range(100):
        reader.feed(b"data: " + b"x" * 500)
        assert len(reader._line) <= 1000


def test_an_empty_body_has_no_events():
    assert read([]) == read([b""]) == read([b"\n\n\r\n"]) == []
