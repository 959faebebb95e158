"""Legacy completions of OpenAI: ``POST /v1/completions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.provider.formats.base import Json, Streamed
from polymeter.testing.provider.formats.chat import asks_for_usage, usage_json
from polymeter.testing.provider.formats.openai import OpenAIFormat, sse

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.request import Request

__all__ = ["Completions"]


class Completions(OpenAIFormat):
    """One choice of text; usage in a stream only if ``stream_options`` asks for it. Tool calls do not exist here."""

    path = "/v1/completions"
    prompt = "prompt"

    def wants_usage(self, request: Request) -> bool:
        """Report tokens always, but in a stream only on demand."""
        return not request.stream or asks_for_usage(request)

    def whole(self, answer: Answer) -> Json:
        """Write a ``text_completion``."""
        body = _envelope(answer) | {"choices": [_choice(answer.text or "", answer.finish_reason)]}
        return body if answer.usage is None else body | {"usage": usage_json(answer.usage)}

    def stream(self, answer: Answer) -> Streamed:
        """Write ``text_completion`` events: the pieces, the end, the usage if wanted, ``[DONE]``."""
        envelope = _envelope(answer)
        pieces = [sse(envelope | {"choices": [_choice(piece, None)]}) for piece in answer.pieces]
        closing = sse(envelope | {"choices": [_choice("", answer.finish_reason)]})
        if answer.usage is not None:
            closing += sse(envelope | {"choices": [], "usage": usage_json(answer.usage)})
        return Streamed(b"", pieces, closing + b"data: [DONE]\n\n")


def _envelope(answer: Answer) -> Json:
    return {
        "id": f"cmpl-{answer.request.number:024x}",
        "object": "text_completion",
        "created": answer.created,
        "model": answer.model,
    }


def _choice(text: str, finish_reason: str | None) -> Json:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}
