"""Clients of other platforms, and subclasses that keep things to themselves."""

from __future__ import annotations

import asyncio

import anthropic
import pytest

from polymeter.events.inference import InferenceAttemptFailed, InferenceAttemptSucceeded
from polymeter.testing.provider import RateLimited, Reply, Unauthorized
from tests.sources.anthropic.sdk import HTTP, ask
from tests.sources.conftest import TLS

pytestmark = pytest.mark.usefixtures("source")

MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "content": [],
    "model": "claude-x-2026",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
BEDROCK = {"api_key": "test", "aws_region": "eu-west-1"}
VERTEX = {"access_token": "test", "project_id": "p", "region": "europe-west1"}
FOUNDRY = {"api_key": "test"}
PLATFORMS = [
    ("AnthropicBedrock", BEDROCK, "aws.bedrock"),
    ("AnthropicVertex", VERTEX, "gcp.vertex_ai"),
    ("AnthropicFoundry", FOUNDRY, "anthropic"),
]


def answers():
    return [HTTP.Response(429, json={}, headers={"retry-after": "1"}), HTTP.Response(200, json=MESSAGE)]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("name", "options", "provider_name"), PLATFORMS)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_clients_of_other_platforms_are_heard_with_every_attempt(ear, clock, name, options, provider_name, kind):
    seen = []

    def answer(request):
        seen.append(request.url.path)
        clock.advance(0.25)
        return answers()[len(seen) - 1]

    transport = HTTP.MockTransport(answer)
    options = {"base_url": "http://stub.invalid/place"} | options
    if kind == "sync":
        with getattr(anthropic, name)(http_client=HTTP.Client(transport=transport, verify=TLS), **options) as client:
            ask(client)
    else:

        async def main():
            http = HTTP.AsyncClient(transport=transport, verify=TLS)
            async with getattr(anthropic, f"Async{name}")(http_client=http, **options) as client:
                await ask(client)

        asyncio.run(main())
    assert len(seen) == 2
    assert ear.attempts == [("RateLimitError", 429, True), 200]
    assert (ear.end.provider, ear.end.model, ear.end.outcome) == (provider_name, "claude-x", "ok")
    assert (ear.end.usage.total_tokens, ear.end.finish_reason, ear.end.server_address) == (
        5,
        "end_turn",
        "stub.invalid",
    )
    durations = [each.duration_ms for each in ear.all((InferenceAttemptFailed, InferenceAttemptSucceeded))]
    assert durations == [250.0, 250.0]


def test_a_request_that_cannot_be_signed_is_no_attempt(ear):
    class Unsigned(anthropic.AnthropicVertex):
        def _ensure_access_token(self):
            raise LookupError

    with Unsigned(project_id="p", region="r", base_url="http://stub.invalid") as client, pytest.raises(LookupError):
        ask(client)
    assert (ear.end.outcome, ear.end.error_type, ear.end.attempt_count) == ("error", "LookupError", 0)


class Polite(anthropic.Anthropic):
    """Does more than it has to."""

    def _prepare_request(self, request):
        super()._prepare_request(request)


@pytest.fixture
def later_subclass():
    """Give a class that came after the source was installed and prepares requests in its own way."""

    class Rude(anthropic.Anthropic):
        def _prepare_request(self, request): ...

    return Rude


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("late", [False, True])
def test_a_subclass_that_prepares_its_requests_is_counted_exactly(ear, provider, later_subclass, late):
    provider.script(RateLimited(1.0, respond_after=2.0), Reply(respond_after=3.0))
    with (later_subclass if late else Polite)(base_url=provider.url, api_key="test") as client:
        ask(client)
    assert (ear.attempts, ear.outcomes) == ([("RateLimitError", 429, True), 200], ["ok"])
    durations = [each.duration_ms for each in ear.all((InferenceAttemptFailed, InferenceAttemptSucceeded))]
    assert durations == [2000.0, 3000.0]


def test_a_client_that_keeps_things_to_itself_has_an_attempt_per_answer(ear, client, provider):
    client._prepare_request = lambda _: None
    provider.script(Reply(), Unauthorized())
    ask(client)
    with pytest.raises(anthropic.AuthenticationError):
        ask(client)
    assert ear.attempts == [200, ("AuthenticationError", 401, False)]


@pytest.mark.usefixtures("at_once")
def test_a_subclass_that_waits_in_its_own_way_is_counted_too(ear, provider):
    class Sleepless(anthropic.Anthropic):
        def _sleep_for_retry(self, **_): ...

    provider.script(RateLimited(1.0), Reply())
    with Sleepless(base_url=provider.url, api_key="test") as client:
        ask(client)
    assert [each if each == 200 else each[2] for each in ear.attempts] == [True, 200]
    assert ear.end.attempt_count == 2
