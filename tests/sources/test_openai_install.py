"""Installing and undoing: who hears what, what it costs when nobody does, and that the SDK is left as it was found."""

from __future__ import annotations

import logging
import re
import sys
import threading
from contextlib import suppress

import openai
import pytest

from polymeter.contracts import CanEmitEvents
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.events.rate_limits import RateLimitReported
from polymeter.sources import InferenceRun, OpenAISource
from polymeter.sources.pending import PendingAnswer
from polymeter.sources.stainless_calls import StainlessCall
from polymeter.testing.clock import ManualClock
from polymeter.testing.provider import Reply, Unauthorized
from tests.interpreter import SRC, answer_of
from tests.sources.conftest import KINDS, QUESTION, Ear

METHODS = ("request", "_prepare_request", "_sleep_for_retry", "_process_response")
BASE, ASYNC_BASE = openai.OpenAI.__base__, openai.AsyncOpenAI.__base__
CLASSES = (BASE, ASYNC_BASE, openai.OpenAI, openai.AsyncOpenAI, openai.AzureOpenAI, openai.AsyncAzureOpenAI)
FOUND = [vars(cls).get(name) for cls in CLASSES for name in METHODS]


def ask(client, **options):
    return client.chat.completions.create(model="gpt-x", messages=QUESTION, **options)


@pytest.fixture(autouse=True)
def restored():
    """Every test leaves the SDK as it was found."""
    yield
    for found, now in zip(FOUND, (vars(cls).get(name) for cls in CLASSES for name in METHODS), strict=True):
        assert now is found


def test_it_is_a_source():
    assert isinstance(OpenAISource(), CanEmitEvents)


def test_undoing_gives_the_methods_back_by_identity(ear):
    request, async_request = BASE.request, ASYNC_BASE.request
    subscription = OpenAISource().install(ear.dispatcher)
    assert openai.OpenAI.request is not request
    subscription.cancel()
    assert openai.OpenAI.request is openai.AzureOpenAI.request is request
    assert openai.AsyncOpenAI.request is async_request


def test_the_patches_go_with_the_last_of_many_installs(ear, client):
    found = BASE.request
    one, two, other = OpenAISource(), OpenAISource(), Ear()
    installs = [
        one.install(ear.dispatcher),
        one.install(ear.dispatcher),
        two.install(ear.dispatcher),
        two.install(other.dispatcher),
    ]
    wrapper = openai.OpenAI.request
    assert (one.health().installs, two.health().installs) == (2, 2)
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"])
    installs[0].cancel()
    installs[0].cancel()
    installs[2].cancel()
    ask(client)
    assert openai.OpenAI.request is wrapper
    assert (ear.outcomes, other.outcomes) == (["ok"] * 2, ["ok"] * 2)
    installs[1].cancel()
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"] * 2, ["ok"] * 3)
    installs[3].cancel()
    assert openai.OpenAI.request is found
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"] * 2, ["ok"] * 3)
    assert (one.health().installs, two.health().installs) == (0, 0)


def test_two_dispatchers_hear_the_same_on_clocks_of_their_own(client, provider):
    one, two, given = Ear(), Ear(), ManualClock(start=5.0)
    with OpenAISource().install(one.dispatcher), OpenAISource(clock=given).install(two.dispatcher):
        provider.script(Reply(respond_after=1.0))
        ask(client)
    assert [type(event) for event in one.events] == [type(event) for event in two.events]
    assert one.end.execution_id == two.end.execution_id
    assert (one.end.at, two.end.at) == (1_700_000_000.0, 5.0)


def test_many_threads_install_and_undo(ear):
    def work():
        for _ in range(25):
            OpenAISource().install(ear.dispatcher).cancel()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_call_that_is_under_way_at_the_undo_is_told_to_its_end(ear, provider, client):
    subscription = OpenAISource().install(ear.dispatcher)
    provider.default = lambda _: subscription.cancel() or Reply("Hi")
    ask(client)
    assert (ear.outcomes, ear.attempts) == (["ok"], [None])


def test_a_call_that_is_under_way_at_the_install_is_not_told(ear, provider, client):
    source = OpenAISource()
    installs = []
    provider.default = lambda _: installs.append(source.install(ear.dispatcher)) or Reply("Hi")
    ask(client)
    installs[0].cancel()
    assert ear.events == []


def wrap(calls, owner):
    """Wrap the method as other libraries do; give the way back."""
    found, inherited = owner.request, "request" not in vars(owner)

    def request(self, *args, **kwargs):
        calls.append("theirs")
        return found(self, *args, **kwargs)

    owner.request = request

    def undo():
        if inherited:
            del owner.request
        else:
            owner.request = found

    return undo


OWNERS = pytest.mark.parametrize("owner", [BASE, openai.OpenAI], ids=["of the base", "of the client"])


@OWNERS
def test_a_library_that_came_before_is_called_and_stays(ear, client, owner):
    calls = []
    undo = wrap(calls, owner)
    theirs = owner.request
    with OpenAISource().install(ear.dispatcher):
        ask(client)
    assert (calls, ear.outcomes, ear.attempts) == (["theirs"], ["ok"], [200])
    assert owner.request is theirs
    undo()


def test_a_library_that_came_later_is_called_and_stays(ear, client, caplog):
    calls = []
    subscription = OpenAISource().install(ear.dispatcher)
    undo = wrap(calls, BASE)
    theirs = BASE.request
    ask(client)
    assert (calls, ear.outcomes) == (["theirs"], ["ok"])
    subscription.cancel()
    assert BASE.request is theirs
    ask(client)
    assert (calls, ear.outcomes) == (["theirs"] * 2, ["ok"])
    assert [record.levelno for record in caplog.records if record.name.startswith("polymeter")] == [logging.WARNING]

    with OpenAISource().install(ear.dispatcher):
        ask(client)
        assert (calls, ear.outcomes) == (["theirs"] * 3, ["ok"] * 2), "heard once, although two wrappers are in place"
    undo()  # puts back our first wrapper, which it had found
    OpenAISource().install(ear.dispatcher).cancel()


def test_one_that_came_later_and_wrapped_what_the_client_inherits_goes_on_alone(ear, client, caplog):
    calls = []
    subscription = OpenAISource().install(ear.dispatcher)
    undo = wrap(calls, openai.OpenAI)
    ask(client)
    subscription.cancel()
    ask(client)
    assert (calls, ear.outcomes) == (["theirs"] * 2, ["ok"])
    assert caplog.records == [], "nothing of ours had to stay"
    undo()


@OWNERS
def test_both_at_once_count_a_call_once(ear, client, owner):
    calls = []
    undo = wrap(calls, owner)
    with OpenAISource().install(ear.dispatcher):
        inner = wrap(calls, owner)
        ask(client)
        inner()
    undo()
    assert (calls, ear.outcomes, ear.attempts) == (["theirs", "theirs"], ["ok"], [200])


def test_a_listener_that_fails_is_not_noticed_by_the_host(client, run):
    dispatcher = EventDispatcher()
    dispatcher.add_listener(object, lambda _: 1 / 0)
    source = OpenAISource()

    async def job(client):
        async for _ in await ask(client, stream=True):
            pass

    with source.install(dispatcher):
        assert ask(client).choices
        assert len(list(ask(client, stream=True))) == 10
        run(job)
    assert (source.health().ok, source.health().surprises) == (3, 0)


class Rude(openai.OpenAI):
    """Keeps everything between the start and the end to itself."""

    def _prepare_request(self, request): ...

    def _process_response(self, **options):
        return openai.OpenAI.__base__._process_response(self, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", [openai.OpenAI, Rude])
def test_a_dispatcher_that_raises_on_purpose_raises_into_the_call_and_the_run_ends(provider, kind, of):
    """That is what it is for; the counts stay right all the same."""
    source, dispatcher, ends = OpenAISource(), EventDispatcher(on_error="raise"), []
    dispatcher.add_listener(InferenceCompleted, ends.append, priority=1)
    dispatcher.add_listener(kind, lambda _: 1 / 0)
    raised = (ZeroDivisionError, openai.APIStatusError)
    provider.script(Reply(), Reply(), Unauthorized())
    with source.install(dispatcher), of(base_url=provider.base_url, api_key="test") as client:
        for calls in range(1, 4):
            with suppress(*raised):
                for _ in ask(client, stream=calls == 2):
                    pass
            assert source.health().started == calls
            assert source.health().active == 0
    assert len({end.execution_id for end in ends}) == len(ends) == 3


def test_nothing_is_built_when_nobody_listens(client, run, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("built for nobody")

    dispatcher, source = EventDispatcher(on_error="raise"), OpenAISource()
    subscription = dispatcher.add_listener(InferenceCompleted, refuse)
    with source.install(dispatcher):
        subscription.cancel()
        for made in (*KINDS, RateLimitReported, InferenceRun, PendingAnswer, StainlessCall):
            monkeypatch.setattr(made, "__init__", refuse)
        assert ask(client).choices
        assert len(list(ask(client, stream=True))) == 10
        assert client.responses.create(model="m", input="Hi").output_text
        assert len(list(client.responses.create(model="m", input="Hi", stream=True))) == 16
        run(ask)
    assert (source.health().started, source.health().surprises) == (0, 0)


def test_who_begins_to_listen_hears_what_begins_after_that(client):
    dispatcher, heard = EventDispatcher(), []
    with OpenAISource().install(dispatcher):
        stream = ask(client, stream=True)
        dispatcher.add_listener(object, heard.append)
        list(stream)
        assert heard == []
        ask(client)
    assert [type(event) for event in heard if isinstance(event, InferenceCompleted)] == [InferenceCompleted]


def test_health_counts_how_runs_ended(ear, provider, client):
    source = OpenAISource()
    with source.install(ear.dispatcher):
        ask(client)
        provider.script(Unauthorized())
        with pytest.raises(openai.AuthenticationError):
            ask(client)
        ask(client, stream=True).close()
        stream = ask(client, stream=True)
        health = source.health()
        assert (health.installs, health.started, health.active) == (1, 4, 1)
        del stream
    health = source.health()
    assert (health.ok, health.error, health.cancelled, health.abandoned) == (1, 1, 1, 1)
    assert (health.installs, health.active, health.surprises) == (0, 0, 0)


def test_an_sdk_that_is_missing_is_named_with_the_way_to_get_it(ear, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'polymeter[openai]'")):
        OpenAISource().install(ear.dispatcher)


@pytest.mark.parametrize("version", ["1.109.1", "4.0.0", "0.28.1", "33.0", "unknown"])
def test_an_sdk_of_another_version_is_named_with_the_one_that_is_needed(ear, monkeypatch, version):
    monkeypatch.setattr(openai, "__version__", version)
    with pytest.raises(MissingExtraError, match=re.escape(f"openai >=2,<4, and openai {version} is installed")):
        OpenAISource().install(ear.dispatcher)


def test_an_sdk_that_says_its_version_in_the_other_way_is_understood(ear, monkeypatch):
    monkeypatch.delattr(openai, "__version__")
    OpenAISource().install(ear.dispatcher).cancel()


def test_an_sdk_that_lost_a_hook_is_listened_to_without_it(ear, client, monkeypatch):
    monkeypatch.delattr(openai.OpenAI.__base__, "_sleep_for_retry")
    with OpenAISource().install(ear.dispatcher):
        ask(client)
    assert ear.attempts == [200]


def test_importing_the_source_imports_no_sdk():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
from polymeter.sources import OpenAISource
OpenAISource()
print(json.dumps(sorted({{"openai", "httpx2", "pydantic"}} & set(sys.modules))))
"""
    assert answer_of(code) == []


def test_a_stream_that_is_open_at_the_exit_of_the_interpreter_is_abandoned():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
from openai import OpenAI
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.events.rate_limits import RateLimitReported
from polymeter.sources import OpenAISource
from polymeter.testing.provider import Provider

events = EventDispatcher()
events.add_listener(InferenceCompleted, lambda event: print(json.dumps(event.outcome)))
OpenAISource().install(events)
provider = Provider()
client = OpenAI(base_url=provider.base_url, api_key="test")
stream = client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "Hi"}}], stream=True)
next(stream)
provider.close()
"""
    assert answer_of(code) == "abandoned"
