"""Contents of Gemini: ``POST /v1beta/models/MODEL:generateContent`` and ``:streamGenerateContent``.

Vertex AI has the same with another beginning of the path; what stands before ``models/`` is not looked at.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from polymeter.testing.provider.formats.base import Format, Json, Streamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.testing.provider.answer import Answer
    from polymeter.testing.provider.faults import Refusal
    from polymeter.testing.provider.request import Request
    from polymeter.testing.provider.tokens import Tokens

__all__ = ["GeminiContents", "GeminiFormat", "GeminiTokenCount"]

_PATH: Final = re.compile(r"/(?:models|tunedModels|endpoints)/([^/:]+):(\w+)")

_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

# What a script says in the words of OpenAI.
_REASONS: Final = {"tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


class GeminiFormat(Format):
    """The manners of Google: the method is the last word of the path, an error has a status in words."""

    actions: ClassVar[tuple[str, ...]]
    """The methods of a model that are of this format."""

    def matches(self, path: str) -> bool:
        """Say whether one of the methods is called."""
        return _called(path)[1] in self.actions

    def model(self, path: str, body: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Give the model that the path names."""
        return _called(path)[0]

    def headers(self, request: Request, refusal: Refusal | None = None) -> dict[str, str]:  # noqa: ARG002
        """Say who answers. There are no headers for limits and waits."""
        wait = refusal.retry_after if refusal else None
        hint = {} if wait is None else {"retry-after": f"{wait:g}"}
        return {"server": "scaffolding on HTTPServer2", "x-gemini-service-tier": "standard"} | hint

    def error(self, refusal: Refusal) -> Json:
        """Write an error as Google does, the wait as a detail of it."""
        error: Json = {
            "code": refusal.status,
            "message": refusal.message,
            "status": _STATUSES.get(refusal.status, "UNKNOWN"),
        }
        if refusal.retry_after is not None:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{refusal.retry_after:g}s"}]
        return {"error": error}


class GeminiContents(GeminiFormat):
    """One candidate, as text or function calls. A stream tells the tokens in each chunk: the answer's in the last."""

    path = "/v1beta/models/*:generateContent"
    prompt = "contents"
    actions = ("generateContent", "streamGenerateContent")

    def streams(self, path: str, body: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Say whether the path asks for a stream."""
        return _called(path)[1] == "streamGenerateContent"

    def whole(self, answer: Answer) -> Json:
        """Write a ``GenerateContentResponse``."""
        texts = [{"text": answer.text}] if answer.text else []
        calls, broken = _calls(answer)
        return _response(answer, [*texts, *calls], _reason(answer, broken=broken), answer.usage)

    def stream(self, answer: Answer) -> Streamed:
        """Write a response for each piece, and one with the end. No chunk says the role alone."""
        calls, broken = _calls(answer)
        pieces = [_event(_response(answer, [{"text": piece}])) for piece in answer.pieces]
        pieces += [_event(_response(answer, [call])) for call in calls]
        closing = _response(answer, [{"text": ""}], _reason(answer, broken=broken), answer.usage)
        return Streamed(b"", pieces, _event(closing))


class GeminiTokenCount(GeminiFormat):
    """Counts what would be read: ``POST /v1beta/models/MODEL:countTokens``."""

    path = "/v1beta/models/*:countTokens"
    prompt = "contents"
    generates = False
    scripted = False
    actions = ("countTokens",)

    def wants_usage(self, request: Request) -> bool:  # noqa: ARG002
        """No model reads anything here."""
        return False

    def whole(self, answer: Answer) -> Json:
        """Count words."""
        return {"totalTokens": len(json.dumps(answer.request.body.get("contents")).split())}


def _called(path: str) -> tuple[str, str]:
    found = _PATH.search(path)
    return (found[1], found[2]) if found else ("unknown", "")


def _event(response: Json) -> bytes:
    return b"data: " + json.dumps(response, separators=(",", ":")).encode() + b"\r\n\r\n"


def _response(answer: Answer, parts: list[Json], reason: str | None = None, usage: Tokens | None = None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    response: Json = {
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": f"{answer.request.number:022x}",
    }
    if answer.usage is not None:
        response["usageMetadata"] = _read(answer.usage) if usage is None else _used(usage)
    return response


def _read(tokens: Tokens) -> Json:
    """Write what is known before the end."""
    cached = {"cachedContentTokenCount": tokens.cache_read} if tokens.cache_read else {}
    return {
        "promptTokenCount": tokens.input_tokens,
        "totalTokenCount": tokens.input_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.input_tokens}],
    } | cached


def _used(tokens: Tokens) -> Json:
    written = {"candidatesTokenCount": tokens.output, "totalTokenCount": tokens.total_tokens}
    thought = {"thoughtsTokenCount": tokens.reasoning} if tokens.reasoning else {}
    return _read(tokens) | written | thought


def _calls(answer: Answer) -> tuple[list[Json], bool]:
    """Write the function calls; and whether one is not what it should be, which this provider notices itself."""
    calls: list[Json] = []
    broken = False
    for call in answer.tool_calls:
        try:
            arguments = json.loads(call.json)
        except ValueError:
            broken = True
        else:
            calls.append({"functionCall": {"name": call.name, "args": cast("Json", arguments)}})
    return calls, broken


def _reason(answer: Answer, *, broken: bool) -> str:
    if broken:
        return "MALFORMED_FUNCTION_CALL"
    return _REASONS.get(answer.finish_reason) or answer.finish_reason.upper()
