"""Real coroutine functions, generator functions and async generator functions around others.

What calls them sees what it would see without us: ``send``, ``throw``, ``close`` and what they give pass through, and
:mod:`inspect` finds the same kind of function. Each begins a run at its first step, not when it is called.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from polymeter.timing.runs import Run

__all__ = ["Begin", "async_generator", "coroutine", "generator"]

Begin: TypeAlias = "Callable[[tuple[Any, ...], dict[str, Any]], Run | None]"
"""Takes the arguments of a call; gives its run, or ``None`` if nobody wants to know."""


def coroutine(begin: Begin, function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Give a coroutine function that times one, or what gives something to await."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        run = begin(args, kwargs)
        if run is None:
            return await function(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            run.failed(error)
            raise
        run.end("ok")
        return result

    return call


def generator(
    begin: Begin, function: Callable[..., Any], *, is_awaitable: bool = False
) -> Callable[..., Generator[Any, Any, Any]]:
    """Give a generator function that times one.

    :param is_awaitable: whether ``types.coroutine`` has made a coroutine of it.
    """

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        run = begin(args, kwargs)
        steps: Generator[Any, Any, Any]
        if run is None:
            steps = function(*args, **kwargs)
            return (yield from steps)
        try:
            steps = function(*args, **kwargs)
            result = yield from steps
        except BaseException as error:
            run.failed(error)
            raise
        run.end("ok")
        return result

    if is_awaitable:
        marked: Any = types.coroutine(call)
        return marked  # type: ignore[no-any-return]  # the same function, with a mark
    return call


def async_generator(begin: Begin, function: Callable[..., Any]) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Give an async generator function that times one.

    There is no ``yield from`` for these: what is sent and thrown in is handed on one by one.
    """

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        run = begin(args, kwargs)
        try:
            inner = function(*args, **kwargs)
            value = await inner.__anext__()
            while True:
                try:
                    sent = yield value
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever is thrown in, it is for the inner one
                    value = await inner.athrow(error)
                else:
                    value = await inner.asend(sent)
        except StopAsyncIteration:
            if run is not None:
                run.end("ok")
        except BaseException as error:
            if run is not None:
                run.failed(error)
            raise

    return call
