"""Messages of Anthropic: ``POST /v1/messages``, and ``POST /v1/messages/count_tokens``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from polymeter.testing.provider.formats.base import Format, Json, Streamed
from polymeter.testing.provider.tokens import count_words

if TYPE_CHECKING:
    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.faults import Refusal
    from polymeter.testing.provider.request import Request
    from polymeter.testing.provider.script import ToolCall
    from polymeter.testing.provider.tokens import Tokens

__all__ = ["CountedTokens", "Messages"]

_LIMITS: Final = {"requests": 4_000, "tokens": 480_000, "input-tokens": 400_000, "output-tokens": 80_000}
_REASONS: Final = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}
_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SERVER_ERROR: Final = 500


class _AnthropicFormat(Format):
    """The manners of Anthropic: ids, rate limits, retry hints and error bodies."""

    prompt = "messages"

    def headers(self, request: Request, refusal: Refusal | None = None) -> dict[str, str]:
        """Name the request, say how much of the limits is left, and when to come back."""
        headers = {"request-id": f"req_{request.number:024x}"}
        wait = refusal.retry_after if refusal else None
        exhausted = refusal is not None and refusal.status == HTTPStatus.TOO_MANY_REQUESTS
        reset = datetime.fromtimestamp(request.received_at + (wait or 0.0), UTC)
        for kind, limit in _LIMITS.items():
            headers[f"anthropic-ratelimit-{kind}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{kind}-remaining"] = str(0 if exhausted else limit - 1)
            headers[f"anthropic-ratelimit-{kind}-reset"] = reset.isoformat(timespec="seconds").replace("+00:00", "Z")
        if wait is not None:
            headers["retry-after"] = f"{wait:.6f}".rstrip("0").rstrip(".")
        return headers

    def error(self, refusal: Refusal) -> Json:
        """Write an error around an error; its type follows from the status."""
        default = "api_error" if refusal.status >= _SERVER_ERROR else "invalid_request_error"
        error = {"type": _ERRORS.get(refusal.status, default), "message": refusal.message}
        return {"type": "error", "error": error}


class Messages(_AnthropicFormat):
    """Text and then calls of tools. Finish reasons in the words of OpenAI are translated."""

    path = "/v1/messages"

    def whole(self, answer: Answer) -> Json:
        """Write a ``message``."""
        content: list[Json] = [{"type": "text", "text": answer.text}] if answer.text else []
        for place, call in enumerate(answer.tool_calls):
            content.append(_call(answer, place, _arguments(call)))
        body = _message(answer) | {"content": content, "stop_reason": _reason(answer)}
        return body if answer.usage is None else body | {"usage": _usage(answer.usage)}

    def stream(self, answer: Answer) -> Streamed:
        """Write events: the start, a block of text in deltas, a block for each call of a tool, and the end."""
        start: Json = _message(answer) | {"content": [], "stop_reason": None}
        if answer.usage is not None:  # only a beginning of the output is known yet
            start["usage"] = _usage(answer.usage) | {"output_tokens": min(1, answer.usage.output_tokens)}
            start["usage"].pop("output_tokens_details", None)
        opening = _event("message_start", message=start)
        pieces = [_delta(0, "text_delta", text=piece) for piece in answer.pieces]
        closing = b""
        blocks = 0
        if pieces or not answer.tool_calls:
            blocks = 1
            opening += _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            closing = _event("content_block_stop", index=0)
        opening += _event("ping")
        for place, call in enumerate(answer.tool_calls):
            index = blocks + place
            begun = _event("content_block_start", index=index, content_block=_call(answer, place, {}))
            # As on the wire: an empty delta first. The block before it ends where this one begins.
            filled = _delta(index, "input_json_delta", partial_json="")
            filled += _delta(index, "input_json_delta", partial_json=call.json)
            pieces.append(closing + begun + filled)
            closing = _event("content_block_stop", index=index)
        end: Json = {"delta": {"stop_reason": _reason(answer), "stop_sequence": None}}
        if answer.usage is not None:
            end["usage"] = _usage(answer.usage)
        return Streamed(opening, pieces, closing + _event("message_delta", **end) + _event("message_stop"))


class CountedTokens(_AnthropicFormat):
    """How many tokens a prompt has, a word is one; takes no steps from the script."""

    path = "/v1/messages/count_tokens"
    generates = False
    scripted = False

    def whole(self, answer: Answer) -> Json:
        """Write the number."""
        return {"input_tokens": count_words(answer.request.body.get(self.prompt))}


def _event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind} | fields, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _delta(index: int, kind: str, **fields: str) -> bytes:
    return _event("content_block_delta", index=index, delta={"type": kind} | fields)


def _message(answer: Answer) -> Json:
    return {
        "id": f"msg_{answer.request.number:024x}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "stop_sequence": None,
    }


def _reason(answer: Answer) -> str:
    return _REASONS.get(answer.finish_reason, answer.finish_reason)


def _call(answer: Answer, place: int, arguments: object) -> Json:
    call_id = f"toolu_{answer.request.number:020x}{place:04x}"
    return {"type": "tool_use", "id": call_id, "name": answer.tool_calls[place].name, "input": arguments}


def _arguments(call: ToolCall) -> object:
    try:
        return json.loads(call.json)
    except ValueError:
        return call.json  # broken on purpose


def _usage(tokens: Tokens) -> Json:
    """Write tokens as Anthropic does: input without those of the cache, output with those of thinking."""
    usage: Json = {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "output_tokens": tokens.output_tokens,
        "service_tier": "standard",
    }
    if tokens.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning}
    return usage
