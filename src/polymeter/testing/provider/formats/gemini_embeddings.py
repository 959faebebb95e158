"""Embeddings of Gemini: ``:embedContent``, ``:batchEmbedContents``, and ``:predict`` of Vertex AI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.testing.provider.formats.gemini import GeminiFormat
from polymeter.testing.provider.tokens import count_words

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.formats.base import Json
    from polymeter.testing.provider.tokens import Tokens

__all__ = ["GeminiBatchEmbeddings", "GeminiEmbedding", "GeminiPredictions"]

_DIMENSIONS: Final = 768


class GeminiEmbedding(GeminiFormat):
    """One vector for one content."""

    path = "/v1beta/models/*:embedContent"
    prompt = "content"
    generates = False
    actions = ("embedContent",)

    def whole(self, answer: Answer) -> Json:
        """Write an ``EmbedContentResponse``."""
        body = answer.request.body
        return {"embedding": {"values": _vector(body.get("content"), _wanted(body))}} | _usage(answer.usage)


class GeminiBatchEmbeddings(GeminiFormat):
    """One vector for each request of a batch."""

    path = "/v1beta/models/*:batchEmbedContents"
    prompt = "requests"
    generates = False
    actions = ("batchEmbedContents",)

    def whole(self, answer: Answer) -> Json:
        """Write a ``BatchEmbedContentsResponse``."""
        vectors = [_vector(each.get("content"), _wanted(each)) for each in _items(answer, "requests")]
        return {"embeddings": [{"values": vector} for vector in vectors]} | _usage(answer.usage)


class GeminiPredictions(GeminiFormat):
    """One vector for each instance, each with the tokens that it took."""

    path = "/v1beta1/publishers/google/models/*:predict"
    prompt = "instances"
    generates = False
    actions = ("predict",)

    def whole(self, answer: Answer) -> Json:
        """Write a ``PredictResponse``."""
        dimensions = _wanted(_object(answer.request.body.get("parameters")))
        return {"predictions": [{"embeddings": _prediction(each, dimensions)} for each in _items(answer, "instances")]}


def _prediction(instance: Mapping[str, Any], dimensions: int) -> Json:
    content = instance.get("content")
    statistics = {"truncated": False, "token_count": count_words(content)}
    return {"values": _vector(content, dimensions), "statistics": statistics}


def _usage(tokens: Tokens | None) -> Json:
    if tokens is None:
        return {}
    return {"usageMetadata": {"promptTokenCount": tokens.input_tokens, "totalTokenCount": tokens.input_tokens}}


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _items(answer: Answer, name: str) -> list[Mapping[str, Any]]:
    value = answer.request.body.get(name)
    return [_object(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _wanted(options: Mapping[str, Any]) -> int:
    nested = _object(options.get("embedContentConfig"))
    wanted = options.get("outputDimensionality", nested.get("outputDimensionality"))
    return wanted if isinstance(wanted, int) and wanted > 0 else _DIMENSIONS


def _vector(content: object, dimensions: int) -> list[float]:
    """Draw numbers from a hash of ``content``: equal contents have equal vectors."""
    digest = hashlib.shake_256(json.dumps(content).encode()).digest(dimensions)
    return [(byte - 127.5) / 127.5 for byte in digest]
