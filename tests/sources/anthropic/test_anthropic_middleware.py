"""Clients with middleware, which stands between the SDK's retries and the requests."""

from __future__ import annotations

import anthropic
import pytest

from polymeter.events.inference import InferenceCompleted
from polymeter.testing.provider import RateLimited, Reply, ServerError, Unauthorized
from tests.sources.anthropic.sdk import ask, needs_middleware

pytestmark = [needs_middleware, pytest.mark.usefixtures("source", "at_once")]


@pytest.fixture
def through(client):
    """Give a client whose requests go through a middleware."""
    return lambda middleware: client.with_options(middleware=[middleware])


def test_a_middleware_of_the_sdk_sees_what_we_see(ear, provider, client, run):
    class Counts(anthropic.Middleware):
        statuses: list[int]

        def handle(self, request, call_next):
            response = call_next(request)
            self.statuses.append(response.status_code)
            return response

        async def handle_async(self, request, call_next):
            response = await call_next(request)
            self.statuses.append(response.status_code)
            return response

    counts = Counts()
    counts.statuses = []
    provider.script(RateLimited(1.0), ServerError(), Reply(), RateLimited(1.0), Reply())
    ask(client.with_options(middleware=[counts]))
    run(ask, middleware=[counts])
    assert counts.statuses == [429, 500, 200, 429, 200]
    assert ear.attempts == [
        ("RateLimitError", 429, True),
        ("InternalServerError", 500, True),
        200,
        ("RateLimitError", 429, True),
        200,
    ]


def test_a_refusal_that_a_middleware_lets_pass_has_failed_once(ear, provider, through):
    provider.script(Unauthorized())
    with pytest.raises(anthropic.AuthenticationError):
        ask(through(lambda request, call_next: call_next(request)))
    assert ear.attempts == [("AuthenticationError", 401, False)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_middleware_that_tries_again_by_itself_makes_attempts(ear, provider, through, stream):
    def twice(request, call_next):
        response = call_next(request)
        return response if response.status_code == 200 else call_next(request)

    provider.script(ServerError(), ServerError(), RateLimited(1.0), Reply())
    answer = ask(through(twice), stream=stream)
    if stream:
        list(answer)
    assert ear.attempts == [
        ("InternalServerError", 500, True),
        ("InternalServerError", 500, True),
        ("RateLimitError", 429, True),
        200,
    ]
    assert ear.end.attempt_count == len(provider.requests) == 4


def test_a_middleware_that_fails_after_an_answer_fails_the_call_and_not_the_attempt(ear, provider, through):
    def refuse(request, call_next):
        call_next(request)
        raise LookupError

    with pytest.raises(LookupError):
        ask(through(refuse))
    assert (ear.attempts, ear.end.outcome, ear.end.error_type) == ([200], "error", "LookupError")
    assert ear.end.usage is not None


def test_a_middleware_that_has_an_answer_asked_for_again_makes_another_attempt(ear, provider, through):
    seen = []

    def choosy(request, call_next):
        response = call_next(request)
        seen.append(response)
        if len(seen) == 1:
            raise anthropic.RetryableError("not this one")
        return response

    ask(through(choosy))
    assert (ear.attempts, ear.outcomes) == ([200, 200], ["ok"])
    assert ear.end.attempt_count == len(provider.requests) == 2


def test_a_middleware_that_says_it_in_other_words_has_failed_with_the_status(ear, provider, through):
    def reword(request, call_next):
        if call_next(request).status_code == 500:
            raise LookupError
        raise AssertionError

    provider.script(ServerError())
    with pytest.raises(LookupError):
        ask(through(reword))
    assert ear.attempts == [("LookupError", 500, False)]


def test_a_middleware_that_answers_by_itself_counts_as_one_that_asked(ear, provider, client, through):
    kept = ask(client)
    assert ask(through(lambda request, call_next: kept)) is kept
    ends = ear.all(InferenceCompleted)
    assert [(end.outcome, end.attempt_count, end.finish_reason) for end in ends] == [("ok", 1, "end_turn")] * 2
    assert len(provider.requests) == 1


def test_a_call_within_a_middleware_is_a_call_of_its_own(ear, provider, client, through):
    def asks_first(request, call_next):
        client.models.list()
        ask(client, model="inner")
        return call_next(request)

    ask(through(asks_first), model="outer")
    ends = ear.all(InferenceCompleted)
    assert [(end.model, end.outcome, end.attempt_count) for end in ends] == [("inner", "ok", 1), ("outer", "ok", 1)]


def test_a_stream_through_a_middleware_is_told(ear, provider, through):
    with through(lambda request, call_next: call_next(request)).messages.stream(
        model="claude-x", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
    ) as stream:
        stream.until_done()
    assert (ear.end.outcome, ear.end.finish_reason, ear.attempts) == ("ok", "end_turn", [200])
