"""Functions in the place of methods, for a while."""

from __future__ import annotations

import inspect
import sys
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["Method", "Patches", "caller", "code_of", "codes_of"]

Method: TypeAlias = "Callable[..., Any]"


_HERE: Final = __name__.rpartition(".")[0]


class Patches:
    """Methods that have been replaced."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[type, str], object] = {}
        self._undo: list[Callable[[], None]] = []

    def wrap(self, cls: type, name: str, around: Callable[[Method], Method]) -> None:
        """Put ``around(method)`` in the place of a method, where it is defined; once, and only if there is one."""
        owner = next((each for each in cls.__mro__ if name in vars(each)), object)
        if owner is object:
            if name != "__init__":
                return
            owner = cls  # `object` itself cannot be changed
        method = getattr(owner, name)
        if not callable(method):
            return
        claim = object()
        if self._claimed.setdefault((owner, name), claim) is not claim:  # one call into C: of several threads one wins
            return
        before = vars(owner).get(name)
        setattr(owner, name, around(method))

        def undo() -> None:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._undo.append(undo)

    def undo(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()


def caller() -> FrameType:
    """Give the frame that called the function in which this is asked; what stands in for methods is passed over."""
    frame: FrameType = sys._getframe(2)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the cheapest way
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_HERE):
        frame = frame.f_back
    return frame


def code_of(function: Method) -> CodeType:
    """Give the code of what a function may be standing in for."""
    code: CodeType = inspect.unwrap(function).__code__
    return code


def codes_of(cls: type) -> frozenset[CodeType]:
    """Give the code of every method of a class and its bases, of the functions made in them too."""
    known = _CODES.get(cls)
    return known if known is not None else _CODES.setdefault(cls, frozenset(_codes_of(cls)))


_CODES: Final[WeakKeyDictionary[type, frozenset[CodeType]]] = WeakKeyDictionary()


def _codes_of(cls: type) -> Iterator[CodeType]:
    for each in cls.__mro__:
        for attribute in vars(each).values():
            function = getattr(attribute, "fget", None) or getattr(attribute, "__func__", attribute)
            if isinstance(function, FunctionType):
                yield from _nested(code_of(function))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
