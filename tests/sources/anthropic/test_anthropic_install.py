"""Installing and undoing: who hears what, what it costs when nobody does, and that the SDK is left as it was found."""

from __future__ import annotations

import importlib.metadata
import re
from contextlib import suppress

import anthropic
import pytest

from polymeter.contracts import CanEmitEvents
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.sources import AnthropicSource, InferenceRun
from polymeter.testing.provider import RateLimited, Reply, Unauthorized
from tests.interpreter import SRC, answer_of
from tests.sources.anthropic.sdk import HTTP, ask, make, sse
from tests.sources.conftest import KINDS, Ear

METHODS = ("request", "_prepare_request", "_attempt_request", "_sleep_for_retry", "_process_response")
CLASSES = {base for name in dir(anthropic) if "Anthropic" in name for base in getattr(anthropic, name).__mro__}
BASE = [each for each in anthropic.Anthropic.__mro__ if "request" in vars(each)][-1]


def methods():
    return {(cls, name): vars(cls).get(name) for cls in CLASSES for name in METHODS}


FOUND = methods()


@pytest.fixture(autouse=True)
def restored():
    """Every test leaves the SDK as it was found."""
    yield
    assert [each for each, method in methods().items() if method is not FOUND[each]] == []


def test_it_is_a_source():
    assert isinstance(AnthropicSource(), CanEmitEvents)


def test_undoing_gives_the_methods_of_all_clients_back_by_identity(ear):
    subscription = AnthropicSource().install(ear.dispatcher)
    changed = {(cls.__name__, name) for (cls, name), method in methods().items() if method is not FOUND[cls, name]}
    assert {("SyncAPIClient", "request"), ("AsyncAPIClient", "request")} < changed
    assert {("AnthropicBedrock", "_prepare_request"), ("AsyncAnthropicVertex", "_prepare_request")} < changed
    subscription.cancel()
    assert all(method is FOUND[each] for each, method in methods().items())


def test_the_patches_go_with_the_last_of_many_installs(ear, client):
    one, two, other = AnthropicSource(), AnthropicSource(), Ear()
    installs = [one.install(ear.dispatcher), two.install(ear.dispatcher), two.install(other.dispatcher)]
    wrapper = BASE.request
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"])
    installs[0].cancel()
    installs[2].cancel()
    assert BASE.request is wrapper
    ask(client)
    installs[1].cancel()
    ask(client)
    assert (ear.outcomes, other.outcomes) == (["ok"] * 2, ["ok"])
    assert (one.health().installs, two.health().installs) == (0, 0)


def test_a_call_that_is_under_way_at_the_undo_is_told_to_its_end(ear, provider, client):
    subscription = AnthropicSource().install(ear.dispatcher)
    provider.default = lambda _: subscription.cancel() or Reply("Hi")
    ask(client)
    assert ear.outcomes == ["ok"]
    assert len(ear.attempts) == 1


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


@pytest.mark.parametrize("owner", [BASE, anthropic.Anthropic], ids=["of the base", "of the client"])
def test_a_library_that_came_before_is_called_and_stays(ear, client, owner):
    calls = []
    undo = wrap(calls, owner)
    theirs = owner.request
    with AnthropicSource().install(ear.dispatcher):
        ask(client)
    assert (calls, ear.outcomes, ear.attempts) == (["theirs"], ["ok"], [200])
    assert owner.request is theirs
    undo()


def test_a_library_that_came_later_is_called_and_stays(ear, client, caplog):
    calls = []
    subscription = AnthropicSource().install(ear.dispatcher)
    undo = wrap(calls, BASE)
    theirs = BASE.request
    ask(client)
    assert (calls, ear.outcomes) == (["theirs"], ["ok"])
    subscription.cancel()
    assert BASE.request is theirs
    ask(client)
    assert (calls, ear.outcomes) == (["theirs"] * 2, ["ok"])
    assert [record.levelname for record in caplog.records if record.name.startswith("polymeter")] == ["WARNING"]
    with AnthropicSource().install(ear.dispatcher):
        ask(client)
        assert (calls, ear.outcomes) == (["theirs"] * 3, ["ok"] * 2), "heard once, although two wrappers are in place"
    undo()  # puts back our first wrapper, which it had found
    AnthropicSource().install(ear.dispatcher).cancel()


def test_a_listener_that_fails_is_not_noticed_by_the_host(client, run):
    dispatcher = EventDispatcher()
    dispatcher.add_listener(object, lambda _: 1 / 0)
    source = AnthropicSource()

    async def job(client):
        async for _ in await ask(client, stream=True):
            pass

    with source.install(dispatcher):
        assert ask(client).content
        assert list(ask(client, stream=True))
        run(job)
    assert (source.health().ok, source.health().surprises) == (3, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatcher_that_raises_on_purpose_raises_into_the_call_and_the_run_ends(provider, client, kind):
    """That is what it is for; the counts stay right all the same."""
    source, dispatcher, ends = AnthropicSource(), EventDispatcher(on_error="raise"), []
    dispatcher.add_listener(InferenceCompleted, ends.append, priority=1)
    dispatcher.add_listener(kind, lambda _: 1 / 0)
    provider.script(Reply(), Reply(), RateLimited(0.001), Unauthorized())
    with source.install(dispatcher):
        for calls in range(1, 4):
            # The SDK takes what is raised where it sends a request for a failure of the request.
            with suppress(ZeroDivisionError, anthropic.APIError):
                if calls == 2:
                    with ask(client, stream=True) as stream:
                        list(stream)
                else:
                    ask(client)
            assert source.health().started == calls
            assert source.health().active == 0
    assert len({end.execution_id for end in ends}) == len(ends) == 3


def test_nothing_is_built_when_nobody_listens(client, run, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("built for nobody")

    dispatcher, source = EventDispatcher(on_error="raise"), AnthropicSource()
    subscription = dispatcher.add_listener(InferenceCompleted, refuse)
    with source.install(dispatcher):
        subscription.cancel()
        monkeypatch.setattr(InferenceRun, "__init__", refuse)
        monkeypatch.setattr(InferenceCompleted, "__init__", refuse)
        assert ask(client).content
        assert list(ask(client, stream=True))
        run(ask)
    assert (source.health().started, source.health().surprises) == (0, 0)


SURPRISES = {
    "a count is a word": {"usage": {"input_tokens": "many", "output_tokens": 1}},
    "a count is negative": {"usage": {"input_tokens": -1, "output_tokens": 1}},
}


@pytest.mark.parametrize("what", SURPRISES.values(), ids=SURPRISES)
def test_what_cannot_be_read_is_counted_and_not_noticed_by_the_host(ear, stub, what):
    source = AnthropicSource()
    start = {"type": "message_start", "message": {"id": "m", "model": "claude-x"} | what}
    with source.install(ear.dispatcher):
        assert len(list(ask(stub(sse(start, start, {"type": "message_stop"})), stream=True))) == 3
    assert (ear.outcomes, ear.end.usage, ear.end.response_model) == (["ok"], None, "claude-x")
    assert source.health().surprises == 1


@pytest.mark.parametrize("what", SURPRISES.values(), ids=SURPRISES)
def test_what_cannot_be_read_of_an_answer_in_one_piece_is_counted_too(ear, stub, what):
    source = AnthropicSource()
    with source.install(ear.dispatcher):
        ask(stub(HTTP.Response(200, json={"id": "m", "model": "claude-x", "stop_reason": "end_turn"} | what)))
    assert (ear.outcomes, ear.end.usage, ear.end.finish_reason) == (["ok"], None, "end_turn")
    assert source.health().surprises == 1


def test_an_empty_report_of_usage_is_none(ear, stub):
    with AnthropicSource().install(ear.dispatcher):
        ask(stub(HTTP.Response(200, json={"id": "m", "model": "claude-x", "usage": {}})))
    assert (ear.outcomes, ear.end.usage) == (["ok"], None)


def test_a_request_that_cannot_be_read_is_counted_and_goes_through(ear, client, monkeypatch):
    monkeypatch.setattr("polymeter.sources.anthropic_asked.body_of", lambda _: 1 / 0)
    source = AnthropicSource()
    with source.install(ear.dispatcher):
        assert ask(client).content
    assert (ear.events, source.health().surprises) == ([], 1)


@pytest.mark.parametrize("version", ["0.99.9", "3.0.0"])
def test_an_sdk_of_another_version_is_named_with_the_one_that_is_needed(ear, monkeypatch, version):
    found = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version if name == "anthropic" else found(name))
    with pytest.raises(MissingExtraError, match=re.escape(f">=0.100,<3, and anthropic {version} is installed")):
        AnthropicSource().install(ear.dispatcher)


def test_a_missing_sdk_is_named_with_its_extra():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
sys.modules["anthropic"] = None
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.sources import AnthropicSource
try:
    AnthropicSource().install(EventDispatcher())
except MissingExtraError as error:
    print(json.dumps(str(error)))
"""
    assert "pip install 'polymeter[anthropic]'" in answer_of(code)


def test_importing_the_source_imports_no_sdk():
    code = f"""
import sys, json; sys.path.insert(0, {str(SRC)!r})
from polymeter.sources import AnthropicSource
AnthropicSource()
print(json.dumps(sorted({{"anthropic", "httpx2", "httpx", "pydantic"}} & set(sys.modules))))
"""
    assert answer_of(code) == []


def test_both_kinds_of_clients_are_heard_of_one_provider(ear, provider, run):
    with AnthropicSource().install(ear.dispatcher), make(provider.url) as client:
        ask(client)
        run(ask)
    assert ear.outcomes == ["ok", "ok"]
