"""From an event to a value: field paths, checked against the event's class when a declaration is made."""

from __future__ import annotations

import difflib
import keyword
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from polymeter.errors import DefinitionError

__all__ = ["Getter", "Source", "check_source", "declared", "getter", "is_always_text", "is_flag"]

Getter: TypeAlias = Callable[[Any], Any]
"""Takes an event, gives a value; ``None`` means: there is none."""

Source: TypeAlias = "str | Getter"
"""A field path (``"usage.input_tokens"``) or a callable."""


def check_source(source: Source, event_type: type, what: str) -> None:
    """See that a field path leads somewhere.

    :param what: what is declared, for the error.
    :raises DefinitionError: if the class declares its fields and the path is not among them, or it is no path.
    """
    if callable(source):
        return
    if not _is_path(source):
        message = f"{what}: {source!r} is neither a field path nor a callable"
        raise DefinitionError(message)
    owner: Any = event_type
    for step in source.split("."):
        owner = _type_of(owner, step, source, event_type, what)


def _is_path(source: object) -> bool:
    return isinstance(source, str) and all(
        step.isidentifier() and not keyword.iskeyword(step) for step in source.split(".")
    )


def getter(source: Any) -> Getter:
    """Make a function of a path: a ``None`` on the way makes the whole ``None``. A callable is given back."""
    if callable(source):
        called: Getter = source
        return called
    steps = source.split(".")

    def walk(value: Any) -> Any:
        for step in steps:
            value = getattr(value, step)
            if value is None:
                return None
        return value

    return walk


def is_flag(event_type: type, source: object) -> bool:
    """Tell whether a source is a field or property that is declared as ``bool``."""
    return _annotation(event_type, source) is bool


def is_always_text(event_type: type, source: object) -> bool:
    """Tell whether a source is a field or property that is declared as ``str``, or as one of some texts."""
    hint = _annotation(event_type, source)
    return hint is str or (typing.get_origin(hint) is Literal and all(type(v) is str for v in typing.get_args(hint)))


def _annotation(event_type: type, source: object) -> Any:
    if not isinstance(source, str) or "." in source:
        return None
    declared = getattr(event_type, source, None)
    try:
        if isinstance(declared, property):
            return typing.get_type_hints(declared.fget).get("return")
        return typing.get_type_hints(event_type).get(source)
    except Exception:  # noqa: BLE001 - annotations may name what exists for type checkers only
        return None


def _type_of(owner: Any, step: str, path: str, event_type: type, what: str) -> Any:
    """Give the type of one step, or ``None`` where it cannot be known."""
    if owner is None:
        return None
    fields = declared(owner)
    if not fields:
        return None
    if step not in fields:
        near = difflib.get_close_matches(step, fields, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(sorted(fields))}"
        message = (
            f"{what}: {event_type.__qualname__} has no field {path!r} ({owner.__qualname__} has no {step!r}); {hint}"
        )
        raise DefinitionError(message)
    return fields[step]


def declared(owner: type) -> dict[str, type | None]:
    """Give the public fields and properties of a class with their types, as far as they can be told.

    None for a class that declares no field: what its ``__init__`` sets is not known before there is an instance.
    """
    bases = owner.__mro__[:-1]
    if not any(_slots(each) or vars(each).keys() & {"__annotations__", "_fields"} for each in bases):
        return {}
    fields: dict[str, type | None] = {}
    for each in reversed(bases):
        for name in (*vars(each), *_slots(each)):
            if not name.startswith("_"):
                fields[name] = None
    try:
        hints = typing.get_type_hints(owner)
    except Exception:  # noqa: BLE001 - annotations may name what exists for type checkers only
        hints = {}
        for each in owner.__mro__:
            fields.update(dict.fromkeys(vars(each).get("__annotations__", ())))
    fields.update({name: _plain(hint) for name, hint in hints.items()})
    return fields


def _slots(owner: type) -> tuple[str, ...]:
    slots = vars(owner).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _plain(hint: Any) -> type | None:
    """Give the class behind ``X``, ``X | None`` or ``Optional[X]``; ``None`` for anything else."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        hint = members[0] if len(members) == 1 else None
    # A plain class only: the fields of a builtin or a generic say nothing about what an event holds.
    if isinstance(hint, type) and hint.__module__ != "builtins" and not typing.get_args(hint):
        return hint
    return None
