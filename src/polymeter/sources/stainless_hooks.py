"""Where an SDK that Stainless generates is listened to: the methods through which every call and every attempt goes.

======================  ==================================================  ====================================
method                  called                                              tells
======================  ==================================================  ====================================
``request``             once per call, whatever resource, raw or streamed   start, end
``_prepare_request``    once per attempt, when its request is ready         attempt started
``_attempt_request``    once per attempt, in SDKs that have middleware      its response, whatever its status
``_sleep_for_retry``    once per attempt that the SDK will repeat           attempt failed, will be retried
``_process_response``   once per call, in SDKs without ``_attempt_request``  attempt succeeded
======================  ==================================================  ====================================

Without these the SDK's retries could only be guessed from status codes and limits. A subclass may override them and
not call ours; its attempts are then counted from what is left, and at least one per answer.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from polymeter.sources.contexts import leave
from polymeter.sources.patching import Hooks, patch_method
from polymeter.sources.stainless_calls import StainlessCall
from polymeter.sources.stainless_moments import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from polymeter.sources.installs import Audience
    from polymeter.sources.stainless import Dialect
    from polymeter.sources.stainless_moments import Moment
    from polymeter.subscription import Subscription

__all__ = ["StainlessHooks"]

_current: ContextVar[StainlessCall | None] = ContextVar("polymeter_stainless_call", default=None)


class StainlessHooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before.

    :param dialect: the SDK.
    :param audience: gives who hears what starts now.
    """

    def __init__(self, dialect: Dialect[Any], audience: Callable[[], Audience]) -> None:
        super().__init__()
        self._dialect = dialect
        self._audience = audience
        self._wrappers: list[object] = []

    def _patches(self) -> Iterator[Subscription]:
        sync, asynchronous = self._dialect.clients
        for client, request, around in (
            (sync, self._request, self._around),
            (asynchronous, self._request_async, self._around_async),
        ):
            base = _base_of(client)
            # Also where a subclass has its own: another library may have put it there, or the client of a platform
            # signs its requests in it, and neither need call the base's.
            for owner in list(_definers(base, "request")):
                yield patch_method(owner, "request", request)
            for name, moment in MOMENTS.items():
                for owner in list(_definers(base, name)) if name == "_prepare_request" else [base]:
                    if hasattr(owner, name):  # what an SDK does not have any more is done without
                        yield patch_method(owner, name, around(moment))
                        self._wrappers.append(vars(owner)[name])

    def _call(self) -> StainlessCall | None:
        """Give the call that this happens in."""
        call = _current.get()
        return call if call is not None and call.owner is self else None

    def _begin(self, client: Any, options: Any, kwargs: dict[str, Any]) -> StainlessCall | None:
        audience = self._audience()
        if not (self._installed and audience.listening):
            return None
        try:
            asked = self._dialect.asked(client, options, bool(kwargs.get("stream")))
            if asked is None:
                return None
            preparer = getattr(client.__class__, "_prepare_request", None)
            ours = any(preparer is each for each in self._wrappers) and "_prepare_request" not in vars(client)
            return StainlessCall(
                self, self._dialect, client, options=options, asked=asked, audience=audience, knows_attempts=ours
            )
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None

    def _request(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            options = args[1] if len(args) > 1 else kwargs.get("options")
            outer = self._call()
            if outer is not None and outer.options is options:
                return below(client, *args, **kwargs)  # the base's method, called by that of a subclass
            call = self._begin(client, options, kwargs)
            if call is None and outer is None:
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
                leave(token)
            return answer if call is None else call.answered(answer)

        return request

    def _request_async(self, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            options = args[1] if len(args) > 1 else kwargs.get("options")
            outer = self._call()
            if outer is not None and outer.options is options:
                return await below(client, *args, **kwargs)
            call = self._begin(client, options, kwargs)
            if call is None and outer is None:
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
                leave(token)
            return answer if call is None else call.answered(answer)

        return request

    def _around(self, moment: Moment) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def wrap(below: Callable[..., Any]) -> Callable[..., Any]:
            def method(client: Any, *args: Any, **kwargs: Any) -> Any:
                call = self._call()
                if call is None:
                    return below(client, *args, **kwargs)
                moment.before(call, kwargs)
                try:
                    result = below(client, *args, **kwargs)
                except BaseException as error:
                    moment.raised(call, error)
                    raise
                moment.after(call, result)
                return result

            return method

        return wrap

    def _around_async(self, moment: Moment) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
        def wrap(below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def method(client: Any, *args: Any, **kwargs: Any) -> Any:
                call = self._call()
                if call is None:
                    return await below(client, *args, **kwargs)
                moment.before(call, kwargs)
                try:
                    result = await below(client, *args, **kwargs)
                except BaseException as error:
                    moment.raised(call, error)
                    raise
                moment.after(call, result)
                return result

            return method

        return wrap


def _base_of(client: type) -> type:
    """Give the class that all clients of the SDK have in common: the one that brings ``request``."""
    return [each for each in client.__mro__ if "request" in vars(each)][-1]


def _definers(base: type, name: str) -> Iterator[type]:
    """Give ``base`` and all classes below it that have a method of their own."""
    seen: set[type] = set()
    left = [base]
    while left:
        each = left.pop()
        if each in seen:
            continue
        seen.add(each)
        left += each.__subclasses__()
        if name in vars(each):
            yield each
