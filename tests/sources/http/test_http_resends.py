"""Requests that a library sends again by itself, and bodies that it throws away."""

from __future__ import annotations

import asyncio
import contextlib
import io
import random

import aiohttp
import pytest
import requests
import requests.adapters
import urllib3
from aiohttp import test_utils, web

from tests.sources.http.server import PIECE, TEXT

pytestmark = pytest.mark.usefixtures("no_collection", "source")


@pytest.fixture
def session(server):
    """Give a session that tries three times more."""
    with requests.Session() as session:
        retry = urllib3.Retry(total=3, status_forcelist=[503], allowed_methods=None)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        yield session


def told(ear):
    return [(end.attempt, end.outcome, end.http_status, end.error_type) for end in ear.ends]


def test_each_try_of_urllib3_is_a_request(ear, server, session):
    assert session.get(f"{server.url}/flaky/2").content == TEXT
    assert told(ear) == [(1, "ok", 503, None), (2, "ok", 503, None), (3, "ok", 200, None)]
    assert [end.response_bytes for end in ear.ends] == [7, 7, len(TEXT)]
    assert len(server.seen) == 3


def test_a_broken_line_is_tried_again(ear, server, session):
    assert session.get(f"{server.url}/flaky/2/0").content == TEXT
    broken = "error", None, "ProtocolError"
    assert told(ear) == [(1, *broken), (2, *broken), (3, "ok", 200, None)]


def test_the_last_try_fails_as_the_caller_sees_it(ear, server, session):
    with pytest.raises(requests.exceptions.RetryError):
        session.get(f"{server.url}/flaky/9")
    assert told(ear) == [*[(n, "ok", 503, None) for n in (1, 2, 3)], (4, "error", 503, "RetryError")]
    assert len(server.seen) == 4


def test_the_last_answer_may_be_handed_out(ear, server):
    with requests.Session() as session:
        retry = urllib3.Retry(total=1, status_forcelist=[503], raise_on_status=False)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        assert session.get(f"{server.url}/flaky/9").content == b"not now"
    assert told(ear) == [(1, "ok", 503, None), (2, "ok", 503, None)]
    assert ear.ends[1].response_bytes == 7


def test_a_connection_that_is_refused_is_tried_again(ear, session):
    with pytest.raises(requests.ConnectionError):
        session.get(f"http://127.0.0.1:{test_utils.unused_port()}/")
    assert [end.attempt for end in ear.ends] == [1, 2, 3, 4]
    assert [end.error_type for end in ear.ends] == [*["NewConnectionError"] * 3, "ConnectionError"]


def test_retries_of_somebodys_own_making_are_told_from_their_history(ear, server):
    class Stubborn(urllib3.Retry):
        def increment(self, method=None, url=None, response=None, **_):
            status = None if response is None else response.status
            entry = urllib3.util.retry.RequestHistory(method, url, None, status, None)
            return self.new(history=(*self.history, entry))

    with requests.Session() as session:
        retry = Stubborn(total=3, status_forcelist=[503])
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        assert session.get(f"{server.url}/flaky/2").content == TEXT
    assert [(end.attempt, end.outcome, end.http_status) for end in ear.ends] == [
        (1, "ok", 503),
        (2, "ok", 503),
        (3, "ok", 200),
    ]


def test_a_file_is_sent_again_and_counted_again(ear, server, session):
    class Pipe(io.BytesIO):
        """Has no length that could be known before."""

        def __len__(self):
            raise TypeError

        def fileno(self):
            raise io.UnsupportedOperation

    body = Pipe(b"x" * 5000)
    request = requests.Request("POST", f"{server.url}/flaky/1", data=(piece for piece in [b"x" * 5000])).prepare()
    request.body = body
    assert session.send(request).content == TEXT
    assert [end.request_bytes for end in ear.ends] == [5000, 5000]
    assert request.body is body


def test_what_aiohttp_sends_again_is_a_request(ear, server):
    async def main():
        async with aiohttp.ClientSession(server.url) as session, session.get("/flaky/1/0") as answer:
            return await answer.read()

    assert asyncio.run(main()) == TEXT
    assert told(ear) == [(1, "error", None, "ServerDisconnectedError"), (2, "ok", 200, None)]
    assert len(server.seen) == 2


def test_what_a_middleware_of_aiohttp_sends_again_is_a_request(ear, server):
    async def again(request, handler):
        answer = await handler(request)
        while answer.status == 503:
            answer.release()
            answer = await handler(request)
        return answer

    async def main():
        async with aiohttp.ClientSession(server.url, middlewares=[again]) as session, session.get("/flaky/2") as answer:
            return await answer.read()

    assert asyncio.run(main()) == TEXT
    assert told(ear) == [(1, "ok", 503, None), (2, "ok", 503, None), (3, "ok", 200, None)]


def test_a_session_of_aiohttp_that_refuses_a_status_reads_no_body(ear, server):
    async def main():
        async with aiohttp.ClientSession(server.url, raise_for_status=True) as session:
            with pytest.raises(aiohttp.ClientResponseError):
                await session.get("/status/404")

    asyncio.run(main())
    assert told(ear) == [(1, "ok", 404, None)]


def test_classes_of_somebodys_own_are_followed_too(ear, server):
    class Answer(aiohttp.ClientResponse):
        pass

    async def main():
        async with aiohttp.ClientSession(server.url, response_class=Answer) as session:
            async with session.get("/chunks") as answer:
                assert isinstance(answer, Answer)
                await answer.read()
            assert type(answer) is Answer

    asyncio.run(main())
    assert (ear.end.outcome, ear.end.response_bytes) == ("ok", 3 * len(PIECE))


def test_a_websocket_is_a_request_up_to_its_headers(ear):
    async def serve(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(await socket.receive_str())
        await socket.close()
        return socket

    async def main():
        app = web.Application()
        app.router.add_get("/", serve)
        async with test_utils.TestServer(app) as server, aiohttp.ClientSession() as session:
            async with session.ws_connect(server.make_url("/")) as socket:
                outcomes = ear.outcomes[:]
                await socket.send_str("hello")
                assert await socket.receive_str() == "hello"
            return outcomes

    assert asyncio.run(main()) == ["ok"]
    assert (ear.end.http_status, ear.end.scheme, ear.end.response_bytes) == (101, "http", 0)


def test_a_timeout_of_a_whole_call_of_aiohttp(ear, server):
    async def pieces(session):
        async with session.get("/endless") as answer:
            async for _ in answer.content.iter_any():
                pass

    async def whole(session):
        async with session.get("/endless") as answer:
            await answer.read()

    async def main():
        async with aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=0.1)) as session:
            for job in (session.get("/silence"), pieces(session), whole(session)):
                with pytest.raises(TimeoutError):
                    await job

    asyncio.run(main())
    assert told(ear) == [
        (1, "error", None, "TimeoutError"),
        (1, "error", 200, "TimeoutError"),
        (1, "error", 200, "TimeoutError"),
    ]


def test_a_storm_is_told_request_by_request(ear, server, source):
    """As many as the server saw, whatever was tried again."""
    paths = ["text", "chunks", "gzip", "status/503", "redirect/2", "drop/0", "drop/1", "empty"]
    dice = random.Random(7)

    with requests.Session() as session:
        retry = urllib3.Retry(total=2, status_forcelist=[503], raise_on_status=False)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        for _ in range(150):
            with contextlib.suppress(requests.RequestException):
                session.get(f"{server.url}/{dice.choice(paths)}", timeout=5)

    async def main():
        async def one(session):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"/{dice.choice(paths)}") as answer:
                    await answer.read()

        async with aiohttp.ClientSession(server.url) as session:
            await asyncio.gather(*[one(session) for _ in range(150)])

    asyncio.run(main())
    health = source.health()
    assert len(server.seen) == health.started == len(ear.ends) > 300
    assert health.ok + health.error == health.started
