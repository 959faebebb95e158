"""What went wrong, in one word."""

from __future__ import annotations

import errno
import socket
import ssl
from enum import Enum
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import DeliveryError
from polymeter.exporters.http.answer import reason_of
from polymeter.exporters.http.backoff import retry_after

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.exporters.http.answer import Response

__all__ = ["Failure", "Stage", "failure_of", "refusal_of"]

_NOBODY: Final = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
_SAID: Final = {
    "refused": "nobody answers at {}",
    "timeout": "{} took longer than there was time for",
    "reset": "{} broke the connection",
    "tls": "no TLS connection to {}",
    "answer": "{} gave an answer that makes no sense, or does not end",
    "error": "could not send to {}",
}


class Failure(NamedTuple):
    """A try that did not deliver."""

    error: DeliveryError
    is_worth_another: bool


class Stage(Enum):
    """How far a try had come."""

    CONNECTING = "connecting"
    SENDING = "sending"
    WAITING = "waiting"
    """Everything was sent: what became of it nobody knows without an answer."""


def failure_of(error: Exception, whom: str, stage: Stage, *, is_ended: bool) -> Failure:
    """Say what an exception means.

    :param whom: host and port.
    :param is_ended: whether the other side had hung up.
    """
    reason = _reason(error, stage, is_ended=is_ended)
    said = _SAID[reason].format(whom)
    is_sent = stage is Stage.WAITING
    if is_sent:
        said += ", after everything was sent: it may have been taken"
    failure = DeliveryError(said, reason=reason, is_ambiguous=is_sent)
    if isinstance(error, OSError):  # what HTTP says may quote what was sent
        failure.__cause__ = error
    return Failure(failure, not is_sent and reason in {"refused", "reset"})


def refusal_of(response: Response, whom: str, clock: Clock) -> Failure:
    """Say what an answer means that is no success."""
    reason, is_worth_another = reason_of(response.status)
    said = f"{whom} answered {response.status}"
    if "location" in response.headers:
        said += ", a redirection, which is not followed: give the URL that it leads to"
    after = retry_after(response.headers.get("retry-after"), clock) if reason != "rejected" else None
    return Failure(DeliveryError(said, reason=reason, retry_after=after), is_worth_another)


def _reason(error: Exception, stage: Stage, *, is_ended: bool) -> str:  # noqa: PLR0911 - a table
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) and stage is not Stage.CONNECTING:
        return "reset"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return "refused"
    if isinstance(error, ConnectionError | RemoteDisconnected) or (isinstance(error, IncompleteRead) and is_ended):
        return "reset"
    if isinstance(error, HTTPException | ValueError):
        return "answer"
    return "refused" if isinstance(error, OSError) and error.errno in _NOBODY else "error"
