"""Sockets to a StatsD server. No call waits longer than there is time for, and each says how much of it got through."""

from __future__ import annotations

import errno
import os
import socket
import struct
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.deadline import Deadline

__all__ = ["Datagrams", "Frames", "Lines", "SentPartError", "Sink"]

_SLICE: Final = 0.05
"""Seconds after which a wait looks whether somebody cancelled."""
_PORTION: Final = 64 * 1024
_BURST, _PAUSE = 16, 0.002
"""UDP packets that are sent at once, and seconds of rest after them: what a server has no room for is lost silently."""
_FULL: Final = {errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK}

ResultT = TypeVar("ResultT")


class SentPartError(Exception):
    """Not everything was sent.

    :ivar sent: how many packets were.
    :ivar error: what kept the next one from it.
    :ivar is_ambiguous: whether nobody knows what became of those that were.
    """

    def __init__(self, sent: int, error: OSError, *, is_ambiguous: bool = False) -> None:
        super().__init__(sent, error)
        self.sent = sent
        self.error = error
        self.is_ambiguous = is_ambiguous


class Sink(Protocol):
    """One open socket."""

    def send(self, packets: Sequence[bytes], deadline: Deadline, dropped: Callable[[bytes], object]) -> None:
        """Send packets in their order.

        :param dropped: is told of each that the socket cannot carry because of its size.
        :raises SentPartError: if not all of them could be sent.
        """
        ...

    @property
    def is_stale(self) -> bool:
        """Whether the other side has left since."""
        ...

    def close(self) -> None:
        """Let go of it; harmless to repeat."""
        ...


class _Open:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def close(self) -> None:
        """Let go of it; harmless to repeat."""
        self._connection.close()

    def _in_time(self, call: Callable[[], ResultT], deadline: Deadline) -> ResultT:
        while (left := deadline.left) > 0:
            self._connection.settimeout(min(left, _SLICE))
            try:
                return call()
            except TimeoutError as error:
                if error.errno is not None:  # the operating system gave up, not we
                    raise
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                deadline.wait(_SLICE / 10)
        raise TimeoutError


class Datagrams(_Open):
    """A connected socket of datagrams: each arrives as a whole, or not.

    :param is_local: whether what was sent has arrived; else it is on the way.
    """

    def __init__(self, connection: socket.socket, *, is_local: bool) -> None:
        super().__init__(connection)
        self._is_local = is_local

    def send(self, packets: Sequence[bytes], deadline: Deadline, dropped: Callable[[bytes], object]) -> None:
        """Send each packet; a UDP port that is closed is noticed where its host says so."""
        sent = 0
        try:
            self._look()
            for packet in packets:
                if sent and not sent % _BURST and not self._is_local:
                    deadline.wait(_PAUSE)
                try:
                    self._in_time(lambda packet=packet: self._connection.send(packet), deadline)  # type: ignore[misc]
                except OSError as error:
                    if error.errno != errno.EMSGSIZE:
                        raise
                    dropped(packet)
                self._look()
                sent += 1
        except OSError as error:
            raise SentPartError(sent, error) from error

    @property
    def is_stale(self) -> bool:
        """Whether the other side has left: of a Unix socket alone."""
        return False

    def _look(self) -> None:
        """Raise what the operating system has learnt about what was sent before."""
        if not self._is_local:
            code = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))


class _Stream(_Open):
    def send(self, packets: Sequence[bytes], deadline: Deadline, dropped: Callable[[bytes], object]) -> None:
        """Send all packets; one that was sent in part counts as not sent, since its reader cannot find its end."""
        del dropped
        framed = [self._framed(packet) for packet in packets]
        data = memoryview(b"".join(framed))
        offset = 0
        try:
            while offset < len(data):
                portion = data[offset : offset + _PORTION]
                offset += self._in_time(lambda portion=portion: self._connection.send(portion), deadline)  # type: ignore[misc]
        except OSError as error:
            sent = bisect_right(list(accumulate(map(len, framed))), offset)
            raise SentPartError(sent, error, is_ambiguous=offset > 0 and not isinstance(error, TimeoutError)) from error

    @property
    def is_stale(self) -> bool:
        """Whether the other side has hung up; what it says is of no interest, for StatsD has no answers."""
        try:
            self._connection.settimeout(0)
            return not self._connection.recv(_PORTION)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True

    def _framed(self, packet: bytes, /) -> bytes:
        raise NotImplementedError


class Lines(_Stream):
    """TCP: lines that end."""

    def _framed(self, packet: bytes, /) -> bytes:
        return packet + b"\n"


class Frames(_Stream):
    """A stream of DogStatsD's: the length before each packet, four bytes, the lowest first."""

    def _framed(self, packet: bytes, /) -> bytes:
        return struct.pack("<I", len(packet)) + packet
