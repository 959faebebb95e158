"""Reception: lets visitors in, and lets each go on when it can. All in one thread, none of it blocking."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.exporters.serving.visit import EXPECTED, Visit
from polymeter.exporters.serving.wire import PlainWire, TlsWire

if TYPE_CHECKING:
    import ssl

    from polymeter.exporters.serving.page import Page
    from polymeter.exporters.serving.visit import Limits

__all__ = ["Reception"]

_FOREVER: Final = float("inf")
_AT_ONCE: Final = 16
"""So many visitors are let in before those inside have their turn."""
_RESPITE: Final = 0.1
"""Seconds without new visitors, when the process has no file descriptor left for them."""


class _Guest:
    """A visit, and what it waits for.

    :ivar events: that the selector watches its socket for.
    :ivar until: monotonic seconds.
    """

    __slots__ = ("events", "is_gone", "number", "until", "visit")

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.number = visit.wire.fileno()
        self.events = selectors.EVENT_READ
        self.until = _FOREVER
        self.is_gone = False


class Reception:
    """Takes over a socket that listens.

    Slices are rendered between two looks at the sockets, so that nobody waits longer than one takes.
    """

    def __init__(self, listening: socket.socket, page: Page, tls: ssl.SSLContext | None, limits: Limits) -> None:
        self._listening = listening
        self._page = page
        self._tls = tls
        self._limits = limits
        self._is_ending = False
        self._guests: dict[int, _Guest] = {}  # by file descriptor
        self._for_rendering: list[_Guest] = []
        self._due = _FOREVER  # the earliest time that somebody waits until
        self._opens_at = 0.0
        self._is_open = False
        self._woken, self._waker = socket.socketpair()
        self._woken.settimeout(0)
        self._waker.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)

    # From other threads

    def end(self) -> None:
        """Have :meth:`run` come to its end; harmless to repeat."""
        self._is_ending = True
        with suppress(OSError):  # it was released, or has been woken often
            self._waker.send(b"!")

    def release(self) -> None:
        """Close everything; harmless to repeat."""
        self._is_ending = True
        with suppress(OSError, RuntimeError):  # closed by the other of two threads
            self._selector.close()
        self._close_sockets()

    def forsake(self) -> None:
        """Close this process's share of everything, in a forked child."""
        self._is_ending = True
        # Not one by one: who unregisters there takes the socket from the parent's selector too.
        self._selector.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for each in (self._listening, self._woken, self._waker):
            each.close()
        for guest in list(self._guests.values()):
            guest.visit.wire.close()

    # The thread

    def run(self) -> None:
        """Receive until the end is asked for."""
        try:
            while not self._is_ending:
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001 - nobody would hear of it, and nothing would be served
                    if not self._is_ending:  # else everything may have been closed meanwhile
                        self._page.renderings.log(error)
                        time.sleep(_RESPITE)
        finally:
            self.release()

    def _turn(self) -> None:
        self._let_in_or_not()
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj is self._listening:
                self._welcome()
            elif isinstance(key.data, _Guest):
                if key.data.visit.rendering is None:
                    self._go_on(key.data)
            else:
                with suppress(OSError):
                    self._woken.recv(1024)
        if self._for_rendering and not self._is_ending:
            self._render()
        if time.monotonic() >= self._due and not self._is_ending:
            self._expire()

    def _patience(self) -> float | None:
        if self._for_rendering:
            return 0.0
        due = self._due if self._is_open else min(self._due, self._opens_at or _FOREVER)
        return None if due == _FOREVER else max(0.0, due - time.monotonic())

    def _render(self) -> None:
        with suppress(BaseException):  # one that ends threads has no business here; the visitor gets a 500
            self._page.renderings.advance()
        if self._is_ending:  # asked for meanwhile, and perhaps done: that may have been a long slice
            return
        waiting, self._for_rendering = self._for_rendering, []
        for guest in waiting:
            if guest.visit.rendering is not None and not guest.visit.rendering.is_done:
                self._for_rendering.append(guest)
            else:
                self._go_on(guest)

    def _expire(self) -> None:
        now = time.monotonic()
        late = [guest for guest in self._guests.values() if guest.until <= now]
        self._due = min((guest.until for guest in self._guests.values() if guest.until > now), default=_FOREVER)
        for guest in late:
            self._go_on(guest, is_late=True)

    # Visitors

    def _let_in_or_not(self) -> None:
        has_room = len(self._guests) < self._limits.visitors + self._limits.turned_away
        if self._opens_at and time.monotonic() >= self._opens_at:
            self._opens_at = 0.0
        is_open = has_room and not self._opens_at
        if is_open == self._is_open:
            return
        self._is_open = is_open
        if is_open:
            self._selector.register(self._listening, selectors.EVENT_READ)
        else:
            self._selector.unregister(self._listening)

    def _welcome(self) -> None:
        with suppress(BlockingIOError):
            for _ in range(_AT_ONCE):
                try:
                    connection, _ = self._listening.accept()
                except ConnectionError:  # it has left again
                    continue
                except BlockingIOError:
                    raise
                except OSError:
                    self._opens_at = time.monotonic() + _RESPITE
                    self._end_an_idle_one()
                    return
                self._receive(connection)

    def _receive(self, connection: socket.socket) -> None:
        is_full = len(self._guests) >= self._limits.visitors and not self._end_an_idle_one()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = PlainWire(connection) if self._tls is None else TlsWire(connection, self._tls)
        except OSError:  # it has left already
            connection.close()
            return
        guest = _Guest(Visit(wire, self._page, self._limits, turn_away=is_full))
        self._guests[guest.number] = guest
        self._selector.register(guest.number, guest.events, guest)
        self._go_on(guest)

    def _end_an_idle_one(self) -> bool:
        """End the visit that has been idle for the longest time; tell whether there is one."""
        idle = [guest for guest in self._guests.values() if guest.visit.is_idle]
        if not idle:
            return False
        self._see_off(min(idle, key=lambda guest: guest.until))
        return True

    def _go_on(self, guest: _Guest, *, is_late: bool = False) -> None:
        if guest.is_gone:
            return
        try:
            wait = guest.visit.steps.throw(TimeoutError()) if is_late else next(guest.visit.steps)
        except (StopIteration, *EXPECTED):
            self._see_off(guest)
            return
        except Exception as error:  # noqa: BLE001 - the others have done nothing wrong
            self._page.renderings.log(error)
            self._see_off(guest)
            return
        guest.until = wait.until
        self._due = min(self._due, wait.until)
        if not wait.events:
            self._for_rendering.append(guest)
        elif wait.events != guest.events:
            guest.events = wait.events
            self._selector.modify(guest.number, wait.events, guest)

    def _see_off(self, guest: _Guest) -> None:
        guest.is_gone = True
        # First: a child that is just being forked keeps a closed socket alive, and the selector would go on about it.
        self._selector.unregister(guest.number)
        del self._guests[guest.number]
        guest.visit.steps.close()
        guest.visit.wire.close()
