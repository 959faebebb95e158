"""Classes: those that are context managers are timed by the block, others by the method."""

from __future__ import annotations

import functools
import weakref
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

from polymeter.errors import DefinitionError
from polymeter.timing.blocks import Blocks
from polymeter.timing.naming import name_of

if TYPE_CHECKING:
    from polymeter.timing.runs import Run

__all__ = ["decorated_class"]

_METHODS: Final[tuple[type, ...]] = (FunctionType, staticmethod, classmethod)
_PAIRS: Final = (("__enter__", "__exit__"), ("__aenter__", "__aexit__"))


class _Decorates(Protocol):
    word: ClassVar[str]
    suffix: ClassVar[str]
    name: str | None

    def named(self, name: str, /) -> Self: ...
    def tagged(self, key: str, value: str, /) -> Self: ...
    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Run | None: ...
    def __call__(self, function: Any, /) -> Any: ...


def decorated_class(cls: type, instrument: _Decorates) -> None:
    """Change ``cls``.

    A class that is a context manager, plain or async, has its blocks timed: from before ``__enter__`` to after
    ``__exit__``. Of another one each public method that its body defines is timed, and ``__call__``: by its own name
    or, where a name was given, under that with the tag ``method``.

    :raises DefinitionError: if there is nothing to time.
    """
    own = vars(cls)
    pairs = [pair for pair in _PAIRS if hasattr(cls, pair[0]) and hasattr(cls, pair[1])]
    if pairs:
        blocks, named = Blocks(), instrument.named(name_of(cls) + instrument.suffix)
        for enter, leave in pairs:
            before = getattr(cls, enter), getattr(cls, leave)  # may be inherited
            around = (_by_awaiting if enter == "__aenter__" else _plainly)(*before, blocks, named)
            for name, function, inner in zip((enter, leave), around, before, strict=True):
                setattr(cls, name, functools.update_wrapper(function, inner))
        return
    methods: dict[str, object] = {
        name: each
        for name, each in own.items()
        if isinstance(each, _METHODS) and (name[0] != "_" or name == "__call__")
    }
    if not methods:
        message = (
            f"{instrument.word} finds nothing in {cls.__qualname__}: it has no public method and is no context manager"
        )
        raise DefinitionError(message)
    for name, method in methods.items():
        own_tag = instrument if instrument.name is None else instrument.tagged("method", name)
        setattr(cls, name, own_tag(method))


def _guarded(instance: object, run: Run | None) -> None:
    """End ``run`` when ``instance`` is dropped inside its block."""
    if run is not None:
        try:
            weakref.finalize(instance, run.end, "abandoned").atexit = False
        except TypeError:  # one with slots may have no place for that
            return


def _plainly(enter: Any, leave: Any, blocks: Blocks, instrument: _Decorates) -> tuple[Any, Any]:
    def timed_enter(self: Any) -> Any:
        run = instrument.begin((self,), {})
        try:
            entered = enter(self)
        except BaseException as error:
            if run is not None:
                run.failed(error)
            raise
        blocks.enter(run, id(self))
        _guarded(self, run)
        return entered

    def timed_leave(self: Any, exc_type: Any, exc: Any, traceback: Any) -> Any:
        run = blocks.pop(id(self))
        try:
            is_swallowed = leave(self, exc_type, exc, traceback)
        except BaseException as error:
            if run is not None:
                run.failed(error)
            raise
        _left(run, exc, is_swallowed)
        return is_swallowed

    return timed_enter, timed_leave


def _by_awaiting(enter: Any, leave: Any, blocks: Blocks, instrument: _Decorates) -> tuple[Any, Any]:
    async def timed_enter(self: Any) -> Any:
        run = instrument.begin((self,), {})
        try:
            entered = await enter(self)
        except BaseException as error:
            if run is not None:
                run.failed(error)
            raise
        blocks.enter(run, id(self))
        _guarded(self, run)
        return entered

    async def timed_leave(self: Any, exc_type: Any, exc: Any, traceback: Any) -> Any:
        run = blocks.pop(id(self))
        try:
            is_swallowed = await leave(self, exc_type, exc, traceback)
        except BaseException as error:
            if run is not None:
                run.failed(error)
            raise
        _left(run, exc, is_swallowed)
        return is_swallowed

    return timed_enter, timed_leave


def _left(run: Run | None, error: BaseException | None, is_swallowed: object) -> None:
    if run is None:
        return
    if error is None or is_swallowed:
        run.end("ok")
    else:
        run.failed(error)
