"""What a status of gRPC means for a delivery.

The OTLP specification ("OTLP/gRPC: failures") says which are worth another try. Those by which it may have been taken
all the same are left to the pump, which knows whether to send differences twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.errors import DeliveryError
from polymeter.exporters import wire
from polymeter.exporters.http.backoff import LONGEST_RETRY_AFTER
from polymeter.exporters.http.diagnosis import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["failure_of"]

_RETRY_INFO: Final = b"type.googleapis.com/google.rpc.RetryInfo"
_BROKEN: Final = ("socket closed", "reset", "broken pipe", "goaway", "keepalive", "transport closed", "end of file")
_REJECTED: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "FAILED_PRECONDITION",
        "UNIMPLEMENTED",
        "UNAUTHENTICATED",
    }
)
_PASSING: Final = frozenset({"UNAVAILABLE", "ABORTED", "OUT_OF_RANGE", "DATA_LOSS"})
_SAID: Final = {
    "refused": "nobody answers at {}",
    "tls": "no TLS connection to {}",
    "timeout": "{} took longer than there was time for: it may have been taken",
    "reset": "{} broke the connection: it may have been taken",
}


def failure_of(call: Any, server: str) -> Failure:
    """Say what the end of a call means.

    :param call: of grpcio, that is done.
    :param server: host and port.
    """
    code: str = call.code().name
    details = (call.details() or "").lower()
    after = _retry_after(call.trailing_metadata() or ())
    if code == "RESOURCE_EXHAUSTED":
        # Without a word on when to come back it is the request that is too large: the same again is no use.
        reason, is_worth_another = ("rejected", False) if after is None else ("throttled", True)
    elif code == "UNAVAILABLE" and after is None:
        reason = _of_connection(details)
        is_worth_another = reason in {"refused", "unavailable"}
    elif code in _PASSING:
        reason, is_worth_another = "unavailable", True
    elif code in {"DEADLINE_EXCEEDED", "CANCELLED"}:
        reason, is_worth_another = "timeout", False
    else:
        reason, is_worth_another = ("rejected" if code in _REJECTED else "answer"), False
    said = _SAID.get(reason, f"{{}} answered {code}").format(server)
    is_ambiguous = reason in {"timeout", "reset", "answer"}
    error = DeliveryError(said, reason=reason, is_ambiguous=is_ambiguous, retry_after=after)
    return Failure(error, is_worth_another)


def _of_connection(details: str) -> str:
    """Say what is the matter with a connection; the server itself says UNAVAILABLE, too."""
    if "handshake" in details or "ssl" in details or "certificate" in details:
        return "tls"
    if "failed to connect" in details or "connection refused" in details or "resolution failed" in details:
        return "refused"
    return "reset" if any(word in details for word in _BROKEN) else "unavailable"


def _retry_after(metadata: Iterable[tuple[str, Any]]) -> float | None:
    """Give the seconds that a server asks for: a ``google.rpc.RetryInfo`` in the details of the status."""
    for name, value in metadata:
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                return _retry_info(value)
            except ValueError:
                return None
    return None


def _retry_info(status: bytes) -> float | None:
    """Find it: ``Status`` has ``Any`` in field 3, that a type and a value, ``RetryInfo`` a ``Duration`` in field 1."""
    for number, detail in wire.fields(status):
        parts = dict(wire.fields(detail)) if number == 3 and isinstance(detail, bytes) else {}  # noqa: PLR2004
        info = parts.get(2, b"")
        if parts.get(1) == _RETRY_INFO and isinstance(info, bytes):
            delay = dict(wire.fields(info)).get(1, b"")
            duration = dict(wire.fields(delay)) if isinstance(delay, bytes) else {}
            seconds, nanos = duration.get(1, 0), duration.get(2, 0)
            if isinstance(seconds, int) and isinstance(nanos, int):
                return min(seconds + nanos / 1e9, LONGEST_RETRY_AFTER)
    return None
