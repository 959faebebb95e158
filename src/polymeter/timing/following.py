"""Follow what a call gave back, where the work is still to be done: a coroutine, a generator, a future."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Coroutine
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from polymeter.timing.relaying import async_generator, coroutine, generator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from polymeter.timing.relaying import Begin
    from polymeter.timing.runs import Run

__all__ = ["PLAIN", "follow"]

# Classes whose instances are what they are, with no work left to do. Others join them when they are seen.
PLAIN: Final[set[type]] = {type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset}

_MOST: Final = 4096  # classes made on the fly must not fill the memory


def follow(result: object, run: Run) -> Any:
    """Give what to hand to the caller instead of ``result``, and end ``run`` when the work behind it is done.

    ========================================  ==========================================
    coroutine, generator, async generator     one of ours of the same type around it
    context manager of ``contextlib``         the same, its generator followed
    anything with ``add_done_callback``       the same, told when it is done
    something that can only be awaited        one that can be awaited and ends the run
    everything else                           the same; it is done
    ========================================  ==========================================
    """
    cls = type(result)
    if cls not in PLAIN:
        try:
            taken = _taker_of(cls)
            if taken is not None:
                return taken(result, run)
        except Exception:  # noqa: BLE001 - an object that is stranger than it looks: the call itself is done
            run.end("ok")
            return result
    run.end("ok")
    return result


def _taker_of(cls: type) -> Callable[[Any, Run], Any] | None:
    taken = _TAKERS.get(cls)
    if taken is None:
        if hasattr(cls, "add_done_callback"):
            return _future
        names = {name for name in dir(cls) if name in _MORE or not name.startswith(_HIDDEN)} - _OF_A_COROUTINE
        if hasattr(cls, "__await__") and not names:
            return _coroutine if issubclass(cls, Coroutine) else _Awaited
        if len(PLAIN) < _MOST:
            PLAIN.add(cls)
    return taken


# Who has one of these, or anything public that a coroutine has not, can be used in other ways than by awaiting it.
_OF_A_COROUTINE: Final = frozenset({"send", "throw", "close"})
_HIDDEN: Final = ("_", "cr_")
_MORE: Final = frozenset({"__aenter__", "__enter__", "__iter__", "__aiter__", "__getattr__"})


def _give(run: Run) -> Begin:
    def begin(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Run:
        return run

    return begin


def _named(followed: Any, after: Any) -> Any:
    for name in ("__name__", "__qualname__"):
        if hasattr(after, name):
            setattr(followed, name, getattr(after, name))
    return followed


def _coroutine(result: Any, run: Run) -> Any:
    return _named(coroutine(_give(run), lambda: result)(), result)


def _generator(result: Any, run: Run) -> Any:
    is_awaitable = bool(result.gi_code.co_flags & _ITERABLE_COROUTINE)
    return _named(generator(_give(run), lambda: result, is_awaitable=is_awaitable)(), result)


def _async_generator(result: Any, run: Run) -> Any:
    return _named(async_generator(_give(run), lambda: result)(), result)


def _context(result: Any, run: Run) -> Any:
    steps = result.gen
    result.gen = (_generator if inspect.isgenerator(steps) else _async_generator)(steps, run)
    return result


def _future(result: Any, run: Run) -> Any:
    def done(future: Any) -> None:
        if future.cancelled():
            run.end("cancelled")
            return
        # Asking a future of asyncio for its exception silences the warning that nobody ever asked.
        error = future._exception if hasattr(future, "_exception") else future.exception()  # noqa: SLF001
        if error is None:
            run.end("ok")
        else:
            run.failed(error)

    result.add_done_callback(done)
    return result


class _Awaited:
    """Awaits something, and ends its run when that has been done."""

    __slots__ = ("__weakref__", "_awaitable", "_run")

    def __init__(self, awaitable: Any, run: Run) -> None:
        self._awaitable = awaitable
        self._run = run

    def __await__(self) -> Generator[Any, Any, Any]:
        return generator(_give(self._run), self._awaitable.__await__)()


def _nothing() -> Generator[None]:
    yield


async def _nothing_later() -> AsyncGenerator[None]:
    yield


_ITERABLE_COROUTINE: Final = 0x100  # inspect.CO_ITERABLE_COROUTINE: what types.coroutine made of a generator function

_TAKERS: Final[dict[type, Callable[[Any, Run], Any]]] = {
    CoroutineType: _coroutine,
    GeneratorType: _generator,
    AsyncGeneratorType: _async_generator,
    type(contextlib.contextmanager(_nothing)()): _context,
    type(contextlib.asynccontextmanager(_nothing_later)()): _context,
}
