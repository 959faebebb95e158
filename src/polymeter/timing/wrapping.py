"""From a callable to one of the same kind that tells its runs: what it is decides what is timed."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, Protocol

from polymeter.errors import DefinitionError
from polymeter.timing.following import follow
from polymeter.timing.relaying import async_generator, coroutine, generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.timing.runs import Run

__all__ = ["CanBegin", "dressed", "plain", "wrapped"]


class CanBegin(Protocol):
    """What times or counts one function."""

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Run | None:
        """Begin a run for a call with these arguments; ``None`` if nobody wants to know. Never raises."""
        ...

    def around(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Give a plain function around ``function``."""
        ...


def wrapped(function: Any, instrument: CanBegin, what: str) -> Any:
    """Give what takes the place of ``function``.

    :param what: what is declared, for the error.
    :raises DefinitionError: for what cannot be called.
    """
    if _is_a(function, staticmethod, classmethod):
        return type(function)(wrapped(function.__func__, instrument, what))
    if not hasattr(function, "__call__"):  # noqa: B004 - callable() would tell the type checkers too much
        hint = ": decorate the function inside it" if hasattr(function, "__get__") else ""
        message = f"{what} cannot decorate {function!r}, which is not callable{hint}"
        raise DefinitionError(message)
    again = _context_manager_of(function)
    if again is not None:
        return again(wrapped(function.__wrapped__, instrument, what))
    return dressed(_around(function, instrument), function)


def _around(function: Any, instrument: CanBegin) -> Callable[..., Any]:
    called: Any = function
    if not (inspect.isroutine(function) or _is_a(function, functools.partial)):
        called = type(function).__call__  # its class knows how
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):
        return coroutine(instrument.begin, function)
    if inspect.isasyncgenfunction(called):
        return async_generator(instrument.begin, function)
    if inspect.isgeneratorfunction(called):
        return generator(instrument.begin, function, is_awaitable=_is_awaitable(called))
    return instrument.around(function)


def _is_awaitable(function: Any) -> bool:
    """Tell whether ``types.coroutine`` has made a coroutine function of a generator function."""
    while _is_a(function, functools.partial):
        function = function.func
    code: Any = getattr(function, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & inspect.CO_ITERABLE_COROUTINE)


def plain(instrument: CanBegin, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that tells the calls of ``function``, and of what these give back where the work comes later."""
    begin = instrument.begin

    def call(*args: Any, **kwargs: Any) -> Any:
        run = begin(args, kwargs)
        if run is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            run.failed(error)
            raise
        return follow(result, run)

    return call


def dressed(wrapper: Any, function: Any) -> Any:
    """Have ``wrapper`` look like ``function``: name, documentation, signature, and the methods of a cache."""
    functools.update_wrapper(wrapper, function)
    if not hasattr(function, "__name__"):  # a partial, or an object that can be called
        named = function.func if _is_a(function, functools.partial) else function.__class__
        wrapper.__name__ = getattr(named, "__name__", wrapper.__name__)
        wrapper.__qualname__ = getattr(named, "__qualname__", wrapper.__name__)
    for name in _OF_A_CACHE:
        if hasattr(function, name) and not hasattr(wrapper, name):
            setattr(wrapper, name, getattr(function, name))
    return wrapper


def _is_a(thing: object, *classes: type) -> bool:
    return isinstance(thing, classes)


_OF_A_CACHE: Final = ("cache_info", "cache_clear", "cache_parameters")  # functools keeps them where nobody copies them

_MAKERS: Final[tuple[Callable[[Any], Any], ...]] = (contextlib.contextmanager, contextlib.asynccontextmanager)
# What they give is one function each, around another generator function every time.
_MADE: Final[dict[object, Callable[[Any], Any]]] = {make(dressed).__code__: make for make in _MAKERS}


def _context_manager_of(function: Any) -> Callable[[Any], Any] | None:
    """Give what made a context manager of a generator function, if that is what ``function`` is."""
    made = _MADE.get(getattr(function, "__code__", None))
    return made if hasattr(function, "__wrapped__") else None
