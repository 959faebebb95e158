"""Responses of OpenAI: ``POST /v1/responses``, and one that is fetched again: ``GET /v1/responses/...``."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from polymeter.testing.provider.formats.base import Json, Streamed
from polymeter.testing.provider.formats.openai import OpenAIFormat, sse

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.tokens import Tokens

__all__ = ["FetchedResponses", "Responses"]

# What the words of chat completions are here: a status, and why it is incomplete. Statuses stand for themselves.
_STATUS: Final[dict[str, tuple[str, str | None]]] = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "max_output_tokens": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
}


class Responses(OpenAIFormat):
    """One message of text, then a ``function_call`` for each tool call; usage always, in the last event of a stream.

    The finish reason is one of chat completions, or a status (``failed``, ``cancelled``, ...). A request with
    ``background`` is answered at once, as ``queued``.
    """

    path = "/v1/responses"
    prompt = "input"

    def whole(self, answer: Answer) -> Json:
        """Write a ``response``."""
        if answer.request.body.get("background") is True:
            return _response(answer, "queued", [], None)
        status, reason = _status_of(answer)
        return _response(answer, status, _output(answer, status), answer.usage, reason)

    def stream(self, answer: Answer) -> Streamed:
        """Write its events: created, in progress, the pieces within their items, the whole response at the end."""
        number = count()

        def event(kind: str, **fields: object) -> bytes:
            return f"event: {kind}\n".encode() + sse({"type": kind} | fields | {"sequence_number": next(number)})

        begun = _response(answer, "in_progress", [], None)
        opening = event("response.created", response=begun) + event("response.in_progress", response=begun)
        status, reason = _status_of(answer)
        pieces = _text_pieces(answer, event)
        text_ends = _text_end(answer, event) if answer.pieces else b""
        for place, call in enumerate(answer.tool_calls):
            piece = text_ends + _call_piece(answer, place, call.json, event)
            text_ends = b""
            pieces.append(piece)
        ended = _response(answer, status, _output(answer, status), answer.usage, reason)
        last = status if status in {"completed", "incomplete", "failed"} else "completed"
        return Streamed(opening, pieces, text_ends + event(f"response.{last}", response=ended))


class FetchedResponses(Responses):
    """A response that is there already: no inference, and no step of the script."""

    method = "GET"
    scripted = False

    def matches(self, path: str) -> bool:
        """Say whether ``path`` names one response."""
        above, _, name = path.rpartition("/")
        return bool(name) and super().matches(above)


def _status_of(answer: Answer) -> tuple[str, str | None]:
    return _STATUS.get(answer.finish_reason, (answer.finish_reason, None))


def _response(answer: Answer, status: str, output: list[Json], usage: Tokens | None, reason: str | None = None) -> Json:
    failed = {"code": "server_error", "message": "The model failed."} if status == "failed" else None
    return {
        "id": f"resp_{answer.request.number:024x}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "background": answer.request.body.get("background") is True,
        "error": failed,
        "incomplete_details": None if reason is None else {"reason": reason},
        "instructions": None,
        "max_output_tokens": None,
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": answer.request.body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None if usage is None else _usage(usage),
        "user": None,
        "metadata": {},
    }


def _usage(tokens: Tokens) -> Json:
    return {
        "input_tokens": tokens.input_tokens,
        "input_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output_tokens,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total_tokens,
    }


def _part(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _message(answer: Answer, status: str, content: list[Json]) -> Json:
    return {
        "id": f"msg_{answer.request.number:024x}",
        "type": "message",
        "status": status,
        "content": content,
        "role": "assistant",
    }


def _call(answer: Answer, place: int, status: str, arguments: str) -> Json:
    return {
        "id": f"fc_{answer.request.number:020x}{place:04x}",
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": f"call_{answer.request.number:020x}{place:04x}",
        "name": answer.tool_calls[place].name,
    }


def _output(answer: Answer, status: str) -> list[Json]:
    done = "incomplete" if status == "incomplete" else "completed"
    output: list[Json] = []
    if answer.pieces or not answer.tool_calls:
        output.append(_message(answer, done, [_part("".join(answer.pieces))]))
    output.extend(_call(answer, place, done, call.json) for place, call in enumerate(answer.tool_calls))
    return output


def _text_pieces(answer: Answer, event: Callable[..., bytes]) -> list[bytes]:
    """Write a piece for each delta; the first one opens the message and its part."""
    at = {"item_id": f"msg_{answer.request.number:024x}", "output_index": 0, "content_index": 0}
    pieces: list[bytes] = []
    for piece in answer.pieces:
        before = b""
        if not pieces:
            item = _message(answer, "in_progress", [])
            before = event("response.output_item.added", item=item, output_index=0)
            before += event("response.content_part.added", part=_part(""), **at)
        pieces.append(before + event("response.output_text.delta", delta=piece, logprobs=[], **at))
    return pieces


def _text_end(answer: Answer, event: Callable[..., bytes]) -> bytes:
    at = {"item_id": f"msg_{answer.request.number:024x}", "output_index": 0, "content_index": 0}
    text = "".join(answer.pieces)
    return (
        event("response.output_text.done", text=text, logprobs=[], **at)
        + event("response.content_part.done", part=_part(text), **at)
        + event("response.output_item.done", item=_message(answer, "completed", [_part(text)]), output_index=0)
    )


def _call_piece(answer: Answer, place: int, arguments: str, event: Callable[..., bytes]) -> bytes:
    index = place + bool(answer.pieces)
    at = {"item_id": f"fc_{answer.request.number:020x}{place:04x}", "output_index": index}
    return (
        event("response.output_item.added", item=_call(answer, place, "in_progress", ""), output_index=index)
        + event("response.function_call_arguments.delta", delta=arguments, **at)
        + event("response.function_call_arguments.done", arguments=arguments, name=answer.tool_calls[place].name, **at)
        + event("response.output_item.done", item=_call(answer, place, "completed", arguments), output_index=index)
    )
