"""The metrics as an ASGI app: what it says, and that the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import gzip

import pytest
import trio

from polymeter.exporters.serving import Bearer, BrokenOffError, asgi_app
from polymeter.exporters.serving.rendering import Rendering
from tests.exporters.serving.stand_in import PLAIN, StandIn, fail

HTTP = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "/mounted"}


class Client:
    """Speaks ASGI to an app.

    :ivar sent: what the app has sent.
    """

    def __init__(self, app, method="GET", path="/mounted", query=b"", headers=()):
        self.app = app
        self.scope = {**HTTP, "method": method, "path": path, "query_string": query, "headers": headers}
        self.sent = []
        self.hangs_up = asyncio.Event()

    async def receive(self):
        if not self.sent and not hasattr(self, "asked"):
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)

    async def ask(self):
        await self.app(self.scope, self.receive, self.send)
        return self

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def headers(self):
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self):
        assert [message["more_body"] for message in self.sent[1:]] == [True] * (len(self.sent) - 2) + [False]
        return b"".join(message["body"] for message in self.sent[1:])


def asked(app, *args, **kwargs):
    return asyncio.run(Client(app, *args, **kwargs).ask())


def test_it_answers_at_any_path_below_its_mount():
    app = asgi_app(StandIn(b"a 1\n"))
    for number, path in enumerate(["/mounted", "/mounted/", "/mounted/any/thing"], 1):
        client = asked(app, path=path)
        assert (client.status, client.headers["content-type"]) == (200, PLAIN)
        assert client.body == f"renderings_total {number}\na 1\n".encode()
        assert client.headers["content-length"] == str(len(client.body))


def test_accept_names_and_gzip_arrive():
    exposer = StandIn()
    headers = [(b"accept", b"text/html"), (b"Accept", b"*/*"), (b"accept-encoding", b"gzip")]
    client = asked(asgi_app(exposer), query=b"name[]=a", headers=headers)
    assert exposer.asked == [("text/html, */*", ("a",))]
    assert gzip.decompress(client.body) == b"renderings_total 1\n"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("OPTIONS", 204)])
def test_head_and_options_have_no_body(method, status):
    client = asked(asgi_app(StandIn()), method)
    assert (client.status, client.body) == (status, b"")


def test_a_credential_is_asked_for():
    app = asgi_app(StandIn(), auth=Bearer("s3cret"))
    assert asked(app).status == 401
    assert asked(app, headers=[(b"authorization", b"Bearer s3cret")]).status == 200


def test_large_answers_go_out_piece_by_piece():
    client = asked(asgi_app(StandIn(*[b"x 1\n" * 10_000] * 5)))
    assert len(client.sent) == 1 + 6 + 1 - 1  # the small first slice goes with the second
    assert len(client.body) == len(b"renderings_total 1\n") + 200_000


def test_what_fails_late_is_a_500_and_never_half_an_answer():
    client = asked(asgi_app(StandIn(b"a 1\n" * 100_000, fail)))
    assert (client.status, client.body) == (500, b"The metrics could not be rendered.\n")


def test_an_answer_that_has_to_be_broken_off_is_not_ended_as_if_it_were_whole():
    """A middleware would make a whole answer of one that its app returns from."""

    async def cut():
        client = Client(asgi_app(StandIn(b"x 1\n" * 100_000, b"y 1\n" * 100_000)))
        keep = client.send

        async def send(message):
            await keep(message)
            if message["type"] == "http.response.body":
                for each in gc.get_objects():
                    if isinstance(each, Rendering):
                        each.cut()

        client.send = send
        with pytest.raises(BrokenOffError):
            await client.ask()
        return client

    client = asyncio.run(cut())
    assert [message.get("more_body") for message in client.sent] == [None, True]


class Meter:
    """Counts the turns of a loop, and how many slices are rendered in each."""

    def __init__(self, exposer, pause):
        self.exposer = exposer
        self.pause = pause
        self.most = 0
        self.turns = 0
        self.is_over = False

    async def run(self):
        before = self.exposer.steps
        while not self.is_over:
            await self.pause()
            self.most = max(self.most, self.exposer.steps - before)
            before = self.exposer.steps
            self.turns += 1


async def asyncio_pause():
    await asyncio.sleep(0)


def test_however_many_ask_at_once_one_slice_is_rendered_per_turn_of_the_loop():
    exposer = StandIn(*[b"x 1\n" * 100] * 50)
    app = asgi_app(exposer)

    async def ask():
        meter = Meter(exposer, asyncio_pause)
        metering = asyncio.ensure_future(meter.run())
        clients = await asyncio.gather(*[Client(app).ask() for _ in range(200)])
        meter.is_over = True
        await metering
        return clients, meter

    clients, meter = asyncio.run(ask())
    assert {client.status for client in clients} == {200}
    assert {len(client.body) for client in clients} == {len(b"renderings_total 1\n") + 50 * 400}
    assert meter.most == 1
    assert meter.turns > 50
    assert exposer.begun <= 2


def test_trio_has_its_turns_too():
    exposer = StandIn(*[b"x 1\n" * 100] * 50)
    app = asgi_app(exposer)

    async def main():
        meter = Meter(exposer, trio.lowlevel.checkpoint)
        clients = [Client(app) for _ in range(20)]
        async with trio.open_nursery() as all_of_it:
            all_of_it.start_soon(meter.run)
            async with trio.open_nursery() as asking:
                for client in clients:
                    asking.start_soon(client.ask)
            meter.is_over = True
        return clients, meter

    clients, meter = trio.run(main)
    assert {client.status for client in clients} == {200}
    assert {len(client.body) for client in clients} == {len(b"renderings_total 1\n") + 50 * 400}
    # In trio two tasks have their turns in any order, so that two slices may follow one another.
    assert meter.most <= 2
    assert exposer.begun <= 2


def test_a_client_that_hangs_up_stops_the_rendering():
    async def ask():
        client = Client(asgi_app(exposer))
        exposer.slices = [b"a 1\n", lambda: client.hangs_up.set() or b"b 1\n", *[b"c 1\n"] * 1000]
        await client.ask()
        return client

    exposer = StandIn()
    client = asyncio.run(ask())
    assert client.sent == []
    assert exposer.steps < 20


def test_a_client_that_hangs_up_stops_nothing_for_others():
    async def ask():
        first, second = Client(app), Client(app)
        exposer.slices = [b"a 1\n", lambda: first.hangs_up.set() or b"b 1\n", *[b"c 1\n"] * 100]
        await asyncio.gather(first.ask(), second.ask())
        return second

    exposer = StandIn()
    app = asgi_app(exposer)
    assert len(asyncio.run(ask()).body) == len(b"renderings_total 2\na 1\nb 1\n") + 400


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_client_that_is_gone_when_the_answer_is_sent_is_no_error(fails_at):
    async def ask():
        client = Client(asgi_app(StandIn()))
        keep = client.send

        async def send(message):
            if len(client.sent) == fails_at:
                raise OSError
            await keep(message)

        client.send = send
        await client.ask()
        return client

    assert len(asyncio.run(ask()).sent) == fails_at


def test_a_receive_that_fails_takes_no_answer_away():
    async def ask():
        client = Client(asgi_app(StandIn(*[b"a 1\n"] * 10)))
        client.receive = fail
        return await client.ask()

    assert asyncio.run(ask()).status == 200


def test_no_task_is_left_behind():
    async def ask():
        await Client(asgi_app(StandIn(*[b"a 1\n"] * 10))).ask()
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(ask()) == set()


def test_a_request_that_is_cancelled_leaves_the_turn_to_others():
    exposer = StandIn(*[b"a 1\n"] * 100)
    app = asgi_app(exposer)

    async def ask():
        cancelled = asyncio.ensure_future(Client(app).ask())
        while exposer.steps < 10:  # noqa: ASYNC110 - turn by turn
            await asyncio.sleep(0)
        cancelled.cancel()
        return await Client(app).ask()

    assert asyncio.run(ask()).status == 200
    assert exposer.begun == 2
    assert exposer.steps < 10 + 3 + 101


def test_a_loop_that_was_left_standing_does_not_hold_another_one_up():
    exposer = StandIn(*[b"a 1\n"] * 10)
    app = asgi_app(exposer)
    standing = Client(app).ask()
    standing.send(None)  # as a loop does, which then stops for ever
    try:
        assert asked(app).status == 200
    finally:
        standing.close()


def test_lifespan_is_answered_and_has_no_effect():
    sent = []

    async def live():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message)

        await asgi_app(StandIn())({"type": "lifespan"}, receive, send)

    asyncio.run(live())
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def test_a_websocket_is_refused():
    sent = []

    async def connect():
        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        await asgi_app(StandIn())({"type": "websocket"}, receive, send)

    asyncio.run(connect())
    assert sent == [{"type": "websocket.close", "code": 1000}]
