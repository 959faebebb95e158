"""Visit: one connection from its beginning to its end, told in a row, and paused wherever it has to wait."""

from __future__ import annotations

import selectors
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.exporters.serving.http1 import Asked, head_of, read_request
from polymeter.exporters.serving.page import Answer, plain
from polymeter.exporters.serving.rendering import BrokenOffError, Rendering
from polymeter.exporters.serving.wire import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Generator

    from polymeter.exporters.serving.page import Page
    from polymeter.exporters.serving.wire import Wire

__all__ = ["EXPECTED", "Limits", "Visit", "Wait"]

EXPECTED: Final = (OSError, BrokenOffError)
"""How a visit ends early: the visitor has gone, or was too slow. ``TimeoutError`` is an ``OSError``."""

_AT_ONCE: Final = 1024 * 1024
"""So many bytes go to one visitor before the others have their turn."""
_LAST_WORDS: Final = 4 * 1024 * 1024
"""So many bytes of a request that nobody will read are taken before the connection is closed on the others."""
_BUSY: Final = plain(503, "Too many visitors.", ("retry-after", "5"))
_TOO_SLOW: Final = plain(408, "The request did not come to its end.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What visitors may take.

    :ivar visitors: at once.
    :ivar turned_away: so many more are told to come back later, at once; the others wait to be let in.
    :ivar request_seconds: for a request to come in, handshake included.
    :ivar idle_seconds: for the next request on a connection to begin.
    :ivar stall_seconds: without a byte of the answer being taken.
    :ivar answer_seconds: for all of the answer to be taken.
    :ivar parting_seconds: for a visitor to hang up once everything is said.
    """

    visitors: int = 256
    turned_away: int = 64
    request_seconds: float = 10.0
    idle_seconds: float = 75.0
    stall_seconds: float = 10.0
    answer_seconds: float = 120.0
    parting_seconds: float = 1.0


class Wait(NamedTuple):
    """What has to happen before a visit can go on.

    :ivar events: of its socket, as in ``selectors``; 0: its rendering has to be done.
    :ivar until: monotonic seconds; ``TimeoutError`` is to be thrown then.
    """

    events: int
    until: float


class Visit:
    """Reads requests and sends answers, as long as both sides want to.

    :param turn_away: whether to say no more than to come back later.
    :ivar steps: runs until something has to be waited for; ends when all is said. Raises what breaks the connection.
    :ivar rendering: what it waits for.
    :ivar is_idle: whether all is said, and another request may come; it can be ended then.
    """

    def __init__(self, wire: Wire, page: Page, limits: Limits, *, turn_away: bool = False) -> None:
        self.wire = wire
        self.rendering: Rendering | None = None
        self.is_idle = False
        self.steps = self._turn_away() if turn_away else self._receive()
        self._page = page
        self._limits = limits
        self._buffer = bytearray()
        self._was_served = False

    def _receive(self) -> Generator[Wait]:
        until = time.monotonic() + self._limits.request_seconds
        yield from self._shake_hands(until)
        while (asked := (yield from self._next_request(until))) is not None:
            if isinstance(asked.what, Answer):
                answer = asked.what
            else:
                found = self._page.answer(asked.what)
                answer = found if isinstance(found, Answer) else (yield from self._rendered(found))
                del found  # or its rendering would live until the next request
            yield from self._send(answer, keep_alive=asked.keep_alive)
            del answer
            self._was_served = True
            if not asked.keep_alive:
                yield from self._part()
                return
            until = time.monotonic() + self._limits.idle_seconds

    def _turn_away(self) -> Generator[Wait]:
        yield from self._shake_hands(time.monotonic() + self._limits.parting_seconds)
        yield from self._send(_BUSY, keep_alive=False)
        yield from self._part()

    def _shake_hands(self, until: float) -> Generator[Wait]:
        while True:
            try:
                self.wire.shake_hands()
            except NotReadyError as wait:
                yield Wait(wait.events, until)
            else:
                return

    def _next_request(self, until: float) -> Generator[Wait, None, Asked | None]:
        """Give what comes in next; ``None`` if nothing does."""
        searched = 0
        self.is_idle = self._was_served and not self._buffer
        try:
            while (asked := read_request(self._buffer, searched)) is None:
                searched = len(self._buffer)
                data = yield from self._read(until)
                if not data:
                    return None
                if self.is_idle:
                    self.is_idle = False
                    until = min(until, time.monotonic() + self._limits.request_seconds)
                self._buffer += data
        except TimeoutError:
            return Asked(_TOO_SLOW) if self._buffer else None
        self.is_idle = False
        return asked

    def _rendered(self, rendering: Rendering) -> Generator[Wait, None, Answer]:
        self.rendering = rendering
        while not rendering.is_done:
            yield Wait(0, float("inf"))
        self.rendering = None
        return self._page.rendered(rendering)

    def _send(self, answer: Answer, *, keep_alive: bool) -> Generator[Wait]:
        end = time.monotonic() + self._limits.answer_seconds
        pieces = iter(answer.pieces)
        sent = 0
        # In one packet, if they are small.
        for piece in chain([head_of(answer, keep_alive=keep_alive) + next(pieces, b"")], pieces):
            view = memoryview(piece)
            while view:
                try:
                    count = self.wire.write(view)
                except NotReadyError as wait:
                    yield Wait(wait.events, min(end, time.monotonic() + self._limits.stall_seconds))
                    continue
                view = view[count:]
                sent += count
                if sent > _AT_ONCE:
                    sent = 0
                    yield Wait(selectors.EVENT_WRITE, min(end, time.monotonic() + self._limits.stall_seconds))

    def _part(self) -> Generator[Wait]:
        """Stop sending and wait for the visitor to stop: closing on unread bytes would take the answer back."""
        self.wire.end()
        until = time.monotonic() + self._limits.parting_seconds
        left = _LAST_WORDS
        while left > 0 and (data := (yield from self._read(until))):
            left -= len(data)

    def _read(self, until: float) -> Generator[Wait, None, bytes]:
        while True:
            try:
                return self.wire.read()
            except NotReadyError as wait:
                yield Wait(wait.events, until)
