"""httpx and httpx2, which are one library under two names: where their requests are listened to.

``HTTPTransport.handle_request`` and its asynchronous twin send one request and give its answer when the headers are
there. Every client goes through them, whenever it was made; redirects, authentication and the retries of SDKs are
further calls. Transports that do not use the network (``MockTransport``, ``ASGITransport``) are not listened to.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from polymeter.sources.http_emitters import HttpEmitters
from polymeter.sources.http_httpx_streams import Streams
from polymeter.sources.http_run import HttpRun
from polymeter.sources.installs import Installs
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from polymeter.subscription import Subscription

__all__ = ["httpx_installs"]


def httpx_installs(name: str) -> Installs:
    """Give the installs of one of the two.

    :param name: ``httpx`` or ``httpx2``.
    """

    def patch() -> Subscription:
        return _Hooks(name, importlib.import_module(name), installs).patch()

    installs = Installs(patch, HttpEmitters)
    return installs


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def __init__(self, name: str, library: Any, installs: Installs) -> None:
        super().__init__()
        self._name = name
        self._library = library
        self._streams = Streams(library)
        self._installs = installs

    def _patches(self) -> Iterator[Subscription]:
        yield patch_method(self._library.HTTPTransport, "handle_request", self._handle)
        yield patch_method(self._library.AsyncHTTPTransport, "handle_async_request", self._handle_async)

    def _begin(self, request: Any) -> HttpRun | None:
        audience = self._installs.audience
        if not (self._installed and audience.listening):
            return None
        try:
            url, headers = request.url, request.headers
            run = HttpRun(
                audience,
                library=self._name,
                method=request.method,
                scheme=url.scheme,
                host=url.raw_host.decode("ascii"),  # not decoded, as the others give it
                port=url.port,
            )
            run.asks_with(headers.get("content-length"), is_streamed="transfer-encoding" in headers)
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None
        return run

    def _handle(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def handle_request(transport: Any, request: Any) -> Any:
            run = self._begin(request)
            if run is None:
                return below(transport, request)
            try:
                run.start()
                if run.sent is not None:
                    request.stream = self._streams.counted(request.stream, run)
                response = below(transport, request)
                if _has_body(response, run):
                    response.stream = self._streams.followed(response.stream, run)
            except BaseException as error:
                run.failed(error)
                raise
            finally:
                self._streams.give_back(request)
            return response

        return handle_request

    def _handle_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def handle_async_request(transport: Any, request: Any) -> Any:
            run = self._begin(request)
            if run is None:
                return await below(transport, request)
            try:
                run.start()
                if run.sent is not None:
                    request.stream = self._streams.counted_async(request.stream, run)
                response = await below(transport, request)
                if _has_body(response, run):
                    response.stream = self._streams.followed_async(response.stream, run)
            except BaseException as error:
                run.failed(error)
                raise
            finally:
                self._streams.give_back(request)
            return response

        return handle_async_request


def _has_body(response: Any, run: HttpRun) -> bool:
    """Note the answer, and tell whether its body is still to be read."""
    if not run.answered(response.status_code, response.headers.get("content-length")):
        return False
    if response.is_closed:  # somebody else's wrapper below has read the body, or made one up
        run.end("ok")
        return False
    return True
