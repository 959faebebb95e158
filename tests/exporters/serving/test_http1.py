"""HTTP/1.1 as bytes: what is a request, and what is said of everything else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.exporters.serving.http1 import HEAD_LIMIT, LINE_LIMIT, head_of, read_request
from polymeter.exporters.serving.page import Answer, Request, plain

HOST = b"\r\nHost: here\r\n\r\n"


def read(data):
    return read_request(bytearray(data))


def status_of(data):
    asked = read(data)
    return asked.what.status if isinstance(asked.what, Answer) else 200


def test_a_request_is_taken_out_of_the_buffer():
    buffer = bytearray(b"\r\n\nGET /metrics?a=1?b HTTP/1.1\r\nHost: here\r\nAccept:  a \r\naccept: b\r\n\r\nGET /next")
    asked = read_request(buffer)
    assert asked.what == Request(
        method="GET", path="/metrics", query="a=1?b", headers={"host": "here", "accept": "a, b"}
    )
    assert asked.keep_alive
    assert buffer == b"GET /next"


def test_a_request_that_is_not_complete_is_waited_for():
    whole = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
    buffer = bytearray()
    for number, byte in enumerate(whole):
        assert read_request(buffer, max(0, number - 1)) is None
        buffer.append(byte)
    assert read_request(buffer, len(buffer) - 1).what.path == "/"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"/a%20b/%C3%BC?x=%20", "/a b/ü", "x=%20"),
        (b"http://other:9464/metrics?x", "/metrics", "x"),
        (b"HTTPS://other", "/", ""),
        (b"http://other?x", "/", "x"),
        (b"*", "*", ""),
        (b"//metrics", "//metrics", ""),
        (b"/metrics#x", "/metrics#x", ""),
    ],
)
def test_targets_become_path_and_query(target, path, query):
    asked = read(b"GET " + target + b" HTTP/1.1" + HOST)
    assert (asked.what.path, asked.what.query) == (path, query)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", 200),
        (b"GET / HTTP/1.1\nHost: here\n\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.9" + HOST, 200),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0" + HOST, 505),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (b"GET metrics HTTP/1.1" + HOST, 400),
        (b"GET ftp://x/ HTTP/1.1" + HOST, 400),
        (b"GET  / HTTP/1.1" + HOST, 400),
        (b"G\xffT / HTTP/1.1" + HOST, 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : here\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: here\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: he\x00re\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n", 400),
        (b"GET /" + b"x" * LINE_LIMIT, 414),
        (b"GET /" + b"x" * LINE_LIMIT + b" HTTP/1.1" + HOST, 414),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * HEAD_LIMIT, 431),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * HEAD_LIMIT + HOST, 431),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * (HEAD_LIMIT // 2) + HOST, 200),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_told_so(data, status):
    assert status_of(data) == status


@pytest.mark.parametrize(
    ("more", "keep_alive"),
    [
        (b"", True),
        (b"Content-Length: 0\r\n", True),
        (b"Connection: keep-alive\r\n", True),
        (b"Connection: Close\r\n", False),
        (b"Content-Length: 5\r\n", False),
        (b"Content-Length: x\r\n", False),
        (b"Transfer-Encoding: chunked\r\n", False),
    ],
)
def test_a_connection_ends_with_a_request_that_says_so_or_has_a_body(more, keep_alive):
    asked = read(b"GET / HTTP/1.1\r\nHost: here\r\n" + more + b"\r\n")
    assert asked.what.method == "GET"
    assert asked.keep_alive is keep_alive


def test_http_1_0_has_one_request_per_connection():
    assert not read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive


@given(st.data())
def test_it_does_not_matter_in_which_pieces_requests_come(data):
    stream = b"\r\n".join([b"GET /1 HTTP/1.1\nHost: here\n\n", b"HEAD /2 HTTP/1.1\r\nHost: there\r\nX: y\r\n\r\n"])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    buffer, searched, asked = bytearray(), 0, []
    for start, end in itertools.pairwise([0, *cuts, len(stream)]):
        buffer += stream[start:end]
        while found := read_request(buffer, searched):
            asked.append((found.what.method, found.what.path, found.what.headers["host"]))
            searched = 0
        searched = len(buffer)
    assert asked == [("GET", "/1", "here"), ("HEAD", "/2", "there")]
    assert buffer == b""


@given(st.binary() | st.binary().map(lambda data: data + b"\r\n\r\n"))
def test_no_bytes_raise(data):
    read(data)


@given(st.lists(st.sampled_from([b"GET", b"/", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b":", b"Host", b" ", b"a"])))
def test_no_bytes_that_look_like_http_raise(parts):
    read(b"".join(parts))


def test_the_head_of_an_answer():
    first, date, *rest = head_of(plain(404, "No."), keep_alive=False).decode().split("\r\n")
    assert first == "HTTP/1.1 404 Not Found"
    assert date.startswith("date: ")
    assert date.endswith(" GMT")
    assert rest == ["content-type: text/plain; charset=utf-8", "content-length: 4", "connection: close", "", ""]
    assert b"connection" not in head_of(plain(404, "No."), keep_alive=True)
