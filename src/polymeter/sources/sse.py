"""Server-sent events out of bytes that come in any pieces."""

from __future__ import annotations

from typing import Final

__all__ = ["LIMIT", "EventReader"]

LIMIT: Final = 8 * 1024 * 1024
"""How much of a body is kept at most, in bytes."""


class EventReader:
    """Gives the data of each event that has come to its end; keeps only the event that has not.

    Lines end as the standard says: in a line feed, a carriage return, or both. Names, ids and comments are skipped, and
    so are events without data.

    :param limit: how many bytes of an event are kept at most.
    """

    __slots__ = ("_kept", "_limit", "_line", "_lines", "_overlong")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._line = bytearray()  # the unfinished one, perhaps with a return that is half of its end
        self._lines: list[bytes] = []  # data of the unfinished event
        self._kept = 0
        self._overlong = False

    def feed(self, data: bytes, /) -> list[bytes | None]:
        """Take the next piece of the body.

        :return: the data of the events that ended in it; ``None`` for one that was too long to be kept.
        """
        line = self._line
        half = line.endswith(b"\r")
        line += data
        events: list[bytes | None] = []
        if half or b"\n" in data or b"\r" in data:
            lines = bytes(line).splitlines(keepends=True)
            line.clear()
            if not lines[-1].endswith(b"\n"):
                line += lines.pop()
            for each in lines:
                self._take(each.rstrip(b"\r\n"), events)
        if len(line) > self._limit:
            line.clear()
            self._overlong = True
        return events

    def end(self) -> list[bytes | None]:
        """Give the event that the body broke off in, as far as it came."""
        events: list[bytes | None] = []
        line = bytes(self._line).rstrip(b"\r")
        self._line.clear()
        if line:
            self._take(line, events)
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[bytes | None]) -> None:
        if line.startswith(b"data:"):
            self._lines.append(line[5:].lstrip(b" "))
            self._kept += len(line)
            if self._kept > self._limit:
                self._overlong = True
                self._lines.clear()
        elif not line:
            if self._overlong:
                events.append(None)
            elif self._lines:
                events.append(b"\n".join(self._lines))
            self._lines.clear()
            self._kept, self._overlong = 0, False
