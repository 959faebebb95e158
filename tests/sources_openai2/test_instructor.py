"""What the instructor source says about requests for structured output."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import threading
from contextlib import suppress

import instructor
import litellm
import openai
import pytest
from instructor.core.exceptions import InstructorRetryException
from pydantic import BaseModel, Field, field_validator

from polymeter.collectors import StructuredOutputMetricsCollector
from polymeter.contracts import CanEmitEvents
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.structured_output import (
    StructuredOutputAttemptFailed,
    StructuredOutputCompleted,
    StructuredOutputEvent,
)
from polymeter.registries import AggregatingRegistry
from polymeter.sources import InstructorSource, LiteLLMSource, OpenAISource
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Provider, Reply, ToolCall, Unauthorized
from tests.interpreter import answer_of
from tests.sources.contract import Ear

MESSAGES = [{"role": "user", "content": "canary-prompt"}]
METHODS = ("create", "create_partial", "create_iterable", "create_with_completion")


class Tag(BaseModel):
    name: str
    weight: int


class User(BaseModel):
    name: str
    age: int = Field(ge=0)
    tags: list[Tag] = []
    scores: dict[str, int] = {}

    @field_validator("name")
    @classmethod
    def is_short(cls, name):
        if len(name) > 20:
            message = "canary-validator"
            raise ValueError(message)
        return name


GOOD = {"name": "Bo", "age": 3}


def answer(arguments, name="User"):
    return Reply(tool_calls=[ToolCall(name, arguments)])


def found():
    return [vars(each).get(name) for each in (instructor.Instructor, instructor.AsyncInstructor) for name in METHODS]


BEFORE = found()


@pytest.fixture
def ear():
    ear = Ear(ManualClock())
    yield ear
    ends = ear.all(StructuredOutputCompleted)
    assert [type(event) for event in ear.all(StructuredOutputEvent)][-1:] in ([], [StructuredOutputCompleted])
    assert all(end.duration_ms is not None for end in ends)


@pytest.fixture
def source(ear):
    source = InstructorSource()
    with source.install(ear.dispatcher):
        yield source
    assert found() == BEFORE
    assert (source.health().active, source.health().surprises) == (0, 0)


@pytest.fixture
def provider():
    with Provider() as provider:
        yield provider


@pytest.fixture
def sdk(provider):
    with openai.OpenAI(base_url=provider.base_url, api_key="canary-api-key", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def client(sdk):
    return instructor.from_openai(sdk)  # before the source is installed


@pytest.fixture
def ask(client):
    def ask(how="create", **more):
        return getattr(client, how)(**{"model": "gpt-x", "response_model": User, "messages": MESSAGES} | more)

    return ask


@pytest.fixture
def arun(provider):
    def arun(job, how="create", **more):
        async def main():
            async with openai.AsyncOpenAI(base_url=provider.base_url, api_key="canary-api-key", max_retries=0) as sdk:
                call = getattr(instructor.from_openai(sdk), how)
                return await job(call(**{"model": "gpt-x", "response_model": User, "messages": MESSAGES} | more))

        return asyncio.run(main())

    return arun


async def awaited(call):
    return await call


async def listed(call):
    return [item async for item in call]


def failures(ear):
    return [(e.attempt, e.will_retry, e.field, e.error_type) for e in ear.all(StructuredOutputAttemptFailed)]


def outcomes(ear):
    return [(end.outcome, end.attempts) for end in ear.all(StructuredOutputCompleted)]


def test_it_is_a_source():
    assert isinstance(InstructorSource(), CanEmitEvents)


def test_an_answer_that_fits_at_once(ear, client, source, provider, ask):
    provider.script(answer(GOOD))
    assert ask().name == "Bo"
    end = ear.one(StructuredOutputCompleted)
    assert (end.model, end.provider, end.response_model) == ("gpt-x", "openai", "User")
    assert (failures(ear), outcomes(ear)) == ([], [("ok", 1)])


WRONG = {
    "name": "canary-value" * 3,
    "tags": [{"name": "a", "weight": "canary-value"}, {"name": "a", "weight": "canary-value"}, {"weight": 1}],
    "scores": {"canary-key": "canary-value"},
}


def test_each_thing_that_is_wrong_is_told_once_by_field_and_type(ear, client, source, provider, ask, caplog):
    caplog.set_level(logging.DEBUG, "polymeter")
    provider.script(answer(WRONG), answer(GOOD))
    ask(max_retries=1)
    assert sorted(failures(ear), key=str) == [
        (1, True, "age", "missing"),
        (1, True, "name", "value_error"),
        (1, True, "scores.*", "int_type"),
        (1, True, "tags.*.name", "missing"),
        (1, True, "tags.*.weight", "int_type"),
    ]
    assert outcomes(ear) == [("ok", 2)]
    said = repr(ear.events) + caplog.text + repr(source) + repr(source.health())
    assert "canary" not in said


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_that_never_fits(ear, client, source, provider, ask, arun, asynchronous):
    provider.script(*[answer({"name": "Bo"})] * 3)
    with pytest.raises(InstructorRetryException):
        arun(awaited, max_retries=2) if asynchronous else ask(max_retries=2)
    assert failures(ear) == [(1, True, "age", "missing"), (2, True, "age", "missing"), (3, False, "age", "missing")]
    assert outcomes(ear) == [("error", 3)]


def test_a_request_that_fails_is_no_failure_of_validation(ear, client, source, provider, ask):
    provider.script(Unauthorized())
    with pytest.raises(InstructorRetryException):
        ask()
    assert (failures(ear), outcomes(ear)) == ([], [("error", 1)])


def test_an_answer_that_was_cut_off(ear, client, source, provider, ask):
    provider.script(Reply(tool_calls=[ToolCall("User", GOOD)], finish_reason="length"))
    with pytest.raises(Exception, match="incomplete"):
        ask()
    assert (failures(ear), outcomes(ear)) == ([(1, False, "", "IncompleteOutputException")], [("error", 1)])


def test_every_method_is_heard_once(ear, client, source, provider, ask, arun):
    several = answer({"tasks": [GOOD, GOOD]}, "IterableUser")
    provider.script(answer(GOOD), answer(GOOD), several)
    ask("create_with_completion")
    assert list(ask("create_partial"))[-1].age == 3
    assert len(list(ask("create_iterable"))) == 2
    provider.script(answer(GOOD), answer(GOOD), answer(GOOD), several)
    arun(awaited)
    arun(awaited, "create_with_completion")
    assert arun(listed, "create_partial")[-1].age == 3
    assert len(arun(listed, "create_iterable")) == 2
    assert outcomes(ear) == [("ok", 1)] * 7


def test_a_call_without_a_shape_is_not_heard(ear, client, source, ask):
    assert ask(response_model=None).choices
    assert ear.events == []


def test_a_stream_that_is_closed_or_dropped(ear, client, source, provider, arun):
    provider.script(answer(GOOD), answer(GOOD))

    async def closed(items):
        await anext(items)
        await items.aclose()

    async def dropped(items):
        await anext(items)
        del items
        gc.collect()

    arun(closed, "create_partial")
    arun(dropped, "create_partial")
    assert [outcome for outcome, _ in outcomes(ear)] == ["cancelled", "abandoned"]


def test_a_task_that_is_cancelled(ear, client, source, provider, arun):
    provider.script(Reply(respond_after=30))

    async def briefly(call):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.2)

    arun(briefly)
    assert outcomes(ear) == [("cancelled", 1)]


def test_hooks_of_the_client_and_of_the_caller_are_called_as_always(ear, client, source, provider, ask):
    heard = []
    hooks = type(client.hooks)()
    hooks.on("parse:error", lambda _: heard.append("caller"))
    client.on("parse:error", lambda _: heard.append("client"))
    provider.script(answer({}), answer(GOOD))
    ask(hooks=hooks, max_retries=1)
    assert heard == ["client", "caller"]
    assert outcomes(ear) == [("ok", 2)]


def test_a_list_of_models_is_named_by_what_is_in_it(ear, client, source, provider, ask):
    provider.script(answer({"tasks": [GOOD]}, "IterableUser"))
    ask(response_model=list[User])
    assert ear.one(StructuredOutputCompleted).response_model == "list[User]"


def test_over_litellm_with_all_sources_each_thing_is_told_once(ear, source, provider, sdk):
    provider.script(Reply('{"name": "Bo"}'), Reply('{"name": "Bo", "age": 3}'))
    client = instructor.from_litellm(litellm.completion, mode=instructor.Mode.JSON)
    with LiteLLMSource().install(ear.dispatcher), OpenAISource().install(ear.dispatcher):
        client.create(model="openai/gpt-x", response_model=User, messages=MESSAGES, max_retries=1, client=sdk)
    assert (outcomes(ear), ear.outcomes, ear.attempts) == ([("ok", 2)], ["ok", "ok"], [200, 200])
    ear.check_laws()


def test_the_collector_counts_them(ear, client, source, provider, ask):
    registry = AggregatingRegistry()
    provider.script(answer({"name": "Bo"}), answer(GOOD))
    with StructuredOutputMetricsCollector().register(ear.dispatcher, registry):
        ask(max_retries=1)
    assert registry.total("structured_output.attempts") == 2
    assert registry.total("structured_output.validation_failures") == 1


def test_arguments_without_names_are_passed_on(ear, client, source, provider):
    provider.script(answer(GOOD), answer(GOOD))
    assert client.create(User, MESSAGES, 1, model="gpt-x").age == 3
    assert client.create_with_completion(MESSAGES, User, model="gpt-x")[0].age == 3
    assert [end.response_model for end in ear.all(StructuredOutputCompleted)] == ["User", "User"]


def test_arguments_that_are_too_many_are_refused_as_always(ear, client, source, provider):
    with pytest.raises(TypeError, match="response_model"):
        client.create(User, MESSAGES, response_model=User, model="gpt-x")
    assert (ear.events, len(provider.requests)) == ([], 0)


def test_a_stream_that_is_left_in_the_middle(ear, client, source, provider, arun):
    provider.script(answer(GOOD), answer(GOOD))

    async def raises(items):
        with suppress(KeyError):
            async for _ in items:
                raise KeyError
        del items
        gc.collect()

    async def unread(items):
        del items
        gc.collect()

    arun(raises, "create_partial")
    arun(unread, "create_partial")
    assert [outcome for outcome, _ in outcomes(ear)] == ["abandoned", "abandoned"]


def test_calls_of_many_threads_at_once_keep_apart(ear, client, source, provider, ask):
    for number in range(8):
        provider.script(answer({}), answer(GOOD), model=f"m{number}")
    threads = [threading.Thread(target=ask, kwargs={"model": f"m{n}", "max_retries": 1}) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [(end.model, end.outcome, end.attempts) for end in ear.all(StructuredOutputCompleted)]
    assert sorted(told) == [(f"m{number}", "ok", 2) for number in range(8)]


def test_nothing_is_built_when_nobody_listens(client, provider, ask, monkeypatch):
    monkeypatch.setattr("polymeter.sources.instructor_hooks.StructuredOutputRun", lambda *_: 1 / 0)
    provider.script(answer(GOOD))
    source = InstructorSource()
    with source.install(EventDispatcher(on_error="raise")):
        assert ask().age == 3
    assert (source.health().started, source.health().surprises) == (0, 0)


def test_a_listener_that_fails_is_not_noticed_by_the_host(client, provider, ask):
    dispatcher, source = EventDispatcher(), InstructorSource()
    dispatcher.add_listener(object, lambda _: 1 / 0)
    provider.script(answer({}), answer(GOOD))
    with source.install(dispatcher):
        assert ask(max_retries=1).age == 3
    assert (source.health().ok, source.health().active) == (1, 0)


def test_a_dispatcher_that_raises_on_purpose_keeps_nothing_from_others(ear, client, provider, ask):
    strict = EventDispatcher(on_error="raise")
    strict.add_listener(StructuredOutputCompleted, lambda _: 1 / 0)
    provider.script(answer(GOOD))
    both = InstructorSource().install(strict), InstructorSource().install(ear.dispatcher)
    with both[0], both[1], pytest.raises(ZeroDivisionError):
        ask()
    assert outcomes(ear) == [("ok", 1)]


@pytest.mark.parametrize("broken", ["name_of", "StructuredOutputRun.asked"])
def test_what_cannot_be_read_is_counted_and_asked_all_the_same(ear, client, provider, ask, monkeypatch, broken):
    monkeypatch.setattr(f"polymeter.sources.instructor_hooks.{broken}", property(lambda _: 1 / 0))
    provider.script(answer(GOOD))
    source = InstructorSource()
    with source.install(ear.dispatcher):
        assert ask().age == 3
    assert (ear.events, source.health().started, source.health().surprises) == ([], 0, 1)


def test_a_failure_of_validation_that_cannot_be_read_is_told_by_its_class(ear, client, provider, ask, monkeypatch):
    monkeypatch.setattr("polymeter.sources.instructor_runs.errors_of", lambda *_: 1 / 0)
    provider.script(answer({}), answer(GOOD))
    source = InstructorSource()
    with source.install(ear.dispatcher):
        ask(max_retries=1)
    assert (failures(ear), source.health().surprises) == ([(1, True, "", "ValidationError")], 1)


def test_undoing_gives_the_methods_back_by_identity(ear):
    subscription = InstructorSource().install(ear.dispatcher)
    assert found() != BEFORE
    subscription.cancel()
    assert all(now is before for now, before in zip(found(), BEFORE, strict=True))


def test_what_another_library_wrapped_in_between_stays_and_ours_passes_through(
    ear, client, provider, ask, monkeypatch, caplog
):
    subscription = InstructorSource().install(ear.dispatcher)
    ours = instructor.Instructor.create

    @functools.wraps(ours)
    def theirs(*args, **kwargs):
        return ours(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(instructor.Instructor, "create", theirs)
        subscription.cancel()
        subscription.cancel()
        assert instructor.Instructor.create is theirs
        assert [each.levelno for each in caplog.records if each.name.startswith("polymeter")] == [logging.WARNING]
        provider.script(answer(GOOD), answer(GOOD))
        ask()
        assert ear.events == []
        with InstructorSource().install(ear.dispatcher):  # above theirs, with an old one of ours below
            ask()
        assert outcomes(ear) == [("ok", 1)]
    instructor.Instructor.create = BEFORE[0]


def test_a_stream_that_is_open_when_the_interpreter_exits_is_abandoned():
    """And in a forked child, whose copy of it ends too, nothing is said."""
    code = """
import asyncio, instructor, openai, os, sys
from pydantic import BaseModel
from polymeter.events import EventDispatcher
from polymeter.events.structured_output import StructuredOutputCompleted
from polymeter.sources import InstructorSource
from polymeter.testing import Provider

class User(BaseModel):
    name: str

async def begin():
    client = instructor.from_openai(openai.AsyncOpenAI(base_url=provider.base_url, api_key="k"))
    return client.create_partial(model="m", response_model=User, messages=[{"role": "user", "content": "Hi"}])

provider = Provider()
events = EventDispatcher()
events.add_listener(StructuredOutputCompleted, lambda end: os.write(1, f'"{end.outcome}"'.encode()))
InstructorSource().install(events)
stream = asyncio.run(begin())
child = os.fork()
if child:
    os.waitpid(child, 0)
"""
    assert answer_of(code) == "abandoned"


def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(ear, monkeypatch):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"polymeter\[instructor\]"):
        InstructorSource().install(ear.dispatcher)
