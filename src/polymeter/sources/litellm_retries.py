"""Wrappers around the functions by which LiteLLM tries again by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import ModuleType

    from polymeter.sources.litellm_calls import Call

__all__ = ["retried_async", "retried_sync"]


def retried_sync(
    litellm: ModuleType, around: Callable[[], Call | None], below: Callable[..., Any]
) -> Callable[..., Any]:
    """Have a call hear of each try.

    :param around: gives the call that it happens in.
    """

    def retry(*args: Any, **kwargs: Any) -> Any:
        call = around()
        if call is None:
            return below(*args, **kwargs)
        tries = _tries(call, kwargs)
        do = kwargs.get("original_function") or litellm.completion

        def once(*args: Any, **kwargs: Any) -> Any:
            is_last = next(tries, True)
            try:
                return do(*args, **kwargs)
            except Exception as error:
                _failed(call, error, is_last=is_last)
                raise

        return below(*args, **{**kwargs, "original_function": once})

    return retry


def retried_async(
    around: Callable[[], Call | None], below: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """Have a call hear of each try."""

    async def retry(*args: Any, **kwargs: Any) -> Any:
        call = around()
        do = kwargs.get("original_function")
        if call is None or do is None:
            return await below(*args, **kwargs)
        tries = _tries(call, kwargs)

        async def once(*args: Any, **kwargs: Any) -> Any:
            is_last = next(tries, True)
            try:
                return await do(*args, **kwargs)
            except Exception as error:
                _failed(call, error, is_last=is_last)
                raise

        return await below(*args, **{**kwargs, "original_function": once})

    return retry


def _tries(call: Call, kwargs: dict[str, Any]) -> Iterator[bool]:
    """Tell of each try that is to come whether it is the last one; called where LiteLLM handles what made it retry."""
    error = sys.exc_info()[1]
    if error is not None:
        call.tried(error)
    call.retries()
    most = kwargs.get("num_retries", 3)
    return (number >= most for number in range(1, most + 1)) if isinstance(most, int) else iter(())


def _failed(call: Call, error: Exception, *, is_last: bool) -> None:
    call.tried(error)
    if is_last:
        call.gives_up()
    else:
        call.retries()
