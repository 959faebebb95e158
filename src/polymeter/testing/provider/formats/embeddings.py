"""Embeddings of OpenAI: ``POST /v1/embeddings``."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from typing import TYPE_CHECKING, cast

from polymeter.testing.provider.formats.openai import OpenAIFormat

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.formats.base import Json

__all__ = ["Embeddings"]

_DIMENSIONS = 1536


class Embeddings(OpenAIFormat):
    """One vector of length 1 per input; equal inputs have equal vectors, in either encoding."""

    path = "/v1/embeddings"
    prompt = "input"
    generates = False

    def whole(self, answer: Answer) -> Json:
        """Write a list of vectors, as numbers or as base64 of 32-bit floats."""
        body = answer.request.body
        wanted = body.get("dimensions")
        dimensions = wanted if isinstance(wanted, int) and wanted > 0 else _DIMENSIONS
        vectors = [_vector(each, dimensions) for each in _inputs(body.get("input"))]
        encode = _base64 if body.get("encoding_format") == "base64" else _floats
        data = [{"object": "embedding", "index": place, "embedding": encode(it)} for place, it in enumerate(vectors)]
        answered: Json = {"object": "list", "data": data, "model": answer.model}
        if answer.usage is not None:
            read = answer.usage.input_tokens
            answered["usage"] = {"prompt_tokens": read, "total_tokens": read}
        return answered


def _inputs(value: object) -> list[object]:
    """Tell a list of inputs from one input, which may itself be a list of token numbers."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [items] if items and isinstance(items[0], int) else items


def _vector(value: object, dimensions: int) -> bytes:
    """Draw a direction from a hash of ``value``, as 32-bit floats."""
    digest = hashlib.shake_256(json.dumps(value).encode()).digest(2 * dimensions)
    direction = struct.unpack(f"<{dimensions}h", digest)
    length = math.hypot(*direction) or 1.0
    return struct.pack(f"<{dimensions}f", *(each / length for each in direction))


def _floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()
