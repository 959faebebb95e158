"""Chat completions of OpenAI: ``POST /v1/chat/completions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.testing.provider.formats.base import Json, Streamed
from polymeter.testing.provider.formats.openai import OpenAIFormat, sse

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.request import Request
    from polymeter.testing.provider.tokens import Tokens

__all__ = ["Chat", "asks_for_usage", "usage_json"]


class Chat(OpenAIFormat):
    """One choice, as text or tool calls; usage in a stream only if ``stream_options`` asks for it."""

    path = "/v1/chat/completions"
    prompt = "messages"

    def wants_usage(self, request: Request) -> bool:
        """Report tokens always, but in a stream only on demand."""
        return not request.stream or asks_for_usage(request)

    def whole(self, answer: Answer) -> Json:
        """Write a ``chat.completion``."""
        message: Json = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
        if answer.tool_calls:
            message["tool_calls"] = [_call(answer, place, call.json) for place, call in enumerate(answer.tool_calls)]
        choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        body = _envelope(answer, "chat.completion") | {"choices": [choice]}
        return body if answer.usage is None else body | {"usage": usage_json(answer.usage)}

    def stream(self, answer: Answer) -> Streamed:
        """Write ``chat.completion.chunk`` events: the role, the pieces, the end, the usage if wanted, ``[DONE]``."""
        envelope = _envelope(answer, "chat.completion.chunk")
        # Where usage was asked for, every chunk has the field; only the last one, without choices, fills it.
        blank: Json = {"usage": None} if answer.usage is not None or asks_for_usage(answer.request) else {}

        def chunk(delta: Json, finish_reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return sse(envelope | {"choices": [choice]} | blank)

        pieces = [chunk({"content": piece}) for piece in answer.pieces]
        for place, call in enumerate(answer.tool_calls):
            named = chunk({"tool_calls": [{"index": place} | _call(answer, place, "")]})
            filled = chunk({"tool_calls": [{"index": place, "function": {"arguments": call.json}}]})
            pieces.append(named + filled)
        closing = chunk({}, answer.finish_reason)
        if answer.usage is not None:
            closing += sse(envelope | {"choices": [], "usage": usage_json(answer.usage)})
        content = None if answer.text is None else ""
        opening = chunk({"role": "assistant", "content": content, "refusal": None})
        return Streamed(opening, pieces, closing + b"data: [DONE]\n\n")


def asks_for_usage(request: Request) -> bool:
    """Say whether a stream is to end with the usage."""
    match request.body.get("stream_options"):
        case {"include_usage": True}:
            return True
        case _:
            return False


def _envelope(answer: Answer, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{answer.request.number:024x}",
        "object": kind,
        "created": answer.created,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _call(answer: Answer, place: int, arguments: str) -> Json:
    return {
        "id": f"call_{answer.request.number:020x}{place:04x}",
        "type": "function",
        "function": {"name": answer.tool_calls[place].name, "arguments": arguments},
    }


def usage_json(tokens: Tokens) -> Json:
    """Write tokens as completions do."""
    prompt = {"cached_tokens": tokens.cache_read, "audio_tokens": 0}
    if tokens.cache_write:
        prompt["cache_write_tokens"] = tokens.cache_write
    return {
        "prompt_tokens": tokens.input_tokens,
        "completion_tokens": tokens.output_tokens,
        "total_tokens": tokens.total_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
