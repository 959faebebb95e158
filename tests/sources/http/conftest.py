"""A server, an installed source, and an ear for everything that it says."""

from __future__ import annotations

import asyncio
import gc
from collections import defaultdict

import pytest

from polymeter.events import EventDispatcher
from polymeter.events.http import HttpRequestCompleted, HttpRequestStarted
from polymeter.sources import HttpSource
from tests.sources.http.adapters import ASYNC, SYNC
from tests.sources.http.server import Server

SAME = ("request_id", "method", "host", "port", "scheme", "library", "attempt", "unit_of_work")


class Ear:
    """Hears everything that a dispatcher passes on, and knows the laws that it has to keep."""

    def __init__(self, clock=None):
        self.dispatcher = EventDispatcher(on_error="raise", clock=clock)
        self.events = []
        self.dispatcher.add_listener(object, self.events.append)

    @property
    def started(self):
        return [event for event in self.events if isinstance(event, HttpRequestStarted)]

    @property
    def ends(self):
        return [event for event in self.events if isinstance(event, HttpRequestCompleted)]

    @property
    def end(self):
        (end,) = self.ends
        return end

    @property
    def outcomes(self):
        return [event.outcome for event in self.ends]

    def check_laws(self):
        """Every request has one start and one end, which agree."""
        runs = defaultdict(list)
        for event in self.events:
            runs[event.request_id].append(event)
        for events in runs.values():
            assert [type(event) for event in events] == [HttpRequestStarted, HttpRequestCompleted]
            start, end = events
            assert [getattr(start, name) for name in SAME] == [getattr(end, name) for name in SAME]
            assert isinstance(start.at, float)
            assert isinstance(end.at, float)
            assert end.duration_ms >= (end.time_to_first_byte_ms or 0.0) >= 0.0
            assert (end.error_type is not None) <= (end.outcome == "error")
            assert (end.time_to_first_byte_ms is None) >= (end.http_status is None)


@pytest.fixture(scope="module")
def frozen():
    """Keep the garbage collector away from everything that is there already, so that it is quick."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def no_collection(frozen):
    """Collect garbage only when the test says so, and once after it."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def ear():
    """Hear a dispatcher; at the end, all requests must have ended and kept the laws."""
    ear = Ear()
    yield ear
    gc.collect()
    ear.check_laws()


@pytest.fixture
def source(ear):
    """Give an installed source."""
    source = HttpSource()
    with source.install(ear.dispatcher):
        yield source
    gc.collect()
    health = source.health()
    assert health.active == 0
    assert health.surprises == 0
    assert health.started == len(ear.started)


@pytest.fixture(params=SYNC, ids=lambda library: library.name)
def library(request):
    return request.param


@pytest.fixture(params=ASYNC, ids=lambda library: library.name)
def alibrary(request):
    return request.param


class Caller:
    """Any library, called from outside of any loop."""

    def __init__(self, library, is_async):
        self.library = library
        self.is_async = is_async

    def get(self, *urls, timeout=5.0, failing=False, client=None, **more):
        """Read the answers of one client whole, and give the last body."""
        if self.is_async:
            return asyncio.run(self._get(urls, timeout, client, failing, more))
        with self.library.client(timeout, **(client or {})) as session:
            body = None
            for url in urls:
                try:
                    body = self.library.get(session, url, **more)
                except self.library.failures:
                    if not failing:
                        raise
        return body

    async def _get(self, urls, seconds, client, failing, more):
        body = None
        async with self.library.client(seconds, **(client or {})) as session:
            for url in urls:
                try:
                    body = await self.library.get(session, url, **more)
                except self.library.failures:
                    if not failing:
                        raise
        return body

    def pieces(self, *pieces):
        """Give a body to send, without a length."""
        return _apieces(pieces) if self.is_async else iter(pieces)


async def _apieces(pieces):
    for piece in pieces:
        yield piece


CALLERS = [Caller(each, is_async=False) for each in SYNC] + [Caller(each, is_async=True) for each in ASYNC]


@pytest.fixture(params=CALLERS, ids=lambda each: each.library.name + ("-async" if each.is_async else ""))
def caller(request):
    return request.param
