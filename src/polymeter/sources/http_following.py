"""Hear what happens to an answer from the object that the caller has, without standing in its place.

The object gets a class derived from its own, with some methods that also tell; when its run has ended it gets its own
class back. So it stays the object that it is, also for ``isinstance``; nothing more refers to it, so it is freed, and
its connection with it, the moment the caller drops it; and it goes on telling when the library is not patched any more.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.http_run import HttpRun

__all__ = ["NOTE", "Overrides", "follow", "leave", "run_of"]

Overrides: TypeAlias = "tuple[tuple[str, Callable[[type, str], Callable[..., Any]]], ...]"
"""Name of a method, and what makes the one to take its place, from the class that has it and the name."""

NOTE: Final = "_polymeter_"
"""What the name of each attribute begins with that is put on an answer until its end."""

_RUN: Final = f"{NOTE}run"


def follow(answer: Any, run: HttpRun, overrides: Overrides) -> bool:
    """Have the methods of ``answer`` tell ``run``.

    :return: whether that can be done.
    """
    try:
        notes = answer.__dict__
        answer.__class__ = _derived(cast("Any", type(answer)), overrides)
    except (AttributeError, TypeError):  # a class of somebody's own, made in another way
        return False
    notes[_RUN] = run
    return True


def run_of(answer: Any) -> HttpRun | None:
    """Give the run that ``answer`` tells, as long as it does."""
    run: HttpRun | None = answer.__dict__.get(_RUN)
    return run


def leave(answer: Any) -> None:
    """Give ``answer`` its own class back, and take away what was noted on it."""
    notes: dict[str, Any] = answer.__dict__
    if notes.pop(_RUN, None) is not None:
        for name in [name for name in notes if name.startswith(NOTE)]:
            del notes[name]
        answer.__class__ = type(answer).__base__


@functools.lru_cache(maxsize=32)
def _derived(cls: type, overrides: Overrides) -> type:
    names: dict[str, Any] = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    for name, make in overrides:
        if hasattr(cls, name):
            names[name] = functools.wraps(getattr(cls, name))(make(cls, name))
    return type(cls)(cls.__name__, (cls,), names)
