"""What is nobody's business is in no event and in no log."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import openai
import pytest

from polymeter.events.inference import InferenceCompleted
from polymeter.testing.provider import Reply, Unauthorized

SECRETS = {
    "prompt": "canary-prompt",
    "completion": "canary-completion",
    "key": "sk-canary-key",
    "header": "canary-header",
    "query": "canary-query",
    "error": "canary-error",
    "user": "canary-user",
}


def test_no_event_and_no_log_has_a_secret(ear, source, provider, caplog):
    caplog.set_level(logging.DEBUG, logger="polymeter")
    provider.script(
        Reply(SECRETS["completion"]),
        Reply(SECRETS["completion"]),
        Reply(SECRETS["completion"]),
        Unauthorized(message=SECRETS["error"]),
    )
    with openai.OpenAI(
        base_url=provider.base_url,
        api_key=SECRETS["key"],
        default_headers={"x-secret": SECRETS["header"]},
        default_query={"q": SECRETS["query"]},
    ) as client:

        def ask(how, **options):
            return how(
                model="gpt-x",
                messages=[{"role": "user", "content": SECRETS["prompt"]}],
                user=SECRETS["user"],
                **options,
            )

        create = client.chat.completions.create
        assert ask(create).choices[0].message.content == SECRETS["completion"]
        list(ask(create, stream=True))
        ask(client.chat.completions.with_raw_response.create)
        with pytest.raises(openai.AuthenticationError, match=SECRETS["error"]):
            ask(create)
        client.embeddings.create(model="embed", input=SECRETS["prompt"])
    said = repr(ear.events) + repr(source.health()) + repr(source) + caplog.text
    assert ear.outcomes == ["ok", "ok", "ok", "error", "ok"]
    assert {name for name, secret in SECRETS.items() if secret in said} == set()
    assert provider.base_url not in said
    assert f":{urlsplit(provider.base_url).port}" not in said
    assert {end.server_address for end in ear.all(InferenceCompleted)} == {"127.0.0.1"}
