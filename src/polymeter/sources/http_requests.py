"""requests, and urllib3 below it as far as it works for requests: where they are listened to.

=====================================  =========================================  ==========================
method                                 called                                     tells
=====================================  =========================================  ==========================
``HTTPAdapter.send`` (requests)        once per request of a session, and once    start, answer, failure
                                       for each redirect that it follows
``HTTPConnectionPool.urlopen``         each time that a request is sent           start, if it is sent again
``Retry.increment`` (urllib3)          each time that one failed, or has a        failure or answer, if it is
                                       status that is to be tried again           sent again
=====================================  =========================================  ==========================

The retries of urllib3 happen within one ``send``, which throws their answers away: only the latter two see them.
"""

from __future__ import annotations

import importlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from polymeter.sources.http_emitters import HttpEmitters
from polymeter.sources.http_requests_bodies import CountedBody, follow
from polymeter.sources.http_run import HttpRun, size_of
from polymeter.sources.installs import Installs
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polymeter.sources.installs import Audience
    from polymeter.subscription import Subscription

__all__ = ["requests_installs"]

_RETRIES_AT = 4  # where urlopen has its retries, if they are not a keyword


def requests_installs() -> Installs:
    """Give the installs of requests."""

    def patch() -> Subscription:
        return _Hooks(installs).patch()

    installs = Installs(patch, HttpEmitters)
    return installs


class _Sending:
    """One call of ``send``: one run after the other, each of them one try.

    :ivar run: the run that is under way.
    :ivar is_streamed: whether the request has a body whose length is not known before.
    :ivar owner: the hooks that it began in.
    """

    __slots__ = ("_audience", "_length", "_opened", "_same", "is_streamed", "owner", "run")

    def __init__(self, owner: object, audience: Audience, request: Any) -> None:
        address: str = request.url
        url = urlsplit(address)
        self.owner = owner
        self._audience = audience
        self._length: str | None = request.headers.get("Content-Length")
        self._opened = 0
        self._same: dict[str, Any] = {
            "library": "requests",
            "method": request.method,
            "scheme": url.scheme,
            "host": url.hostname or "",
            "port": url.port,
        }
        self.is_streamed = request.body is not None and self._length is None
        self.run = self._next(1)

    def _next(self, attempt: int) -> HttpRun:
        run = HttpRun(self._audience, attempt=attempt, **self._same)
        run.asks_with(self._length, is_streamed=self.is_streamed)
        return run

    def opened(self, retries: Any) -> None:
        """Note that the request is sent. If that is not the first time, the next run begins."""
        self._opened += 1
        if self._opened == 1:
            return
        if self.run.is_open:  # retries of somebody's own making, which may not have told
            history: Any = getattr(retries, "history", None)
            self.tried(None, *((history[-1].error, history[-1].status) if history else (None, None)))
        self.run = self._next(self._opened)
        self.run.start()

    def tried(self, response: Any, error: BaseException | None, status: int | None) -> None:
        """End the run, as the request is to be sent again; of an answer, nobody reads the body."""
        if status is None:
            self.run.end("error", error)
        elif self.run.answered(status, None):
            self.run.received = None if response is None else size_of(response.headers.get("content-length"))
            self.run.end("ok")

    def sent(self, chunk: bytes | str) -> None:
        """Count a piece of the body."""
        try:
            size = len(chunk.encode()) if isinstance(chunk, str) else memoryview(chunk).nbytes
        except Exception:  # noqa: BLE001 - of what can be no piece, urllib3 says so
            return
        self.run.sent = (self.run.sent or 0) + size


_current: ContextVar[_Sending | None] = ContextVar("polymeter_requests_sending", default=None)


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def __init__(self, installs: Installs) -> None:
        super().__init__()
        self._installs = installs

    def _patches(self) -> Iterator[Subscription]:
        adapter = importlib.import_module("requests.adapters").HTTPAdapter
        pool = importlib.import_module("urllib3.connectionpool").HTTPConnectionPool
        retry = importlib.import_module("urllib3.util.retry").Retry
        yield patch_method(adapter, "send", self._send)
        yield patch_method(pool, "urlopen", self._urlopen)
        yield patch_method(retry, "increment", self._increment)

    def _begin(self, request: Any) -> _Sending | None:
        audience = self._installs.audience
        if not (self._installed and audience.listening):
            return None
        try:
            return _Sending(self, audience, request)
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None

    def _sending(self) -> _Sending | None:
        """Give what this happens in."""
        sending = _current.get()
        return sending if sending is not None and sending.owner is self else None

    def _send(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            sending = self._begin(request)
            if sending is None and self._sending() is None:
                return below(adapter, request, *args, **kwargs)
            token = _current.set(sending)  # None within another one: its tries are not those of the outer one
            try:
                if sending is None:
                    return below(adapter, request, *args, **kwargs)
                return _sent(sending, request, lambda: below(adapter, request, *args, **kwargs))
            finally:
                _current.reset(token)

        return send

    def _urlopen(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def urlopen(pool: Any, *args: Any, **kwargs: Any) -> Any:
            sending = self._sending()
            if sending is not None:
                sending.opened(args[_RETRIES_AT] if len(args) > _RETRIES_AT else kwargs.get("retries"))
            return below(pool, *args, **kwargs)

        return urlopen

    def _increment(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def increment(retry: Any, *args: Any, **kwargs: Any) -> Any:
            sending, response = self._sending(), kwargs.get("response")
            if sending is None:
                return below(retry, *args, **kwargs)
            status = getattr(response, "status", None)
            if status is not None:
                sending.run.http_status = status  # also if no try is left
            more = below(retry, *args, **kwargs)
            sending.tried(response, kwargs.get("error"), status)
            return more

        return increment


def _sent(sending: _Sending, request: Any, send: Callable[[], Any]) -> Any:
    body = request.body
    try:
        sending.run.start()
        if sending.is_streamed:
            request.body = CountedBody(body, sending.sent)
        response = send()
    except BaseException as error:
        sending.run.failed(error)
        raise
    finally:
        if sending.is_streamed:
            request.body = body
    if sending.run.is_open and sending.run.answered(response.status_code, response.headers.get("Content-Length")):
        follow(response.raw, sending.run)
    return response
