"""A call inside a call of another library is told as attempts of that one."""

from __future__ import annotations

import pytest

from polymeter.sources.contexts import leave
from polymeter.sources.emitters import InferenceEmitters
from polymeter.sources.installs import Audience
from polymeter.sources.nested import InnerRun, outer_call, run_for
from tests.sources.contract.ear import Ear


class Outer:
    """Writes down what it hears."""

    def __init__(self):
        self.is_active = True
        self.heard = []

    def inner_attempt_started(self):
        self.heard.append("started")

    def inner_attempt_succeeded(self, http_status):
        self.heard.append(http_status)

    def inner_attempt_failed(self, error_type, http_status, *, will_retry):
        self.heard.append((error_type, http_status, will_retry))


@pytest.fixture
def outer():
    outer = Outer()
    token = outer_call.set(outer)
    yield outer
    leave(token)


@pytest.fixture
def ear():
    return Ear()


def begin(ear, outcome="ok"):
    run = run_for(Audience((InferenceEmitters(ear.dispatcher),)), model="m", provider="p", operation="chat")
    run.start()
    run.attempt_started()
    run.attempt_failed("RateLimitError", 429, will_retry=True)
    run.attempt_started()
    run.attempt_succeeded(200)
    run.chunk()
    run.end(outcome)
    return run


def test_without_an_outer_call_it_is_an_execution(ear):
    begin(ear)
    assert (ear.outcomes, ear.attempts) == (["ok"], [("RateLimitError", 429, True), 200])


def test_within_an_outer_call_only_its_attempts_are_told_and_to_that_one(ear, outer):
    assert isinstance(begin(ear), InnerRun)
    assert outer.heard == ["started", ("RateLimitError", 429, True), "started", 200]
    assert ear.events == []


def test_an_outer_call_that_is_over_does_not_count(ear, outer):
    """Threads and tasks that it started live on in its context."""
    outer.is_active = False
    begin(ear)
    assert (ear.outcomes, outer.heard) == (["ok"], [])


def test_leaving_in_another_context_is_not_noticed():
    import contextvars

    token = contextvars.copy_context().run(outer_call.set, Outer())
    leave(token)
    assert outer_call.get() is None
