"""Installing the LiteLLM source and undoing it."""

from __future__ import annotations

import importlib
import json
import logging
import re
import subprocess
import sys
from contextlib import suppress
from types import FunctionType

import litellm
import openai
import pytest
from litellm.litellm_core_utils.litellm_logging import Logging

from polymeter.contracts import CanEmitEvents
from polymeter.errors import MissingExtraError
from polymeter.events import EventDispatcher
from polymeter.events.inference import InferenceCompleted
from polymeter.sources import LiteLLMSource
from polymeter.sources.run import InferenceRun
from polymeter.testing.provider import Provider, Reply, Unauthorized
from tests.interpreter import answer_of
from tests.sources.contract import Ear
from tests.sources.contract.ear import KINDS

MAIN = importlib.import_module("litellm.main")
NAMES = ("completion", "text_completion", "embedding", "completion_with_retries")
FUNCTIONS = [getattr(module, f"{prefix}{name}") for module in (litellm, MAIN) for prefix in ("", "a") for name in NAMES]
QUESTION = [{"role": "user", "content": "How are you today?"}]


def state():
    """Give everything that an install may change."""
    held = [getattr(module, f"{prefix}{name}") for module in (litellm, MAIN) for prefix in ("", "a") for name in NAMES]
    return [*map(id, held), *(id(function.__code__) for function in FUNCTIONS), id(vars(Logging)["pre_call"])]


FOUND = state()


@pytest.fixture(autouse=True)
def restored():
    """Every test leaves LiteLLM as it was found."""
    yield
    assert state() == FOUND


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture
def provider():
    with Provider() as provider:
        yield provider


@pytest.fixture
def ask(provider):
    with openai.OpenAI(base_url=provider.base_url, api_key="k", max_retries=0) as client:
        yield lambda **more: litellm.completion(model="openai/m", messages=QUESTION, client=client, **more)


def test_it_is_a_source():
    assert isinstance(LiteLLMSource(), CanEmitEvents)


def test_undoing_gives_everything_back_by_identity(ear):
    subscription = LiteLLMSource().install(ear.dispatcher)
    assert state() != FOUND
    subscription.cancel()
    assert state() == FOUND


def test_the_functions_look_the_same_while_installed(ear):
    import inspect

    before = [(inspect.signature(f), inspect.iscoroutinefunction(f), f.__name__, f.__doc__) for f in FUNCTIONS]
    with LiteLLMSource().install(ear.dispatcher):
        after = [(inspect.signature(f), inspect.iscoroutinefunction(f), f.__name__, f.__doc__) for f in FUNCTIONS]
    assert after == before


def test_the_patches_go_with_the_last_of_many_installs(ear, ask):
    one, two, other = LiteLLMSource(), LiteLLMSource(), Ear()
    installs = [one.install(ear.dispatcher), two.install(ear.dispatcher), two.install(other.dispatcher)]
    ask()
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok"])
    installs[0].cancel()
    installs[1].cancel()
    ask()
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok", "ok"])
    assert state() != FOUND
    installs[2].cancel()
    ask()
    assert (ear.outcomes, other.outcomes) == (["ok"], ["ok", "ok"])


@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_a_library_that_wraps_the_functions_too_is_called_and_stays(ear, ask, monkeypatch, first):
    calls = []
    found = litellm.completion

    def theirs(*args, **kwargs):
        calls.append("theirs")
        return found(*args, **kwargs)

    theirs.__wrapped__ = found
    with monkeypatch.context() as patch:
        if first == "theirs":
            patch.setattr(litellm, "completion", theirs)
        with LiteLLMSource().install(ear.dispatcher):
            patch.setattr(litellm, "completion", theirs)
            ask()
        assert litellm.completion is theirs
        ask()
    assert (calls, ear.outcomes) == (["theirs"] * 2, ["ok"])


def test_a_library_that_replaced_the_code_later_stays_and_ours_passes_through(ear, ask, caplog):
    found = litellm.completion.__code__
    theirs = found.replace(co_name="theirs")
    subscription = LiteLLMSource().install(ear.dispatcher)
    litellm.completion.__code__ = theirs
    subscription.cancel()
    assert litellm.completion.__code__ is theirs
    litellm.completion.__code__ = found
    assert [record.levelno for record in caplog.records if record.name.startswith("polymeter")] == [logging.WARNING]


def test_code_that_another_library_took_while_installed_passes_through_afterwards(ear, provider):
    with LiteLLMSource().install(ear.dispatcher):
        kept = litellm.completion
        theirs = FunctionType(kept.__code__, kept.__globals__, closure=kept.__closure__)
    assert theirs(model="openai/m", messages=QUESTION, api_base=provider.base_url, api_key="k").choices
    assert ear.events == []


def test_a_call_that_is_under_way_at_the_undo_is_told_to_its_end(ear, provider, ask):
    subscription = LiteLLMSource().install(ear.dispatcher)
    provider.default = lambda _: subscription.cancel() or Reply("Hi")
    ask()
    assert ear.outcomes == ["ok"]


def test_nothing_is_built_when_nobody_listens(ask, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("built for nobody")

    dispatcher, source = EventDispatcher(on_error="raise"), LiteLLMSource()
    with source.install(dispatcher):
        monkeypatch.setattr(InferenceRun, "__init__", refuse)
        ask()
        stream = ask(stream=True)
        assert type(stream) is litellm.CustomStreamWrapper
        list(stream)
    assert (source.health().started, source.health().surprises) == (0, 0)


def test_a_listener_that_fails_is_not_noticed_by_the_host(ask):
    dispatcher = EventDispatcher()
    dispatcher.add_listener(object, lambda _: 1 / 0)
    source = LiteLLMSource()
    with source.install(dispatcher):
        assert ask().choices
        assert len(list(ask(stream=True))) > 1
    assert (source.health().ok, source.health().surprises) == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatcher_that_raises_on_purpose_raises_into_the_call_and_the_run_ends(provider, ask, kind):
    source, dispatcher, ends = LiteLLMSource(), EventDispatcher(on_error="raise"), []
    dispatcher.add_listener(InferenceCompleted, ends.append, priority=1)
    dispatcher.add_listener(kind, lambda _: 1 / 0)
    provider.script(Reply(), Reply(), Unauthorized())
    with source.install(dispatcher):
        for calls in range(1, 4):
            with suppress(ZeroDivisionError, openai.APIError):
                for _ in ask(stream=calls == 2):
                    pass
            assert (source.health().started, source.health().active) == (calls, 0)
    assert len({end.execution_id for end in ends}) == len(ends) == 3


def test_an_answer_of_another_shape_is_counted_and_handed_on(ear, provider, ask, monkeypatch):
    source = LiteLLMSource()
    monkeypatch.setattr("polymeter.sources.litellm_answers.part", lambda *_: 1 / 0)
    with source.install(ear.dispatcher):
        assert ask().choices
    assert (ear.outcomes, source.health().surprises) == (["ok"], 1)


def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(ear, monkeypatch):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'polymeter[litellm]'")):
        LiteLLMSource().install(ear.dispatcher)


def test_a_version_that_is_not_supported_is_named_with_those_that_are(ear, monkeypatch):
    monkeypatch.setattr("polymeter.sources.versions.installed_version", lambda _: "0.9.1")
    with pytest.raises(MissingExtraError, match=r"needs litellm >=1\.\d+,<2, and litellm 0\.9\.1 is installed"):
        LiteLLMSource().install(ear.dispatcher)


def test_importing_and_making_the_source_imports_no_litellm():
    code = """
import sys, json
from polymeter.sources import LiteLLMSource, InstructorSource
LiteLLMSource(), InstructorSource()
print(json.dumps(sorted({"litellm", "instructor", "openai", "httpx", "pydantic"} & set(sys.modules))))
"""
    assert answer_of(code) == []


def test_what_is_installed_is_listed_on_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "polymeter.cli", "sources", "--json"], capture_output=True, text=True, check=True
    )
    found = {each["library"]: each for each in json.loads(done.stdout)}
    assert (found["litellm"]["is_supported"], found["instructor"]["is_supported"]) == (True, True)
    assert found["litellm"]["source"] == "LiteLLMSource"
