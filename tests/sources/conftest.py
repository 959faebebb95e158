"""A provider, the real SDK, and an ear for everything that the source says."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
from collections import defaultdict
from contextlib import ExitStack

import httpx2
import openai
import pytest

from polymeter.events import EventDispatcher
from polymeter.events.inference import (
    InferenceAttemptFailed,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceCompleted,
    InferenceStarted,
    InferenceUsageReported,
    StreamFirstChunkReceived,
)
from polymeter.sources import OpenAISource
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider

QUESTION = [{"role": "user", "content": "How are you today?"}]
TLS = ssl.create_default_context()  # nobody here speaks it, and each client would take 50 ms to make its own

EVENTS = {"content-type": "text/event-stream"}
BROKEN = openai.APIConnectionError, httpx2.TransportError  # older releases let the latter through
END = b"data: [DONE]\n\n"

KINDS = [
    InferenceStarted,
    InferenceAttemptStarted,
    InferenceAttemptSucceeded,
    InferenceAttemptFailed,
    StreamFirstChunkReceived,
    InferenceUsageReported,
    InferenceCompleted,
]

SAME = ("execution_id", "model", "provider", "operation", "streamed", "unit_of_work")


class Ear:
    """Hears everything that a dispatcher passes on, and knows the laws that it has to keep."""

    def __init__(self, clock=None):
        self.clock = clock or ManualClock()
        self.dispatcher = EventDispatcher(on_error="raise", clock=self.clock)
        self.events = []
        self.dispatcher.add_listener(object, self.events.append)

    def all(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind):
        (event,) = self.all(kind)
        return event

    @property
    def end(self):
        """The one completion."""
        return self.one(InferenceCompleted)

    @property
    def outcomes(self):
        return [event.outcome for event in self.all(InferenceCompleted)]

    @property
    def attempts(self):
        """Each attempt's end, as status and whether another one followed, or the status alone."""
        return [
            event.http_status
            if isinstance(event, InferenceAttemptSucceeded)
            else (event.error_type, event.http_status, event.will_retry)
            for event in self.all((InferenceAttemptSucceeded, InferenceAttemptFailed))
        ]

    def check_laws(self):
        """Every run that was heard has one start, one end, attempts that add up, and events that agree."""
        runs = defaultdict(list)
        for event in self.events:
            runs[event.execution_id].append(event)
        for events in runs.values():
            kinds = [type(event) for event in events]
            assert kinds[0] is InferenceStarted
            assert kinds.count(InferenceStarted) == kinds.count(InferenceCompleted) == 1
            assert kinds[-1] is InferenceCompleted
            end = events[-1]
            for event in events:
                assert [getattr(event, name) for name in SAME] == [getattr(end, name) for name in SAME]
                assert isinstance(event.at, float)
            sent = [event.attempt for event in events if isinstance(event, InferenceAttemptStarted)]
            over = [e.attempt for e in events if isinstance(e, (InferenceAttemptSucceeded, InferenceAttemptFailed))]
            assert sent == over == list(range(1, end.attempt_count + 1))
            assert kinds.count(StreamFirstChunkReceived) == (end.time_to_first_chunk_ms is not None)
            assert [e.usage for e in events if isinstance(e, InferenceUsageReported)] == [
                usage for usage in [end.usage] if usage is not None
            ]
            if end.usage is not None:
                assert kinds[-2] is InferenceUsageReported


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
def clock():
    return ManualClock()


@pytest.fixture
def ear(clock):
    """Hear a dispatcher; at the end, all runs must have ended and kept the laws."""
    ear = Ear(clock)
    yield ear
    ear.check_laws()


@pytest.fixture
def source(ear):
    """Give an installed source that must be left as it was found."""
    source = OpenAISource()
    with source.install(ear.dispatcher):
        yield source
    assert vars(openai.OpenAI).keys() & {"request", "_sleep_for_retry", "_process_response"} == set()
    assert source.health().active == 0
    assert source.health().surprises == 0


@pytest.fixture
def provider(clock):
    with Provider(clock=clock) as provider:
        yield provider


@pytest.fixture
def client(provider):
    http = openai.DefaultHttpxClient(verify=TLS)
    with openai.OpenAI(base_url=provider.base_url, api_key="test", http_client=http) as client:
        yield client


@pytest.fixture
def run(provider):
    """Give a function that runs a coroutine function with an asynchronous client, in a loop of its own."""

    def run(job, **options):
        async def main():
            http = openai.DefaultAsyncHttpxClient(verify=TLS)
            more = {"base_url": provider.base_url, "api_key": "test", "http_client": http} | options
            async with http, openai.AsyncOpenAI(**more) as client:
                return await job(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def stub():
    """Give a function that makes a client, with a transport that answers what no sane provider would."""
    with ExitStack() as clients:

        def stub(*answers, make=openai.OpenAI, **options):
            left = list(answers)
            transport = httpx2.MockTransport(lambda _: left.pop(0))
            client = make(
                **{"base_url": "http://stub.invalid/v1", "api_key": "test"} | options,
                http_client=httpx2.Client(transport=transport, verify=TLS),
            )
            return clients.enter_context(client)

        yield stub


def sse(*chunks):
    """Write chunks as the body of a stream, and its end."""
    lines = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return httpx2.Response(200, headers=EVENTS, content=b"".join([*lines, END]))


def piece(content=None, *, finish_reason=None, index=0, **more):
    """Make a chunk with one choice."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]} | more
