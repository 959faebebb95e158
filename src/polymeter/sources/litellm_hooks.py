"""Where LiteLLM is listened to.

===============================  ===========================================  ==========================================
what                             called                                       tells
===============================  ===========================================  ==========================================
``completion``, ``acompletion``  by the caller, and by LiteLLM itself for     start and end, if no other call of LiteLLM
and their like                   its tries                                    is under way; else that a try failed
``completion_with_retries``      when LiteLLM tries again by itself           will be retried, and each of these tries
and their like
``Logging.pre_call``             when a request is about to be sent           attempt started
===============================  ===========================================  ==========================================

LiteLLM's own callbacks come later, on other threads, and not at all for what is cancelled, closed early or abandoned;
so they are not used. The functions are mostly imported by name; hence their code is replaced, not the names.
"""

from __future__ import annotations

import importlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from polymeter.sources.code_patching import can_patch_code, patch_code
from polymeter.sources.contexts import leave
from polymeter.sources.installs import Installs
from polymeter.sources.litellm_asked import Reads
from polymeter.sources.litellm_calls import Call
from polymeter.sources.litellm_retries import retried_async, retried_sync
from polymeter.sources.nested import outer_call
from polymeter.sources.patching import Hooks, patch_method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FunctionType, ModuleType

    from polymeter.subscription import Subscription

__all__ = ["LITELLM_INSTALLS"]

_FUNCTIONS: Final = {
    "completion": "chat",
    "acompletion": "chat",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
    "embedding": "embeddings",
    "aembedding": "embeddings",
}
_RETRIES: Final = ("completion_with_retries", "acompletion_with_retries")
_MODULES: Final = ("litellm", "litellm.main")  # newer ones have functions in both, one below the other
_ASYNC_INSIDE: Final = ("acompletion", "atext_completion", "aembedding")  # LiteLLM's flags: gives a coroutine
_INSIDE: Final = (*_ASYNC_INSIDE, "litellm_call_id", "litellm_logging_obj")  # what only LiteLLM passes on


class _Hooks(Hooks):
    """Makes the wrappers, each from a callable that does what was there before."""

    def __init__(self, litellm: ModuleType) -> None:
        super().__init__()
        self._litellm = litellm

    def _patches(self) -> Iterator[Subscription]:
        for function, wrap in self._found():
            yield patch_code(function, wrap)
        logging = importlib.import_module("litellm.litellm_core_utils.litellm_logging").Logging
        yield patch_method(logging, "pre_call", self._pre_call)

    def _found(self) -> Iterator[tuple[FunctionType, Callable[..., Any]]]:
        """Give each function once; a name may stand for another library's wrapper around it."""
        seen: set[int] = set()
        for module in map(importlib.import_module, _MODULES):
            for name in (*_FUNCTIONS, *_RETRIES):
                function = getattr(module, name, None)
                while function is not None and not can_patch_code(function):
                    function = getattr(function, "__wrapped__", None)
                if function is None or id(function) in seen:
                    continue
                seen.add(id(function))
                asynchronous = name.startswith("a")
                if name in _RETRIES:
                    retried = retried_async if asynchronous else partial(retried_sync, self._litellm)
                    yield function, partial(retried, self._around)
                else:
                    # An asynchronous one may take anything and pass it on to the other.
                    other = getattr(module, name[1:] if asynchronous else name, function)
                    reads = Reads(self._litellm, _FUNCTIONS[name], other)
                    yield function, partial(self._call_async if asynchronous else self._call, reads)

    def _around(self) -> Call | None:
        """Give the call that this happens in."""
        call = outer_call.get()
        return call if isinstance(call, Call) and call.owner is self and call.is_active else None

    def _inside_of(self, kwargs: dict[str, Any]) -> Call | None:
        """Give the call that LiteLLM makes this one for.

        Its threads that run callbacks work in copies of the context, perhaps before the call is over; what a callback
        asks for is a call of its own.
        """
        call = self._around()
        is_ours = call is None or call.thread == threading.get_ident() or any(name in kwargs for name in _INSIDE)
        return call if is_ours else None

    def _begin(self, reads: Reads, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        audience = LITELLM_INSTALLS.audience
        if not (self._installed and audience.listening):
            return None
        try:
            if any(kwargs.get(flag) is True for flag in _ASYNC_INSIDE):
                return None
            return Call(self, reads.asked(args, kwargs), audience)
        except Exception:  # noqa: BLE001 - the host must not notice
            audience.surprised()
            return None

    def _call(self, reads: Reads, below: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            around = self._inside_of(kwargs)
            mine = self._begin(reads, args, kwargs) if around is None else None
            if mine is None:
                try:
                    return below(*args, **kwargs)
                except Exception as error:
                    if around is not None:
                        around.tried(error)
                    raise
            token = outer_call.set(mine)
            try:
                mine.run.start()
                answer = below(*args, **kwargs)
            except BaseException as error:
                mine.failed(error)
                raise
            finally:
                mine.is_active = False
                leave(token)
            return mine.answered(answer)

        return call

    def _call_async(self, reads: Reads, below: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            around = self._inside_of(kwargs)
            mine = self._begin(reads, args, kwargs) if around is None else None
            if mine is None:
                try:
                    return await below(*args, **kwargs)
                except Exception as error:
                    if around is not None:
                        around.tried(error)
                    raise
            token = outer_call.set(mine)
            try:
                mine.run.start()
                answer = await below(*args, **kwargs)
            except BaseException as error:
                mine.failed(error)
                raise
            finally:
                mine.is_active = False
                leave(token)
            return mine.answered(answer)

        return call

    def _pre_call(self, below: Callable[..., Any]) -> Callable[..., Any]:
        def pre_call(logging: Any, /, *args: Any, **kwargs: Any) -> Any:
            around = self._around()
            if around is not None:
                around.requested()
            return below(logging, *args, **kwargs)

        return pre_call


def _patch() -> Subscription:
    return _Hooks(importlib.import_module("litellm")).patch()


LITELLM_INSTALLS = Installs(_patch)
"""All installs of this process: the functions of LiteLLM exist once, whoever makes a source."""
