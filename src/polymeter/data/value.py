"""Value and Immutable: what a frozen dataclass gives.

Plain classes, because ``import polymeter`` makes them, and ``dataclasses`` alone takes longer to import than all of
``polymeter.data``.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self

__all__ = ["Immutable", "Value", "unsealed"]


class Value:
    """Something that is nothing but its parts: equal to another of its class with equal parts.

    The parts are the slots, named in ``__match_args__`` in the order in which they are shown.
    """

    __slots__ = ()

    __match_args__: ClassVar[tuple[str, ...]] = ()

    def replaced(self, **parts: Any) -> Self:
        """Give the same with some parts replaced."""
        return type(self)(**{**dict(zip(self.__match_args__, self._parts(), strict=True)), **parts})

    def _parts(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if self is other:  # as nearly always with units
            return True
        if not isinstance(other, Value) or type(other) is not type(self):
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __repr__(self) -> str:
        parts = zip(self.__match_args__, self._parts(), strict=True)
        return f"{type(self).__qualname__}({', '.join(f'{name}={part!r}' for name, part in parts)})"


class Immutable:
    """Something that stays as it was made. Its ``__init__`` sets the slots, by ``object.__setattr__``."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"a {type(self).__name__} is immutable: {name!r} cannot be set"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> NoReturn:
        message = f"a {type(self).__name__} is immutable: {name!r} cannot be deleted"
        raise AttributeError(message)

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        # Unpickling and copying would use __setattr__, which refuses.
        for name, value in state[1].items():
            object.__setattr__(self, name, value)


def unsealed(sealed: type[Immutable]) -> Any:
    """Give a class like an immutable one, but that its slots can be set; what is made of it gets ``sealed`` as class.

    To set slots by ``object.__setattr__`` takes five times as long, and a snapshot makes an object for each series.
    """
    as_usual = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    make: Any = type(sealed)  # its metaclass
    return make(sealed.__name__, (sealed,), as_usual)
