"""What all formats of OpenAI share: headers, errors and server-sent events."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from polymeter.testing.provider.formats.base import Format, Json

if TYPE_CHECKING:
    from polymeter.testing.provider.faults import Refusal
    from polymeter.testing.provider.request import Request

__all__ = ["OpenAIFormat", "sse"]

_LIMITS = {"requests": 10_000, "tokens": 2_000_000}


def sse(data: Json) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


class OpenAIFormat(Format):
    """The manners of OpenAI: ids, rate limits, retry hints and error bodies.

    Azure has the same below ``/openai``, some of it within a deployment.
    """

    def matches(self, path: str) -> bool:
        """Say whether ``path`` is the one of OpenAI, or that of Azure."""
        return path == self.path or (path.startswith("/openai/") and path.endswith(self.path.removeprefix("/v1")))

    def headers(self, request: Request, refusal: Refusal | None = None) -> dict[str, str]:
        """Name the request, say how much of the limit is left, and when to come back."""
        headers = {"openai-version": "2020-10-01", "x-request-id": f"req_{request.number:032x}"}
        wait = refusal.retry_after if refusal else None
        exhausted = refusal is not None and refusal.status == HTTPStatus.TOO_MANY_REQUESTS
        for kind, limit in _LIMITS.items():
            headers[f"x-ratelimit-limit-{kind}"] = str(limit)
            headers[f"x-ratelimit-remaining-{kind}"] = str(0 if exhausted else limit - 1)
            headers[f"x-ratelimit-reset-{kind}"] = "6ms" if wait is None else f"{_number(wait)}s"
        if wait is not None:
            headers |= {"retry-after": _number(wait), "retry-after-ms": _number(wait * 1000)}
        return headers

    def error(self, refusal: Refusal) -> Json:
        """Write the four fields that SDKs look for."""
        return {
            "error": {
                "message": refusal.message,
                "type": refusal.type,
                "param": refusal.param,
                "code": refusal.code,
            }
        }
