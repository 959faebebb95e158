"""Embeddings as the real SDK reads them."""

from __future__ import annotations

import math

import pytest

from polymeter.testing.provider import Reply, Tokens


def test_both_encodings_carry_the_same_numbers(client):
    """The SDK asks for base64 unless told otherwise."""
    texts = ["one thing", "another"]
    packed = client.embeddings.create(model="emb", input=texts)
    plain = client.embeddings.create(model="emb", input=texts, encoding_format="float")
    assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
    assert [item.index for item in packed.data] == [0, 1]


def test_the_request_is_served_as_base64_by_default(provider, client):
    client.embeddings.create(model="emb", input="text")
    assert provider.requests[0].body["encoding_format"] == "base64"


def test_equal_texts_have_equal_directions_of_length_one(client):
    first, second, other = (
        item.embedding for item in client.embeddings.create(model="emb", input=["a", "a", "b"]).data
    )
    assert first == second != other
    assert math.hypot(*first) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("wanted", "length"), [({}, 1536), ({"dimensions": 7}, 7)])
def test_dimensions_are_honoured(client, wanted, length):
    assert len(client.embeddings.create(model="emb", input="a", **wanted).data[0].embedding) == length


@pytest.mark.parametrize(
    ("given", "vectors", "tokens"),
    [("two words", 1, 2), (["two words", "one"], 2, 3), ([5, 6, 7], 1, 3), ([[5, 6], [7]], 2, 3)],
)
def test_every_form_of_input_is_counted(provider, client, given, vectors, tokens):
    answer = client.embeddings.create(model="emb", input=given)
    assert len(answer.data) == vectors
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (tokens, tokens)
    assert provider.ledger.total.tokens == Tokens(input=tokens)


def test_usage_and_model_can_be_scripted(provider, client):
    provider.script(Reply(usage=Tokens(input=90), response_model="emb-2"))
    answer = client.embeddings.create(model="emb", input="a")
    assert (answer.usage.prompt_tokens, answer.model) == (90, "emb-2")
