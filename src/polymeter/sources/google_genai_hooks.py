"""Where the Google GenAI SDK is listened to.

====================================================  =============================  ===================================
method of the client                                  called                         tells
====================================================  =============================  ===================================
``request``, ``async_request``                        once per answer in one piece   start, end
``request_streamed``, ``async_request_streamed``      once per streamed answer       start, chunks, end
``_request_once``, ``_async_request_once``            once per attempt               attempt started, succeeded, failed
``_get_aiohttp_session``                              before each aiohttp request    attempts the SDK repeats by itself
====================================================  =============================  ===================================

All of these are above the HTTP libraries, so it does not matter which of them is used. And ``generate_content_stream``
and ``send_message_stream``, for models and chats: what they give is what the caller may close or drop.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from polymeter.sources.contexts import leave
from polymeter.sources.google_genai_asked import Asked
from polymeter.sources.google_genai_calls import Call, current_call
from polymeter.sources.google_genai_handed_out import handed_out
from polymeter.sources.google_genai_streams import AsyncChunks, Chunks
from polymeter.sources.installs import Installs
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from polymeter.subscription import Subscription

__all__ = ["GOOGLE_GENAI_INSTALLS"]


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def _patches(self) -> Iterator[Subscription]:
        client: Any = importlib.import_module("google.genai._api_client").BaseApiClient
        models: Any = importlib.import_module("google.genai.models")
        chats: Any = importlib.import_module("google.genai.chats")
        wrappers: list[tuple[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = [
            (client, "request", self._request),
            (client, "request_streamed", self._request_streamed),
            (client, "_request_once", self._request_once),
            (client, "async_request", self._async_request),
            (client, "async_request_streamed", self._async_request_streamed),
            (client, "_async_request_once", self._async_request_once),
            (client, "_get_aiohttp_session", self._get_aiohttp_session),
            (models.Models, "generate_content_stream", self._stream),
            (models.AsyncModels, "generate_content_stream", self._async_stream),
            (chats.Chat, "send_message_stream", self._stream),
            (chats.AsyncChat, "send_message_stream", self._async_stream),
        ]
        for owner, name, wrap in wrappers:
            if hasattr(owner, name):  # what an SDK does not have is done without
                yield patch_method(owner, name, wrap)

    def _call(self) -> Call | None:
        """Give the call that this happens in."""
        call = current_call.get()
        return call if call is not None and call.owner is self else None

    def _begin(
        self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, streamed: bool, asynchronous: bool
    ) -> Call | None:
        audience = GOOGLE_GENAI_INSTALLS.audience
        if not (self._installed and audience.listening):
            return None
        try:
            asked = Asked.of(client, args, kwargs)
            if asked is None:
                return None
            return Call(self, client, asked, audience, streamed=streamed, asynchronous=asynchronous)
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None

    def _request(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs, streamed=False, asynchronous=False)
            if call is None and self._call() is None:
                return below(client, *args, **kwargs)
            token = current_call.set(call)  # None within another call: its attempts are not those of the outer one
            try:
                if call is not None:
                    call.begin()
                answer = below(client, *args, **kwargs)
            except BaseException as error:
                if call is not None:
                    call.failed(error)
                raise
            finally:
                leave(token)
            if call is not None:
                call.answered(answer)
            return answer

        return request

    def _async_request(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def async_request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs, streamed=False, asynchronous=True)
            if call is None and self._call() is None:
                return await below(client, *args, **kwargs)
            token = current_call.set(call)
            try:
                if call is not None:
                    call.begin()
                answer = await below(client, *args, **kwargs)
            except BaseException as error:
                if call is not None:
                    call.failed(error)
                raise
            finally:
                leave(token)
            if call is not None:
                call.answered(answer)
            return answer

        return async_request

    def _request_streamed(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def request_streamed(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs, streamed=True, asynchronous=False)
            chunks = below(client, *args, **kwargs)  # a generator that has not begun
            return chunks if call is None else Chunks(chunks, call)

        return request_streamed

    def _async_request_streamed(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def async_request_streamed(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs, streamed=True, asynchronous=True)
            if call is None:
                return await below(client, *args, **kwargs)
            token = current_call.set(call)
            try:
                call.begin()
                chunks = await below(client, *args, **kwargs)
                call.was_sent()
            except BaseException as error:
                call.failed(error)
                raise
            finally:
                leave(token)
            return AsyncChunks(chunks, call)

        return async_request_streamed

    def _request_once(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def request_once(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is None:
                return below(client, *args, **kwargs)
            call.sending()
            try:
                response = below(client, *args, **kwargs)
            except Exception as error:
                call.not_sent(error)
                raise
            call.sent(response)
            return response

        return request_once

    def _async_request_once(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def async_request_once(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is None:
                return await below(client, *args, **kwargs)
            call.sending()
            try:
                response = await below(client, *args, **kwargs)
            except Exception as error:
                call.not_sent(error)
                raise
            call.sent(response)
            return response

        return async_request_once

    def _get_aiohttp_session(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def get_aiohttp_session(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is not None:
                call.session_wanted(sys.exc_info()[1])
            return await below(client, *args, **kwargs)

        return get_aiohttp_session

    def _stream(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def stream(it: Any, *args: Any, **kwargs: Any) -> Any:
            stream = below(it, *args, **kwargs)
            return handed_out(stream) if self._installed and GOOGLE_GENAI_INSTALLS.audience.listening else stream

        return stream

    def _async_stream(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def stream(it: Any, *args: Any, **kwargs: Any) -> Any:
            stream = await below(it, *args, **kwargs)
            return handed_out(stream) if self._installed and GOOGLE_GENAI_INSTALLS.audience.listening else stream

        return stream


def _patch() -> Subscription:
    return _Hooks().patch()


GOOGLE_GENAI_INSTALLS = Installs(_patch)
"""All installs of this process: the classes of the SDK exist once, whoever makes a source."""
