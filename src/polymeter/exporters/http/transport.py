"""HttpTransport: delivers a body in time, or says why not."""

from __future__ import annotations

import gzip as gzip_format
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.deadline import current_deadline
from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters.http.address import address_of
from polymeter.exporters.http.answer import HEAD_AND_BODY_LIMIT, Response, read_answer
from polymeter.exporters.http.backoff import Backoff
from polymeter.exporters.http.diagnosis import Failure, Stage, failure_of, refusal_of
from polymeter.exporters.http.headers import checked_headers, common_headers
from polymeter.exporters.http.kept import KeptLines
from polymeter.exporters.http.remaining import Remaining
from polymeter.exporters.http.route import RefusedByProxyError, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.exporters.http.line import Line
    from polymeter.exporters.http.route import Tls

__all__ = ["HttpTransport"]

_WORTH_GZIP: Final = 1024
"""Bytes from which on a body is compressed."""

_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods that do the same when done twice."""


class _Request(NamedTuple):
    method: str
    data: bytes


class HttpTransport:
    """Sends requests to one server. All that one :meth:`send` does ends with the deadline of its thread or task.

    Safe to use from several threads. A connection is kept for the next request while the server allows it; a forked
    child makes its own. No error and no ``repr`` shows more of the URL than host and port, nor a header or a body.

    :ivar server: host and port.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        tls: Tls | None = None,
        gzip: bool = True,
        backoff: Backoff | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare; nothing is sent or connected yet.

        :param url: where to; a path is put before that of each request. ``user:password@`` becomes a header.
        :param headers: sent with every request.
        :param auth: user and password.
        :param timeout: seconds for one ``send``, if that is less than its deadline.
        :param tls: whom to trust; default: whom the machine trusts.
        :param gzip: whether to compress bodies of 1 kB and more.
        :param backoff: how often to try again, and when.
        :param clock: what the time-out, idleness and dates of the server are measured on.
        :raises DefinitionError: for anything that cannot be.
        """
        if timeout is not None and not timeout > 0:
            message = f"a time-out of {timeout!r} seconds leaves no time to send anything"
            raise DefinitionError(message)
        address = address_of(url)
        self.server: Final = str(address)
        self._headers = common_headers(headers, auth, address.authorization)
        self._route = Route(address, tls)
        self._timeout = timeout
        self._gzip = gzip
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._lines = KeptLines(clock)

    def send(
        self,
        method: str,
        path: str = "",
        body: bytes = b"",
        content_type: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request and give the answer, whose status is 2xx.

        It tries again where that cannot deliver twice: after 429, 502, 503 and 504, and if the connection was refused
        or broke before everything was sent.

        :param path: below that of the URL; percent-encoded.
        :param headers: of this request alone; with ``Content-Encoding`` the body is sent as it is.
        :raises DeliveryError: if it could not be delivered.
        :raises DefinitionError: for a path or a header that cannot be sent.
        """
        request = self._request(method, path, body, content_type, headers)
        remaining = Remaining(current_deadline(), self._timeout, self._clock)
        if remaining.left <= 0:
            message = f"no time was left to send anything to {self.server}"
            raise DeliveryError(message, reason="timeout")
        retries = 0
        while True:
            before = remaining.left
            outcome = self._try(request, remaining)
            if isinstance(outcome, Response):
                return outcome
            if not outcome.is_worth_another or retries == self._backoff.retries:
                raise outcome.error
            pause = self._backoff.pause(retries, outcome.error.retry_after)
            took = before - remaining.left  # what the next try is likely to need
            if pause + took >= remaining.left or not remaining.wait(pause):
                raise outcome.error
            retries += 1

    def close(self) -> None:
        """Close what is kept; another ``send`` connects anew."""
        self._lines.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server!r})"

    def _request(
        self, method: str, path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None
    ) -> _Request:
        fields = {**self._headers, **checked_headers(headers)}
        if content_type:
            fields["content-type"] = content_type
        if self._gzip and len(body) >= _WORTH_GZIP and "content-encoding" not in fields:
            body = gzip_format.compress(body, compresslevel=1, mtime=0)
            fields["content-encoding"] = "gzip"
        return _Request(method, self._route.request(method, path, fields, body))

    def _try(self, request: _Request, remaining: Remaining) -> Response | Failure:
        kept = self._lines.take()
        if kept is not None:
            outcome, is_gone = self._exchange(request, kept, remaining)
            if not is_gone:
                return outcome
        try:
            line = self._route.open(remaining)
        except RefusedByProxyError as refusal:
            return refusal_of(refusal.response, f"the proxy {self._route.nearest}", self._clock)
        except (OSError, HTTPException, ValueError) as error:
            return failure_of(error, self._route.nearest, Stage.CONNECTING, is_ended=True)
        self._lines.add(line)
        return self._exchange(request, line, remaining)[0]

    def _exchange(self, request: _Request, line: Line, remaining: Remaining) -> tuple[Response | Failure, bool]:
        """Send a request and read its answer.

        Give also whether the server had left the line before, so that the request can go over another one.
        """
        line.begin(remaining, HEAD_AND_BODY_LIMIT)
        stage = Stage.SENDING
        is_kept = False
        try:
            with suppress(ConnectionError):  # a server that hangs up early may have said why
                line.send(request.data)
                stage = Stage.WAITING
            response = read_answer(line, request.method)
            is_kept = response.is_whole and stage is Stage.WAITING
        except (OSError, HTTPException, ValueError) as error:
            failure = failure_of(error, self.server, stage, is_ended=line.is_ended)
            is_gone = failure.error.reason == "reset" and not line.received
            return failure, is_gone and (stage is Stage.SENDING or request.method in _REPEATABLE)
        finally:
            if is_kept:
                self._lines.keep(line)
            else:
                self._lines.drop(line)
        return (response if response.is_success else refusal_of(response, self.server, self._clock)), False
