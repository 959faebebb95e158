"""Calls that answer in one piece, and every attempt within them."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from types import SimpleNamespace

import openai
import pytest
from pydantic import BaseModel

from polymeter.events.event import _unit_of_work
from polymeter.events.inference import InferenceAttemptFailed, InferenceAttemptSucceeded, InferenceCompleted, Usage
from polymeter.testing.provider import (
    BadRequest,
    Disconnect,
    Hang,
    NotFound,
    Overloaded,
    RateLimited,
    Reply,
    ServerError,
    Tokens,
    Unauthorized,
)
from tests.sources.conftest import QUESTION
from tests.sources.openai_sdk import GIVES_UP_ON_LONG_WAITS, HTTP

pytestmark = pytest.mark.usefixtures("source")

TOKENS = Tokens(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)


@pytest.fixture
def at_once(monkeypatch, clock):
    """Let the SDK's back-off pass on the clock of the test, and take no time."""
    here = SimpleNamespace(sleep=clock.sleep, time=time.time)
    monkeypatch.setattr("openai._base_client.time", here)

    async def sleep(seconds):
        clock.sleep(seconds)

    monkeypatch.setattr("openai._base_client.anyio.sleep", sleep)


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, **options)


def test_an_answer_is_told_with_all_that_it_says(ear, provider, client):
    provider.script(Reply("Fine", usage=TOKENS, response_model="gpt-x-2026", respond_after=1.5))
    ask(client)
    end = ear.end
    assert (end.model, end.provider, end.operation, end.streamed) == ("gpt-x", "openai", "chat", False)
    assert (end.outcome, end.finish_reason, end.response_model) == ("ok", "stop", "gpt-x-2026")
    assert end.usage == Usage(input=8, output=3, cache_read=4, cache_write=2, reasoning=5)
    assert (end.duration_ms, end.time_to_first_chunk_ms, ear.attempts) == (1500.0, None, [200])


def test_an_asynchronous_answer_is_told_in_the_same_way(ear, provider, run):
    provider.script(Reply("Fine", usage=TOKENS, respond_after=1.5))
    run(ask)
    assert (ear.end.outcome, ear.end.finish_reason, ear.end.duration_ms) == ("ok", "stop", 1500.0)
    assert (ear.end.usage.total_tokens, ear.attempts) == (22, [200])


def test_an_answer_without_usage_has_none(ear, provider, client):
    provider.script(Reply(usage=None))
    ask(client)
    assert (ear.end.outcome, ear.end.usage) == ("ok", None)


def test_embeddings_are_an_operation_of_their_own(ear, client, run):
    client.embeddings.create(model="embed", input=["one two", "three"])
    run(lambda client: client.embeddings.create(model="embed", input="four"))
    ends = ear.all(InferenceCompleted)
    assert [(end.operation, end.model, end.finish_reason) for end in ends] == [("embeddings", "embed", None)] * 2
    assert [end.usage for end in ends] == [Usage(input=3), Usage(input=1)]


def test_other_resources_say_nothing(ear, client):
    client.models.list()
    with pytest.raises(openai.APIStatusError):
        client.with_options(max_retries=0).chat.completions.list()
    assert ear.events == []


SCRIPTS = {
    "429, then an answer": ([RateLimited(3.0), Reply()], [("RateLimitError", 429, True), 200], None),
    "429, 500, then an answer": (
        [RateLimited(3.0), ServerError(), Reply()],
        [("RateLimitError", 429, True), ("InternalServerError", 500, True), 200],
        None,
    ),
    "503 for ever": (
        [Overloaded(times=3)],
        [
            ("InternalServerError", 503, True),
            ("InternalServerError", 503, True),
            ("InternalServerError", 503, False),
        ],
        openai.InternalServerError,
    ),
    "400": ([BadRequest()], [("BadRequestError", 400, False)], openai.BadRequestError),
    "401": ([Unauthorized()], [("AuthenticationError", 401, False)], openai.AuthenticationError),
    "404": ([NotFound()], [("NotFoundError", 404, False)], openai.NotFoundError),
    "429 that asks for too long a wait": (
        [RateLimited(7200.0)],
        [("RateLimitError", 429, False)],
        openai.RateLimitError,
    ),
    "the line is cut, then an answer": (
        [Disconnect(), Reply()],
        [("APIConnectionError", None, True), 200],
        None,
    ),
}


if not GIVES_UP_ON_LONG_WAITS:
    del SCRIPTS["429 that asks for too long a wait"]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("steps", "attempts", "error"), SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_attempt_is_told_and_whether_another_one_follows(
    ear, provider, client, run, steps, attempts, error, stream, kind
):
    provider.script(*steps)

    async def job(client):
        answer = await ask(client, stream=stream)
        if stream:
            async for _ in answer:
                pass

    def call():
        if kind == "async":
            run(job)
            return
        answer = ask(client, stream=stream)
        if stream:
            list(answer)

    if error is None:
        call()
    else:
        with pytest.raises(error):
            call()
    assert ear.attempts == attempts
    assert ear.end.attempt_count == len(provider.requests)
    assert (ear.end.outcome, ear.end.error_type) == (("error", error.__name__) if error else ("ok", None))


@pytest.mark.usefixtures("at_once")
def test_the_duration_of_a_call_has_the_waits_that_those_of_its_attempts_have_not(ear, provider, client):
    provider.script(RateLimited(10.0, respond_after=1.0), Reply(respond_after=2.0))
    ask(client)
    assert ear.one(InferenceAttemptFailed).duration_ms == 1000.0
    assert ear.one(InferenceAttemptSucceeded).duration_ms == 2000.0
    assert ear.end.duration_ms == 13000.0


@pytest.mark.usefixtures("at_once")
def test_a_timeout_is_told_by_its_name(ear, provider, client, run):
    provider.script(Hang(times=4))
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.02, max_retries=1))
    with pytest.raises(openai.APITimeoutError):
        run(ask, timeout=0.02, max_retries=1)
    assert ear.attempts == [("APITimeoutError", None, True), ("APITimeoutError", None, False)] * 2
    assert ear.outcomes == ["error", "error"]


@pytest.mark.usefixtures("at_once")
def test_a_refused_connection_is_told(ear):
    with socket.socket() as free:  # bound, but nobody listens
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with (
            openai.OpenAI(base_url=url, api_key="test", max_retries=1) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            ask(client)
    assert ear.attempts == [("APIConnectionError", None, True), ("APIConnectionError", None, False)]


def test_a_call_that_never_sends_anything_has_no_attempt(ear, provider):
    def no_key():
        raise LookupError

    with openai.OpenAI(base_url=provider.base_url, api_key=no_key) as client, pytest.raises(LookupError):
        ask(client)
    assert (ear.end.outcome, ear.end.error_type, ear.end.attempt_count) == ("error", "LookupError", 0)
    assert provider.requests == ()


def test_an_interrupt_in_a_request_cancels_the_call(ear, stub):
    def interrupt(_):
        raise KeyboardInterrupt

    client = stub()
    client._client = HTTP.Client(transport=HTTP.MockTransport(interrupt))
    with client._client, pytest.raises(KeyboardInterrupt):
        ask(client)
    assert (ear.outcomes, ear.attempts) == (["cancelled"], [("KeyboardInterrupt", None, False)])


def test_a_cancelled_task_cancels_its_call(ear, provider, run):
    arrived = threading.Event()
    provider.default = lambda _: arrived.set() or Hang()

    async def job(client):
        task = asyncio.create_task(ask(client))
        await asyncio.to_thread(arrived.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(job)
    assert (ear.outcomes, ear.attempts) == (["cancelled"], [("CancelledError", None, False)])


def test_a_coroutine_that_its_loop_forgot_is_an_abandoned_call(ear, run):
    """It is closed by whoever collects it, in another context."""

    async def job(client):
        call = ask(client)
        Context().run(call.send, None)  # into the first wait
        call.close()

    run(job)
    assert ear.outcomes == ["abandoned"]


def test_an_answer_that_cannot_be_parsed_is_an_error_of_a_call_whose_attempt_succeeded(ear, provider, client):
    """The tokens were used all the same."""

    class Shape(BaseModel):
        size: int

    provider.script(Reply("{", finish_reason="length", usage=TOKENS))
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="gpt-x", messages=QUESTION, response_format=Shape)
    assert (ear.attempts, ear.end.error_type) == ([200], "LengthFinishReasonError")
    assert (ear.end.outcome, ear.end.usage.total_tokens) == ("error", 22)


def test_a_parsed_answer_is_told(ear, provider, client):
    class Shape(BaseModel):
        size: int

    provider.script(Reply('{"size": 3}', usage=TOKENS))
    answer = client.chat.completions.parse(model="gpt-x", messages=QUESTION, response_format=Shape)
    assert answer.choices[0].message.parsed == Shape(size=3)
    assert (ear.outcomes, ear.end.usage.total_tokens) == (["ok"], 22)


def test_copies_and_clients_that_existed_before_are_heard(ear, client):
    ask(client.with_options(timeout=5))
    ask(client.copy())
    assert ear.outcomes == ["ok", "ok"]


def test_azure_is_another_provider(ear, stub):
    answer = HTTP.Response(200, json={"model": "gpt-x-2026", "choices": [], "usage": None})
    client = stub(answer, make=openai.AzureOpenAI, base_url=None, azure_endpoint="http://stub.invalid", api_version="1")
    ask(client)
    assert (ear.end.provider, ear.end.model, ear.end.outcome) == ("azure.ai.openai", "gpt-x", "ok")


def test_a_path_with_its_deployment_is_an_inference_too(ear, stub):
    answers = [HTTP.Response(200, json={}) for _ in range(2)]
    client = stub(*answers)
    client.post("/deployments/d/chat/completions?api-version=1", cast_to=object, body={"model": "d"})
    client.post("/deployments/d/embeddings", cast_to=object, body=None)
    ends = ear.all(InferenceCompleted)
    assert [(end.operation, end.model) for end in ends] == [("chat", "d"), ("embeddings", "unknown")]


def test_the_model_of_the_extra_body_is_the_one_that_is_asked_for(ear, client, provider):
    ask(client, extra_body={"model": "other"})
    assert ear.end.model == provider.requests[0].model == "other"


def test_a_call_within_a_call_keeps_its_attempts_to_itself(ear, provider, client):
    """As of a client whose key comes from a service that asks a model, or another resource, itself."""

    def key():
        client.models.list()
        ask(client)
        return "key"

    with openai.OpenAI(base_url=provider.base_url, api_key=key) as outer:
        ask(outer)
    assert ear.outcomes == ["ok", "ok"]
    assert [end.attempt_count for end in ear.all(InferenceCompleted)] == [1, 1]


def test_an_asynchronous_call_within_a_call_does_so_too(ear, run):
    async def job(client):
        async def key():
            await client.models.list()
            await ask(client)
            return "key"

        async with openai.AsyncOpenAI(base_url=client.base_url, api_key=key, http_client=client._client) as outer:
            await ask(outer)

    run(job)
    assert [(end.outcome, end.attempt_count) for end in ear.all(InferenceCompleted)] == [("ok", 1), ("ok", 1)]


def test_the_client_of_the_module_is_heard(ear, provider, monkeypatch):
    monkeypatch.setattr(openai, "api_key", "test")
    monkeypatch.setattr(openai, "base_url", f"{provider.base_url}/")
    monkeypatch.setattr(openai, "_client", None)
    ask(openai)
    openai._client.close()
    assert (ear.outcomes, ear.attempts) == (["ok"], [200])


class Rude(openai.OpenAI):
    """Keeps preparing requests to itself."""

    def _prepare_request(self, request): ...


class AsyncRude(openai.AsyncOpenAI):
    """Keeps preparing requests to itself."""

    async def _prepare_request(self, request): ...


class Sleepless(openai.OpenAI):
    """Keeps waiting to itself."""

    def _sleep_for_retry(self, **_): ...


class Secretive(Rude, Sleepless):
    """Keeps everything to itself."""

    def _process_response(self, **options):
        return openai._base_client.SyncAPIClient._process_response(self, **options)


class Polite(openai.OpenAI):
    """Does more than it has to."""

    def _prepare_request(self, request):
        super()._prepare_request(request)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("kind", "attempts"),
    [
        (Polite, [("RateLimitError", 429, True), 200]),
        (Rude, [("RateLimitError", 429, True), 200]),
        (Sleepless, [(None, None, True), 200]),
        (Secretive, [(None, None, True), 200]),
    ],
)
def test_a_subclass_that_keeps_things_to_itself_is_counted_by_what_is_left(ear, provider, kind, attempts):
    provider.script(RateLimited(1.0, respond_after=2.0), Reply(respond_after=3.0))
    with kind(base_url=provider.base_url, api_key="test") as client:
        ask(client)
    assert (ear.attempts, ear.outcomes) == (attempts, ["ok"])
    if kind is Rude:
        assert ear.one(InferenceAttemptFailed).duration_ms == 2000.0
        assert ear.one(InferenceAttemptSucceeded).duration_ms == 3000.0


@pytest.mark.usefixtures("at_once")
def test_an_asynchronous_subclass_that_keeps_things_to_itself_is_too(ear, provider):
    provider.script(RateLimited(1.0), Reply())

    async def main():
        async with AsyncRude(base_url=provider.base_url, api_key="test") as client:
            await ask(client)

    asyncio.run(main())
    assert (ear.attempts, ear.outcomes) == ([("RateLimitError", 429, True), 200], ["ok"])


def test_a_client_that_keeps_things_to_itself_has_an_attempt_per_answer(ear, client, provider):
    client._prepare_request = lambda _: None
    provider.script(Reply(), Unauthorized())
    ask(client)
    with pytest.raises(openai.AuthenticationError):
        ask(client)
    assert ear.attempts == [200, ("AuthenticationError", 401, False)]


def test_calls_of_many_threads_are_told_apart(ear, provider, client):
    for number in range(8):
        provider.script(RateLimited(0.001), model=f"m-{number}")

    def call(number):
        token = _unit_of_work.set(f"job-{number}")
        client.chat.completions.create(model=f"m-{number}", messages=QUESTION)
        _unit_of_work.reset(token)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(16)))
    ends = ear.all(InferenceCompleted)
    assert sorted((end.model, end.unit_of_work) for end in ends) == sorted((f"m-{n}", f"job-{n}") for n in range(16))
    assert {end.model: end.attempt_count for end in ends} == {f"m-{n}": 2 if n < 8 else 1 for n in range(16)}
    assert len(provider.requests) == 24


def test_calls_of_many_tasks_are_told_apart(ear, provider, run):
    for number in range(8):
        provider.script(RateLimited(0.001), model=f"m-{number}")

    async def call(client, number):
        _unit_of_work.set(f"job-{number}")
        stream = await client.chat.completions.create(model=f"m-{number}", messages=QUESTION, stream=True)
        async for _ in stream:
            pass

    async def job(client):
        await asyncio.gather(*[call(client, number) for number in range(16)])

    run(job)
    ends = ear.all(InferenceCompleted)
    assert sorted((end.model, end.unit_of_work) for end in ends) == sorted((f"m-{n}", f"job-{n}") for n in range(16))
    assert {end.model: end.attempt_count for end in ends} == {f"m-{n}": 2 if n < 8 else 1 for n in range(16)}
