"""Installing and undoing: who hears what, what it costs when nobody does, and that the SDK is left as it was found."""

from __future__ import annotations

import inspect
import logging
import re
from contextlib import suppress

import pytest
from google.genai import _api_client, chats, models

from polymeter.contracts import CanEmitEvents
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.sources import GoogleGenAISource, InferenceRun
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Reply, Unauthorized
from tests.interpreter import SRC, answer_of
from tests.sources.conftest import KINDS, Ear
from tests.sources.google_genai.sdk import ask, genai, quiet, recent, stream

pytestmark = quiet

BASE = _api_client.BaseApiClient
PLACES = [
    *[(BASE, f"{kind}{name}") for kind in ("", "async_") for name in ("request", "request_streamed")],
    (BASE, "_request_once"),
    (BASE, "_async_request_once"),
    (BASE, "_get_aiohttp_session"),
    (models.Models, "generate_content_stream"),
    (models.AsyncModels, "generate_content_stream"),
    (chats.Chat, "send_message_stream"),
    (chats.AsyncChat, "send_message_stream"),
]


def found():
    return [vars(owner).get(name) for owner, name in PLACES]


FOUND = found()


@pytest.fixture(autouse=True)
def restored():
    """Every test leaves the SDK as it was found."""
    yield
    assert all(now is then for now, then in zip(found(), FOUND, strict=True))


def test_it_is_a_source():
    assert isinstance(GoogleGenAISource(), CanEmitEvents)
    assert repr(GoogleGenAISource()) == "GoogleGenAISource()"


def test_undoing_gives_the_methods_back_by_identity(ear):
    subscription = GoogleGenAISource().install(ear.dispatcher)
    assert not any(now is then for now, then in zip(found(), FOUND, strict=True))
    subscription.cancel()
    assert all(now is then for now, then in zip(found(), FOUND, strict=True))


def test_the_methods_look_as_before(ear):
    with GoogleGenAISource().install(ear.dispatcher):
        for now, then in zip(found(), FOUND, strict=True):
            assert inspect.signature(now) == inspect.signature(then)
            assert (now.__name__, now.__doc__) == (then.__name__, then.__doc__)
            assert inspect.iscoroutinefunction(now) == inspect.iscoroutinefunction(then)


def test_the_patches_go_with_the_last_of_many_installs(ear, client):
    one, two, other = GoogleGenAISource(), GoogleGenAISource(), Ear()
    installs = [
        one.install(ear.dispatcher),
        one.install(ear.dispatcher),
        two.install(ear.dispatcher),
        two.install(other.dispatcher),
    ]
    wrapper = BASE.request
    assert (one.health().installs, two.health().installs) == (2, 2)
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"])
    for install in installs[:3]:
        install.cancel()
    assert BASE.request is wrapper
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"] * 2)
    installs[3].cancel()
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"] * 2)


def test_two_dispatchers_hear_the_same_on_clocks_of_their_own(client, provider):
    one, two, given = Ear(), Ear(), ManualClock(start=5.0)
    with (
        GoogleGenAISource().install(one.dispatcher),
        GoogleGenAISource(clock=given).install(two.dispatcher),
    ):
        list(stream(client))
    assert [type(event) for event in one.events] == [type(event) for event in two.events]
    assert one.end.execution_id == two.end.execution_id
    assert (one.end.at, two.end.at) == (1_700_000_000.0, 5.0)


@pytest.mark.parametrize("call", [ask, lambda client: list(stream(client))])
def test_a_call_that_is_under_way_at_the_undo_is_told_to_its_end(ear, provider, client, call):
    subscription = GoogleGenAISource().install(ear.dispatcher)
    provider.default = lambda _: subscription.cancel() or Reply("Hi")
    call(client)
    assert (ear.outcomes, len(ear.attempts)) == (["ok"], 1)


@pytest.mark.parametrize("call", [ask, lambda client: list(stream(client))])
def test_a_call_that_is_under_way_at_the_install_is_not_told(ear, provider, client, call):
    source, installs = GoogleGenAISource(), []
    provider.default = lambda _: installs.append(source.install(ear.dispatcher)) or Reply("Hi")
    call(client)
    installs[0].cancel()
    assert ear.events == []


def wrap(owner, name, calls):
    """Wrap a method as other libraries do; give the way back."""
    inner = getattr(owner, name)

    def wrapper(self, *args, **kwargs):
        calls.append(name)
        return inner(self, *args, **kwargs)

    setattr(owner, name, wrapper)
    return lambda: setattr(owner, name, inner)


PATCHED = [(BASE, "request"), (BASE, "_request_once"), (BASE, "request_streamed")]
PATCHED.append((models.Models, "generate_content_stream"))


@pytest.mark.parametrize(("owner", "name"), PATCHED)
def test_a_library_that_came_before_is_called_and_stays(ear, client, owner, name):
    calls = []
    undo = wrap(owner, name, calls)
    theirs = vars(owner)[name]
    with GoogleGenAISource().install(ear.dispatcher):
        ask(client)
        list(stream(client))
    assert set(calls) == {name}
    assert (ear.outcomes, ear.attempts) == (["ok"] * 2, [200] * 2)
    assert vars(owner)[name] is theirs
    undo()


@pytest.mark.parametrize(("owner", "name"), PATCHED)
def test_a_library_that_came_later_is_called_and_stays(ear, client, caplog, owner, name):
    calls = []
    subscription = GoogleGenAISource().install(ear.dispatcher)
    undo = wrap(owner, name, calls)
    theirs = vars(owner)[name]
    ask(client)
    list(stream(client))
    assert set(calls) == {name}
    assert ear.outcomes == ["ok"] * 2
    subscription.cancel()
    assert vars(owner)[name] is theirs
    ask(client)
    list(stream(client))
    assert ear.outcomes == ["ok"] * 2
    said = [record for record in caplog.records if record.name.startswith("polymeter")]
    assert [record.levelno for record in said] == [logging.WARNING]

    with GoogleGenAISource().install(ear.dispatcher):
        ask(client)
        list(stream(client))
        assert (ear.outcomes, ear.attempts) == (["ok"] * 4, [200] * 4), "heard once, although two wrappers are there"
    undo()  # puts back our first wrapper, which it had found
    GoogleGenAISource().install(ear.dispatcher).cancel()


def test_a_stream_of_somebody_else_is_left_alone(ear, client):
    """Its answers hang on their own chunks then."""

    class Theirs:
        def __init__(self, chunks):
            self.chunks = chunks

        def __iter__(self):
            return iter(self.chunks)

    inner = models.Models.generate_content_stream
    models.Models.generate_content_stream = lambda *args, **kwargs: Theirs(inner(*args, **kwargs))
    with GoogleGenAISource().install(ear.dispatcher):
        chunks = stream(client)
        assert type(chunks) is Theirs
        next(iter(chunks))
        del chunks
    models.Models.generate_content_stream = inner
    assert ear.outcomes == ["abandoned"]


def test_a_listener_that_fails_is_not_noticed_by_the_host(client, run):
    dispatcher, source = EventDispatcher(), GoogleGenAISource()
    dispatcher.add_listener(object, lambda _: 1 / 0)

    async def job(client):
        assert len([chunk async for chunk in await stream(client)]) > 1

    with source.install(dispatcher):
        assert ask(client).text
        assert len(list(stream(client))) > 1
        run(job)
    assert (source.health().ok, source.health().surprises) == (3, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatcher_that_raises_on_purpose_raises_into_the_call_and_the_run_ends(client, provider, kind):
    """That is what it is for; the counts stay right all the same."""
    source, dispatcher, ends = GoogleGenAISource(), EventDispatcher(on_error="raise"), []
    dispatcher.add_listener(InferenceCompleted, ends.append, priority=1)
    dispatcher.add_listener(kind, lambda _: 1 / 0)
    provider.script(Reply(), Reply(), Unauthorized())
    with source.install(dispatcher):
        for calls in range(1, 4):
            with suppress(ZeroDivisionError, genai.errors.APIError):
                for _ in stream(client) if calls == 2 else [ask(client)]:
                    pass
            assert source.health().started == calls
            assert source.health().active == 0
    assert len({end.execution_id for end in ends}) == len(ends) == 3


def test_nothing_is_built_when_nobody_listens(client, run, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("built for nobody")

    dispatcher, source = EventDispatcher(on_error="raise"), GoogleGenAISource()
    subscription = dispatcher.add_listener(InferenceCompleted, refuse)

    async def job(client):
        chunks = await stream(client)
        assert chunks.ag_code.co_filename == models.__file__, "the SDK's own"
        assert len([chunk async for chunk in chunks]) > 1  # it closes its connection only if it was begun
        await ask(client)

    with source.install(dispatcher):
        subscription.cancel()
        monkeypatch.setattr(InferenceRun, "__init__", refuse)
        monkeypatch.setattr(InferenceCompleted, "__init__", refuse)
        assert ask(client).text
        chunks = stream(client)
        assert chunks.gi_code.co_filename == models.__file__
        assert len(list(chunks)) > 1
        run(job)
    assert (source.health().started, source.health().surprises) == (0, 0)


def test_who_begins_to_listen_hears_what_begins_after_that(client):
    dispatcher, heard = EventDispatcher(), []
    with GoogleGenAISource().install(dispatcher):
        chunks = stream(client)
        next(chunks)
        dispatcher.add_listener(object, heard.append)
        list(chunks)
        assert heard == []
        ask(client)
    assert [type(event) for event in heard if isinstance(event, InferenceCompleted)] == [InferenceCompleted]


def test_health_counts_how_runs_ended(ear, provider, client):
    source = GoogleGenAISource()
    with source.install(ear.dispatcher):
        ask(client)
        provider.script(Unauthorized())
        with pytest.raises(genai.errors.ClientError):
            ask(client)
        chunks = stream(client)
        next(chunks)
        chunks.close()
        chunks = stream(client)
        next(chunks)
        health = source.health()
        assert (health.installs, health.started, health.active) == (1, 4, 1)
        del chunks
    health = source.health()
    assert (health.ok, health.error, health.cancelled, health.abandoned) == (1, 1, 1, 1)
    assert (health.installs, health.active, health.surprises) == (0, 0, 0)


def test_an_sdk_whose_retries_cannot_be_asked_about_is_a_surprise(ear, provider, client, monkeypatch):
    monkeypatch.setattr(client._api_client, "_retry", lambda once, *args: once(*args))
    provider.script(Unauthorized())
    source = GoogleGenAISource()
    with source.install(ear.dispatcher), pytest.raises(genai.errors.ClientError):
        ask(client)
    assert source.health().surprises == 1
    assert ear.attempts == [("ClientError", 401, False)]


def test_an_sdk_that_is_missing_is_named_with_the_way_to_get_it(ear, monkeypatch):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'polymeter[google-genai]'")):
        GoogleGenAISource().install(ear.dispatcher)


@pytest.mark.parametrize("version", ["1.75.0", "4.0.0", "0.8.0", "20.1", "unknown", ""])
def test_an_sdk_of_another_version_is_named_with_the_one_that_is_needed(ear, monkeypatch, version):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: version)
    with pytest.raises(MissingExtraError, match=re.escape(f"google-genai >=2,<4, and google-genai {version} is")):
        GoogleGenAISource().install(ear.dispatcher)


@pytest.mark.parametrize("version", ["2.0.0", "2.34.0", "3.0", "3.99.1"])
def test_an_sdk_of_a_known_version_is_listened_to(ear, monkeypatch, version):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: version)
    GoogleGenAISource().install(ear.dispatcher).cancel()


class Rude(BASE):
    """Keeps its attempts to itself."""

    def _request_once(self, *args):
        return FOUND[4](self, *args)

    async def _async_request_once(self, *args):
        return await FOUND[5](self, *args)


def test_a_client_that_tells_no_attempts_had_one_for_each_answer(ear, client, provider, run):
    source = GoogleGenAISource()

    async def job(client):
        client._api_client.__class__ = Rude
        await ask(client)
        assert len([chunk async for chunk in await stream(client)]) > 1

    with source.install(ear.dispatcher):
        client._api_client.__class__ = Rude
        ask(client)
        list(stream(client))
        run(job)
    assert (ear.outcomes, ear.attempts) == (["ok"] * 4, [None] * 4)


@recent
@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatcher_that_raises_into_such_a_client_ends_the_run(client, run, kind):
    source, dispatcher = GoogleGenAISource(), EventDispatcher(on_error="raise")
    dispatcher.add_listener(kind, lambda _: 1 / 0)

    async def job(client):
        client._api_client.__class__ = Rude
        with suppress(ZeroDivisionError):
            await ask(client)
        with suppress(ZeroDivisionError):
            async for _ in await stream(client):
                pass

    with source.install(dispatcher):
        client._api_client.__class__ = Rude
        with suppress(ZeroDivisionError):
            ask(client)
        with suppress(ZeroDivisionError):
            list(stream(client))
        run(job, httpx=True)
    assert (source.health().started, source.health().active) == (4, 0)


def test_importing_the_source_imports_no_sdk():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
from polymeter.sources import GoogleGenAISource
GoogleGenAISource()
print(json.dumps(sorted({{"google.genai", "httpx2", "tenacity", "pydantic"}} & set(sys.modules))))
"""
    assert answer_of(code) == []
