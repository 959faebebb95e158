"""Who gets which step, and what a script refuses."""

from __future__ import annotations

import openai
import pytest

from polymeter.testing.provider import Fault, Provider, RateLimited, Reply, Request


def ask(client, model="gpt-x", text="How are you?"):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


def say(client, model="gpt-x"):
    return ask(client, model).choices[0].message.content


def test_steps_are_taken_in_order_and_as_often_as_they_say(provider, client):
    provider.script(Reply("one"), Reply("two", times=2))
    provider.script(Reply("three"))
    assert [say(client) for _ in range(4)] == ["one", "two", "two", "three"]
    assert provider.unused == 0


def test_a_step_can_wait_for_its_model(provider, client):
    provider.script(Reply("for x"), model="gpt-x")
    provider.script(Reply("for any"))
    assert [say(client, "gpt-y"), say(client, "gpt-x")] == ["for any", "for x"]


def test_the_default_can_be_a_step(provider, client):
    provider.default = Reply("always")
    provider.script(Reply("once"))
    assert [say(client) for _ in range(3)] == ["once", "always", "always"]


def test_the_default_can_look_at_the_request(provider, client):
    def default(request: Request) -> Reply:
        return Reply(f"{request.model} {request.number} {request.body['messages'][0]['role']}")

    provider.default = default
    assert [say(client), say(client, "gpt-y")] == ["gpt-x 1 user", "gpt-y 2 user"]


def test_only_steps_are_taken():
    with Provider() as provider, pytest.raises(TypeError, match="give a Reply or a fault"):
        provider.script("Hello")


@pytest.mark.parametrize("default", [Fault(), lambda _request: None], ids=["no particular fault", "nothing"])
def test_a_default_that_says_nothing_is_a_failure(provider, client, default):
    provider.default = default
    with pytest.raises(openai.InternalServerError, match="TypeError"):
        ask(client)
    assert "give a Reply or" in str(provider.failures[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Reply("a", chunks=["a"]), "give one of them"),
        (lambda: Reply("a", times=0), "once or more"),
        (lambda: RateLimited(times=-1), "once or more"),
        (lambda: Reply("a", drop_after_chunks=-1), "0 drops before the first piece"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
