"""What each fault does to a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.testing.faults.connection import answer_head
from polymeter.testing.faults.record import Received

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.testing.faults.behaviour import Behaviour
    from polymeter.testing.faults.connection import Connection, Head

__all__ = ["break_tls", "handle"]

_ACCEPTED: Final = frozenset({"ok", "slow_drip", "endless", "accepted_then_reset"})
_ALERT: Final = bytes([21, 3, 1, 0, 2, 2, 40])
"""TLS: a fatal alert, "handshake failure"."""


def handle(
    connection: Connection, head: Head, behaviour: Behaviour, saw: Callable[[Received], None], status: int
) -> bool:
    """Do to a request what ``behaviour`` says; tell whether another one may follow.

    :param saw: called with the request as soon as it was read, before any answer.
    :param status: the answer of ``ok``.
    """
    fault, part = behaviour.fault, behaviour.part
    breaks_request = fault == "reset_mid_body" and part == "request"
    body = connection.read_body(head.length // 2 if breaks_request else head.length)
    is_accepted = fault in _ACCEPTED or (fault == "reset_mid_body" and part == "answer")
    saw(
        Received(
            method=head.method,
            path=head.path,
            headers=head.headers,
            body=body,
            fault=fault,
            is_accepted=is_accepted,
            connection=connection.number,
        )
    )
    match fault:
        case "ok":
            connection.answer(status)
        case "throttled" | "unavailable":
            after = {} if behaviour.retry_after is None else {"retry-after": f"{behaviour.retry_after:g}"}
            connection.answer(429 if fault == "throttled" else 503, after)
        case "slow_drip":
            _drip(connection, behaviour.every)
        case "endless":
            _pour(connection)
        case "reset_mid_body" | "accepted_then_reset":
            if fault == "reset_mid_body" and part == "answer":
                connection.send(answer_head(200, {"content-length": "1000"}) + bytes(10))
            connection.reset()
        case _:  # a black hole; a port that refuses has no connections
            connection.read_to_end()
    return fault in {"ok", "throttled", "unavailable", "slow_drip"}


def _drip(connection: Connection, every: float) -> None:
    for byte in answer_head(200, {"content-length": "0"}):
        connection.pause(every)
        connection.send(bytes([byte]))


def _pour(connection: Connection) -> None:
    connection.send(answer_head(200, {"connection": "close"}))
    while True:
        connection.send(bytes(64 * 1024))


def break_tls(connection: Connection, behaviour: Behaviour) -> None:
    """Answer a hello with what ends the handshake."""
    connection.receive_some()
    connection.send(_ALERT if behaviour.tls == "alert" else answer_head(400, {"content-length": "0"}))
    connection.read_to_end()  # to hang up with something unread would take the answer back
