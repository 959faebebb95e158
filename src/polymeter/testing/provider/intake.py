"""From bytes to a request: which format it is in, what it asks for, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.testing.provider.faults import BadRequest, Refusal
from polymeter.testing.provider.formats import FORMATS
from polymeter.testing.provider.request import Request

if TYPE_CHECKING:
    from polymeter.testing.provider.formats.base import Format, Json
    from polymeter.testing.provider.wire import Message

__all__ = ["understand"]

_SECRETS: Final = {"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"}


def understand(message: Message, received_at: float) -> tuple[Request, Format, Refusal | None]:
    """Read a message as a request; give the format that answers it, and the refusal if it cannot be served."""
    known = next((form for form in FORMATS if form.matches(message.path)), None)
    form = known or FORMATS[0]
    parsed = _json_object(message.body) if known and message.body else {}
    problem = message.problem
    if problem is None and known is None:
        problem = Refusal(status=404, message=f"There is no {message.path} here.")
    elif problem is None and message.method != form.method:
        problem = Refusal(status=405, message=f"{message.path} takes {form.method} only.")
    elif problem is None and (parsed is None or (form.method == "POST" and not message.body)):
        problem = BadRequest(message="The body is not a JSON object.")
    body = parsed or {}
    retries = message.headers.get("x-stainless-retry-count", "")
    request = Request(
        method=message.method,
        path=message.path,
        model=form.model(message.path, body),
        stream=form.streams(message.path, body),
        attempt=int(retries) if retries.isdecimal() else 0,
        received_at=received_at,
        headers={name: "[redacted]" if name in _SECRETS else value for name, value in message.headers.items()},
        body=body,
    )
    return request, form, problem


def _json_object(data: bytes) -> Json | None:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None
