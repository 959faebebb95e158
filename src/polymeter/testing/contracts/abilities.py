"""Tests of a contract that apply only to implementations with an ability, or only to those without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["leave_out_what_does_not_apply", "only_if"]

TestT = TypeVar("TestT")

_WANTED: Final = "__polymeter_only_if__"


def only_if(**abilities: bool) -> Callable[[TestT], TestT]:
    """Have a test, or all tests of a class, apply only to implementations that declare these abilities just so."""

    def mark(test: TestT) -> TestT:
        marked = vars(test).values() if isinstance(test, type) else (test,)
        for each in marked:
            if callable(each) and not isinstance(each, type):
                setattr(each, _WANTED, {**abilities, **getattr(each, _WANTED, {})})
        return test

    return mark


def leave_out_what_does_not_apply(cls: type) -> None:
    """Keep pytest from collecting those tests of ``cls`` that its abilities (class attributes) do not ask for."""
    for name in dir(cls):
        if name.startswith("test"):
            test = _defined(cls, name)
            wanted: dict[str, bool] = getattr(test, _WANTED, {})
            applies = all(bool(getattr(cls, ability)) is value for ability, value in wanted.items())
            if (getattr(cls, name) is not None) is not applies:
                setattr(cls, name, test if applies else None)


def _defined(cls: type, name: str) -> Any:
    """Give a test as it was written, though a base may have left it out."""
    return next((vars(each)[name] for each in cls.__mro__ if vars(each).get(name) is not None), None)
