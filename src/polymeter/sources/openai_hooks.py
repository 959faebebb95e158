"""Where the OpenAI SDK is listened to: four methods of its clients, through which every call and every attempt goes.

======================  ==================================================  ===============================
method                  called                                              tells
======================  ==================================================  ===============================
``request``             once per call, whatever resource, raw or streamed   start, end
``_prepare_request``    once per attempt, when its request is ready         attempt started
``_sleep_for_retry``    once per attempt that the SDK will repeat           attempt failed, will be retried
``_process_response``   once per call, with the answer of its last attempt  attempt succeeded
======================  ==================================================  ===============================

Without these the SDK's retries could only be guessed from status codes and limits. A subclass may override them and
not call ours; its attempts are then counted from what is left, and at least one per answer.
"""

from __future__ import annotations

import importlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from polymeter.sources.installs import Installs
from polymeter.sources.openai_asked import Asked
from polymeter.sources.openai_calls import Call
from polymeter.sources.patching import patch_method
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Token
    from types import ModuleType

__all__ = ["OPENAI_INSTALLS"]

_current: ContextVar[Call | None] = ContextVar("polymeter_openai_call", default=None)


class _Hooks:
    """Makes the wrappers, each from a callable that does what was there before.

    Once undone, they only pass calls through: another library may hold on to them, below wrappers of a later install.
    """

    def __init__(self, sdk: ModuleType) -> None:
        self._sdk = sdk
        self._installed = True
        self._preparers: list[object] = []

    def patch(self) -> Subscription:
        """Put them in place."""
        sync, asynchronous = self._sdk.OpenAI, self._sdk.AsyncOpenAI
        wrappers: list[tuple[type, str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = [
            (sync, "request", self._request),
            (sync, "_prepare_request", self._prepare_request),
            (sync, "_sleep_for_retry", self._sleep_for_retry),
            (sync, "_process_response", self._process_response),
            (asynchronous, "request", self._request_async),
            (asynchronous, "_prepare_request", self._prepare_request_async),
            (asynchronous, "_sleep_for_retry", self._sleep_for_retry_async),
            (asynchronous, "_process_response", self._process_response_async),
        ]
        # What an SDK does not have any more is done without, like what a subclass keeps from us.
        patches = [patch_method(owner, name, wrap) for owner, name, wrap in wrappers if hasattr(owner, name)]
        self._preparers = [getattr(owner, "_prepare_request", None) for owner in (sync, asynchronous)]
        return Subscription.of_all([*patches, Subscription(self._undone)])

    def _undone(self) -> None:
        self._installed = False

    def _call(self) -> Call | None:
        """Give the call that this happens in."""
        call = _current.get()
        return call if call is not None and call.owner is self else None

    def _begin(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        audience = OPENAI_INSTALLS.audience
        if not (self._installed and audience.listening):
            return None
        try:
            options = args[1] if len(args) > 1 else kwargs["options"]
            asked = Asked.of(self._sdk, client, options, streamed=bool(kwargs.get("stream")))
            if asked is None:
                return None
            preparer = getattr(client.__class__, "_prepare_request", None)
            ours = any(preparer is each for each in self._preparers) and "_prepare_request" not in vars(client)
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None
        return Call(self, self._sdk, asked, audience, knows_attempts=ours)

    def _request(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs)
            if call is None and self._call() is None:
                return below(client, *args, **kwargs)
            token = _current.set(call)  # None within another call: its attempts are not those of the outer one
            try:
                if call is not None:
                    call.begin()
                answer = below(client, *args, **kwargs)
            except BaseException as error:
                if call is not None:
                    call.failed(error)
                raise
            finally:
                _leave(token)
            return answer if call is None else call.answered(answer)

        return request

    def _request_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._begin(client, args, kwargs)
            if call is None and self._call() is None:
                return await below(client, *args, **kwargs)
            token = _current.set(call)
            try:
                if call is not None:
                    call.begin()
                answer = await below(client, *args, **kwargs)
            except BaseException as error:
                if call is not None:
                    call.failed(error)
                raise
            finally:
                _leave(token)
            return answer if call is None else call.answered(answer)

        return request

    def _prepare_request(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def prepare_request(client: Any, *args: Any, **kwargs: Any) -> Any:
            result = below(client, *args, **kwargs)
            call = self._call()
            if call is not None:
                call.prepared()
            return result

        return prepare_request

    def _prepare_request_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def prepare_request(client: Any, *args: Any, **kwargs: Any) -> Any:
            result = await below(client, *args, **kwargs)
            call = self._call()
            if call is not None:
                call.prepared()
            return result

        return prepare_request

    def _sleep_for_retry(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def sleep_for_retry(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is None:
                return below(client, *args, **kwargs)
            call.will_retry(kwargs.get("response"))
            result = below(client, *args, **kwargs)
            call.slept()
            return result

        return sleep_for_retry

    def _sleep_for_retry_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def sleep_for_retry(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is None:
                return await below(client, *args, **kwargs)
            call.will_retry(kwargs.get("response"))
            result = await below(client, *args, **kwargs)
            call.slept()
            return result

        return sleep_for_retry

    def _process_response(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def process_response(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is not None:
                call.responded(kwargs.get("response"))
            return below(client, *args, **kwargs)

        return process_response

    def _process_response_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def process_response(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = self._call()
            if call is not None:
                call.responded(kwargs.get("response"))
            return await below(client, *args, **kwargs)

        return process_response


def _leave(token: Token[Call | None]) -> None:
    try:  # contextlib.suppress takes longer than all of this  # noqa: SIM105
        _current.reset(token)
    except ValueError:
        pass  # a coroutine that began in one context and was closed in another; there it never was


def _patch() -> Subscription:
    return _Hooks(importlib.import_module("openai")).patch()


OPENAI_INSTALLS = Installs(_patch)
"""All installs of this process: the classes of the SDK exist once, whoever makes a source."""
