"""What a fault server saw."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.testing.faults.behaviour import Fault

__all__ = ["Received", "Record"]

_OVERHEAD = 1024
"""Bytes that a request is taken to need beside its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request, as far as it was read.

    :ivar path: with the query.
    :ivar headers: their names in lower case.
    :ivar body: as it was sent.
    :ivar fault: what the server did to it.
    :ivar is_accepted: whether the server counts it as taken, answered or not.
    :ivar connection: which connection it came over, counted from 1.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    fault: Fault
    is_accepted: bool
    connection: int

    @property
    def content(self) -> bytes:
        """The body, uncompressed."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body


class Record:
    """The newest requests, in order of arrival, up to a number of bytes."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept = 0
        self._requests: deque[Received] = deque()
        self._count = 0
        self._more = threading.Condition()

    @property
    def forgotten(self) -> int:
        """How many older ones were let go."""
        with self._more:
            return self._count - len(self._requests)

    def add(self, received: Received) -> None:
        """Keep one more; let go of the oldest ones where that is too much."""
        with self._more:
            self._requests.append(received)
            self._count += 1
            self._kept += len(received.body) + _OVERHEAD
            while self._kept > self._keep:
                self._kept -= len(self._requests.popleft().body) + _OVERHEAD
            self._more.notify_all()

    def all(self) -> tuple[Received, ...]:
        """Give those that are kept."""
        with self._more:
            return tuple(self._requests)

    def wait_for(self, count: int, timeout: float) -> tuple[Received, ...]:
        """Give those that are kept once ``count`` have come in all.

        :raises TimeoutError: if they have not after ``timeout`` seconds.
        """
        with self._more:
            if self._more.wait_for(lambda: self._count >= count, timeout):
                return tuple(self._requests)
            message = f"{self._count} requests came within {timeout} s, not {count}"
        raise TimeoutError(message)
