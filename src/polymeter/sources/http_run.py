"""HttpRun: one HTTP request from its start to its one end."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.events.event import current_unit_of_work
from polymeter.events.http import KNOWN_METHODS, HttpRequestCompleted, HttpRequestStarted
from polymeter.sources.endings import outcome_of
from polymeter.sources.in_flight import IDS, IN_FLIGHT
from polymeter.sources.telling import tell_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.events.http import Outcome
    from polymeter.sources.http_emitters import HttpEmitters
    from polymeter.sources.installs import Audience

__all__ = ["HttpRun", "size_of"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SWITCHING: Final = 101
_WITHOUT_BODY: Final = frozenset({204, 304})
_SUCCESS: Final = range(200, 300)
_LONGEST: Final = 18  # digits; of a number with thousands of them, Python refuses to make an int


class HttpRun:
    """One request that is sent, told to those who listened at its start.

    Call :meth:`start` first. From then on exactly one ``HttpRequestCompleted`` follows, at the first end; later ends
    do nothing. Any thread, finaliser or signal handler may end it: there is no lock. One that is dropped before its
    end, or still open when the interpreter exits, ends as ``abandoned``. A copy in a forked child says nothing there.

    :param audience: who hears it.
    :param method: as it is sent.
    :param attempt: 1 for the first.
    :ivar attempt: the same.
    :ivar http_status: status of the answer, once there is one.
    :ivar declared: bytes that the request says its body has; they count as sent once there is an answer.
    :ivar sent: bytes of the request's body so far; ``None`` if they are not counted.
    :ivar received: bytes of the answer's body so far; ``None`` if they are not counted.
    :ivar look: called once, right before the end: brings ``received`` up to date, and gives what broke the body, if
        anything did.
    """

    __slots__ = (
        "__weakref__",
        "_answered_at",
        "_audience",
        "_began",
        "_expected",
        "_method",
        "_open",
        "_prefix",
        "_same",
        "_to",
        "attempt",
        "declared",
        "http_status",
        "look",
        "received",
        "sent",
    )

    def __init__(
        self,
        audience: Audience,
        *,
        library: str,
        method: str,
        scheme: str,
        host: str,
        port: int | None,
        attempt: int = 1,
    ) -> None:
        self._audience = audience
        self._to = cast("tuple[HttpEmitters, ...]", audience.to)
        self._method = method
        self.attempt = attempt
        self.http_status: int | None = None
        self.declared: int | None = 0
        self.sent: int | None = None
        self.received: int | None = None
        self.look: Callable[[HttpRun], BaseException | None] | None = None
        self._expected: int | None = None
        self._same: dict[str, Any] = {
            "request_id": IDS.new(),
            "method": method if method in KNOWN_METHODS else "_OTHER",
            "host": host or "unknown",
            "port": port or _DEFAULT_PORTS.get(scheme),
            "scheme": scheme,
            "library": library,
            "attempt": attempt,
            "unit_of_work": current_unit_of_work(),
        }
        self._prefix = IDS.prefix
        self._began = [each.clock.monotonic() for each in self._to]
        self._answered_at: list[float] | None = None
        self._open: list[bool] = []  # one item from start to end; pop() is atomic, so exactly one caller ends it

    @property
    def is_open(self) -> bool:
        """Whether it has begun and not ended."""
        return bool(self._open)

    def start(self) -> None:
        """Tell that it began; its durations count from when it was made."""
        self._open.append(True)
        IN_FLIGHT[self._same["request_id"]] = weakref.ref(self)
        for tally in self._audience.tallies:
            tally.started.add()
        self._tell(self._started)

    def asks_with(self, content_length: str | None, *, is_streamed: bool) -> None:
        """Note what body the request has.

        :param content_length: what its headers say of its length.
        :param is_streamed: whether it has a body whose length is not known before; the caller counts ``sent``.
        """
        if is_streamed:
            self.sent = 0
        elif content_length is not None:
            self.declared = size_of(content_length)

    def answered(self, http_status: int, content_length: str | None) -> bool:
        """Note that the headers of the answer are here, and end as ``ok`` if nothing can follow them.

        :param content_length: what the headers say of the body's length.
        :return: whether a body follows.
        """
        self.http_status = http_status
        self._answered_at = [each.clock.monotonic() for each in self._to]
        self.received = 0
        if self.sent is None:
            self.sent = self.declared
        self._expected = self._length(http_status, content_length)
        if self._expected == 0:
            self.end("ok")
        return self._expected != 0

    def failed(self, error: BaseException) -> None:
        """End with an exception that went through the request or the reading of its answer.

        A ``GeneratorExit`` here is thrown into a coroutine that its event loop forgot: nobody closes it on purpose.
        """
        self.end("abandoned" if isinstance(error, GeneratorExit) else outcome_of(error), error)

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Tell that it is over; only the first call counts.

        :param outcome: ``cancelled`` and ``abandoned`` count as ``ok`` if all of the body has been received, and
            ``cancelled`` as ``error`` if that is found broken.
        :param error: what ended it, if something did; only the name of its class is told.
        """
        try:
            self._open.pop()
        except IndexError:
            return
        IN_FLIGHT.pop(self._same["request_id"], None)
        if self._prefix != IDS.prefix:
            return  # a copy in a forked child
        broken = self._looked()
        if outcome == "cancelled" and broken is not None:  # what nobody holds is often broken by what comes after
            outcome, error = "error", broken
        elif outcome in ("cancelled", "abandoned") and self._is_whole:
            outcome = "ok"
        for tally in self._audience.tallies:
            tally.ended[outcome].add()
        error_type = type(error).__name__ if error is not None and outcome == "error" else None
        self._tell(lambda number, to: self._completed(number, to, outcome, error_type))

    def __del__(self) -> None:
        if getattr(self, "_open", None):
            self.end("abandoned")

    @property
    def _is_whole(self) -> bool:
        return self._expected is not None and self.received is not None and self.received >= self._expected

    def _looked(self) -> BaseException | None:
        look, self.look = self.look, None
        if look is None:
            return None
        try:
            return look(self)
        except Exception:  # noqa: BLE001 - the host must not notice
            self._audience.surprised()
            return None

    def _length(self, http_status: int, content_length: str | None) -> int | None:
        if (
            self._method == "HEAD"
            or http_status in _WITHOUT_BODY
            or http_status == _SWITCHING
            or (self._method == "CONNECT" and http_status in _SUCCESS)
        ):
            return 0
        return size_of(content_length)

    def _started(self, _: int, to: HttpEmitters) -> None:
        if to.started.listening:
            to.started(HttpRequestStarted(at=to.clock.wall(), **self._same))

    def _completed(self, number: int, to: HttpEmitters, outcome: Outcome, error_type: str | None) -> None:
        if not to.completed.listening:
            return
        began, answered = self._began[number], self._answered_at
        to.completed(
            HttpRequestCompleted(
                at=to.clock.wall(),
                outcome=outcome,
                duration_ms=(to.clock.monotonic() - began) * 1000.0,
                http_status=self.http_status,
                time_to_first_byte_ms=None if answered is None else (answered[number] - began) * 1000.0,
                request_bytes=self.sent,
                response_bytes=self.received,
                error_type=error_type,
                **self._same,
            )
        )

    def _tell(self, tell: Callable[[int, HttpEmitters], None]) -> None:
        tell_all(enumerate(self._to), lambda numbered: tell(*numbered))


def size_of(content_length: str | None) -> int | None:
    """Read a header that says how long a body is; ``None`` if it says nothing that can be."""
    if content_length is None or len(content_length) > _LONGEST or not content_length.isdecimal():
        return None
    return int(content_length)
