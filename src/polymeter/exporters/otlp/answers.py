"""What a receiver says about what it took: the ``ExportMetricsServiceResponse``, in either encoding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from polymeter.errors import DeliveryError
from polymeter.exporters import wire

if TYPE_CHECKING:
    from polymeter.exporters.http import Response

__all__ = ["NONE_REJECTED", "Rejected", "rejected_by", "rejected_in_json", "rejected_in_protobuf"]

_LONGEST: Final = 200


class Rejected(NamedTuple):
    """Points that were not taken, and what the receiver says about that. It may say something about none, too."""

    points: int
    why: str = ""


NONE_REJECTED: Final = Rejected(0)


def rejected_in_protobuf(body: bytes) -> Rejected:
    """Read an answer in protobuf.

    :raises ValueError: if it is none.
    """
    points, why = 0, b""
    for field, partial in wire.fields(body):
        if field == 1 and isinstance(partial, bytes):
            for inner, value in wire.fields(partial):
                if inner == 1 and isinstance(value, int):
                    points = value if value < 1 << 63 else 0
                elif inner == 2 and isinstance(value, bytes):  # noqa: PLR2004 - error_message
                    why = value
    return Rejected(points, _said(why.decode("utf-8", "replace")))


def rejected_in_json(body: bytes) -> Rejected:
    """Read an answer in JSON.

    :raises ValueError: if it is none.
    """
    answer: Any = json.loads(body)
    try:
        partial: Any = answer.get("partialSuccess") or cast("Any", {})
        points, why = int(partial.get("rejectedDataPoints") or 0), partial.get("errorMessage") or ""
    except (AttributeError, TypeError) as error:
        message = "not an answer of OTLP"
        raise ValueError(message) from error
    return Rejected(max(0, points), _said(str(why)))


def rejected_by(response: Response, server: str) -> Rejected:
    """Read the answer over HTTP to what was sent.

    :raises DeliveryError: if it is not that of an OTLP receiver: then nobody has taken anything.
    """
    form = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = {"application/json": rejected_in_json, "application/x-protobuf": rejected_in_protobuf}.get(form)
    try:
        if read is not None and response.body:
            return read(response.body)
    except ValueError:
        form = "what is not OTLP"
    if form in {"text/html", "application/xhtml+xml", "what is not OTLP"}:
        message = (
            f"{server} answered {response.status} with {form}: no OTLP receiver answers like that, "
            "see whether the endpoint is right (mostly its path ends in /v1/metrics)"
        )
        raise DeliveryError(message, reason="answer")
    return NONE_REJECTED


def _said(why: str) -> str:
    """Give what somebody else wrote as one line that a log can have."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in why[:_LONGEST]).split())
