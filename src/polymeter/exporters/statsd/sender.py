"""The sender: keeps a socket between two exports, and opens another one where that can be done without loss."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Final

from polymeter.deadline import current_deadline
from polymeter.errors import DeliveryError
from polymeter.exporters.statsd.opening import opened
from polymeter.exporters.statsd.sockets import SentPartError
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.exporters.statsd.opening import Place
    from polymeter.exporters.statsd.sockets import Sink

__all__ = ["Sender", "failure_of"]

_GONE: Final = {errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE, errno.ENOENT}
"""What a socket says whose other side has left."""
_NOBODY: Final = {
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EADDRNOTAVAIL,
    errno.ENOENT,
    errno.ENOTDIR,
}
_SAID: Final = {
    "refused": "nobody listens at {}",
    "timeout": "{} took longer than there was time for",
    "reset": "{} broke the connection",
    "error": "could not send to {}",
}


class Sender:
    """Sends packets to one place. Safe to use from several threads; a forked child opens a socket of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._idle: list[tuple[Sink, object]] = []  # one at most; to pop from it is one step
        self._open: set[Sink] = set()
        after_fork(self)

    def send(self, packets: Sequence[bytes], dropped: Callable[[bytes], object]) -> None:
        """Send packets within the deadline of this thread or task.

        :param dropped: is told of each that is too large for the socket.
        :raises SentPartError: if not all of them could be sent.
        """
        deadline = current_deadline()
        if deadline.left <= 0:
            raise SentPartError(0, TimeoutError())
        sent = 0
        kept = self._kept()
        if kept is not None:
            try:
                self._through(kept, packets, dropped)
            except SentPartError as part:
                if part.is_ambiguous or self.place.address.scheme == "udp" or part.error.errno not in _GONE:
                    raise
                sent = part.sent
            else:
                return
        try:
            sink = opened(self.place, deadline)
        except OSError as error:
            self.place.doubt()
            raise SentPartError(sent, error) from error
        self._open.add(sink[0])
        try:
            self._through(sink, packets[sent:], dropped)
        except SentPartError as part:
            part.sent += sent
            raise

    def _through(self, sink: tuple[Sink, object], packets: Sequence[bytes], dropped: Callable[[bytes], object]) -> None:
        is_well = False
        try:
            sink[0].send(packets, current_deadline(), dropped)
            is_well = True
        except SentPartError:
            self.place.doubt()
            raise
        finally:
            if is_well and not self._idle:
                self._idle.append(sink)
            else:
                self._drop(sink[0])

    def _kept(self) -> tuple[Sink, object] | None:
        """Give the socket that was kept, if it still leads to where it should."""
        try:
            sink, found = self._idle.pop()
        except IndexError:
            return None
        try:
            is_there = self.place.address.is_local or found in self.place.found()
        except OSError:
            is_there = False
        if is_there and not sink.is_stale:
            return sink, found
        self._drop(sink)
        return None

    def _drop(self, sink: Sink) -> None:
        sink.close()
        self._open.discard(sink)

    def close(self) -> None:
        """Let go of what is kept; another ``send`` opens anew."""
        while self._idle:
            self._drop(self._idle.pop()[0])

    def after_fork_in_child(self) -> None:
        """Leave all sockets to the parent."""
        for sink in self._open:
            sink.close()
        self._open, self._idle = set(), []

    def __del__(self) -> None:
        self.close()


def failure_of(part: SentPartError, place: Place) -> DeliveryError:
    """Say what went wrong."""
    reason = _reason(part.error)
    said = _SAID[reason].format(place.address)
    if part.error.errno == errno.EPROTOTYPE:
        said += ", which is a socket of the other kind: try unix://"
    failure = DeliveryError(said, reason=reason, is_ambiguous=part.is_ambiguous)
    failure.__cause__ = part.error
    return failure


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError | socket.gaierror) or error.errno in _NOBODY:
        return "refused"
    return "reset" if isinstance(error, ConnectionError) else "error"
