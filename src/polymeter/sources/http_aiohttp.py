"""aiohttp: where it is listened to, also in sessions that exist already.

=====================================  =============================================  ==============================
method                                 called                                         tells
=====================================  =============================================  ==============================
``ClientSession._request``             once per call                                  how the last request failed
``BaseConnector.connect``              once per request: of each redirect, and if     start
                                       aiohttp or a middleware sends it again
``ClientRequest.send``                 when it is connected                           (gives the answer to follow)
=====================================  =============================================  ==============================

A ``TraceConfig`` would have to be given to each session, and knows neither single requests nor the end of a body.
"""

from __future__ import annotations

import importlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from polymeter.sources.contexts import leave
from polymeter.sources.http_aiohttp_bodies import CountsUpload, follow
from polymeter.sources.http_emitters import HttpEmitters
from polymeter.sources.http_run import HttpRun
from polymeter.sources.installs import Installs
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from polymeter.sources.installs import Audience
    from polymeter.subscription import Subscription

__all__ = ["aiohttp_installs"]

_SCHEMES: Final = {"ws": "http", "wss": "https"}
_REDIRECTS: Final = range(300, 400)


def aiohttp_installs() -> Installs:
    """Give the installs of aiohttp."""

    def patch() -> Subscription:
        return _Hooks(installs).patch()

    installs = Installs(patch, HttpEmitters)
    return installs


class _Call:
    """One call of a session: one run after the other, until an answer is handed out.

    Connections keep the context that they were made in, and so this; it lets go of everything at its end.

    :ivar owner: the hooks that it began in.
    :ivar run: the run that is under way.
    :ivar request: the request that it is of.
    """

    __slots__ = ("_audience", "owner", "request", "run")

    def __init__(self, owner: object, audience: Audience) -> None:
        self.owner: object = owner
        self._audience: Audience | None = audience
        self.request: Any = None
        self.run: HttpRun | None = None

    def connecting(self, request: Any) -> None:
        """Begin the next run."""
        audience, before = self._audience, self.run
        if audience is None:
            return
        if before is not None:
            before.end("error" if before.http_status is None else "ok")  # if nobody told how
        try:
            url, headers = request.url, request.headers
            scheme: str = url.scheme
            again = before is not None and before.http_status not in _REDIRECTS
            run = HttpRun(
                audience,
                library="aiohttp",
                method=request.method,
                scheme=_SCHEMES.get(scheme, scheme),
                host=url.raw_host or "",
                port=url.port,
                attempt=before.attempt + 1 if before is not None and again else 1,
            )
            is_streamed = "Content-Length" not in headers and bool(request.body)
            run.asks_with(headers.get("Content-Length"), is_streamed=is_streamed)
            if is_streamed and not CountsUpload.of(request, run):
                run.sent = run.declared = None
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            self.request = self.run = None
            return
        self.request, self.run = request, run
        run.start()

    def failed(self, error: BaseException) -> None:
        """End with what the caller sees."""
        run = self._over()
        if run is not None:
            run.failed(error)

    def handed_out(self) -> None:
        """Let go of the answer, which the caller has now."""
        run = self._over()
        if run is not None and run.http_status is None:
            run.end("error")  # a middleware has made up an answer

    def _over(self) -> HttpRun | None:
        run = self.run
        self.owner = self._audience = self.request = self.run = None
        return run


_current: ContextVar[_Call | None] = ContextVar("polymeter_aiohttp_call", default=None)


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def __init__(self, installs: Installs) -> None:
        super().__init__()
        self._installs = installs
        self._library: Any = importlib.import_module("aiohttp")

    def _patches(self) -> Iterator[Subscription]:
        yield patch_method(self._library.ClientSession, "_request", self._request)
        yield patch_method(self._library.BaseConnector, "connect", self._connect)
        yield patch_method(self._library.ClientRequest, "send", self._send)

    def _call(self) -> _Call | None:
        """Give the call that this happens in."""
        call = _current.get()
        return call if call is not None and call.owner is self else None

    def _request(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def request(session: Any, *args: Any, **kwargs: Any) -> Any:
            audience = self._installs.audience
            call = _Call(self, audience) if self._installed and audience.listening else None
            if call is None and self._call() is None:
                return await below(session, *args, **kwargs)
            token = _current.set(call)  # None within another call: its requests are not those of the outer one
            try:
                response = await below(session, *args, **kwargs)
            except BaseException as error:
                if call is not None:
                    call.failed(error)
                raise
            finally:
                leave(token)
            if call is not None:
                call.handed_out()
            return response

        return request

    def _connect(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def connect(connector: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is None:
                return await below(connector, req, *args, **kwargs)
            call.connecting(req)
            try:
                return await below(connector, req, *args, **kwargs)
            except self._library.ClientError as error:
                if call.run is not None:  # it may be sent again; what is none of these, the caller sees otherwise
                    call.run.failed(error)
                raise

        return connect

    def _send(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def send(request: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            # Not the one that was connected for: such as what asks a proxy to connect.
            if call is None or call.run is None or call.request is not request:
                return await below(request, *args, **kwargs)
            try:
                response = await below(request, *args, **kwargs)
            except self._library.ClientError as error:
                call.run.failed(error)
                raise
            if not follow(response, call.run, lambda: call.run is not None):
                self._installs.audience.surprised()
                call.run.end("ok")
            return response

        return send
