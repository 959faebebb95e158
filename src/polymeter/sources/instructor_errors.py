"""What was wrong with an answer, in few words that say nothing about its content."""

from __future__ import annotations

from typing import Any, Final, cast

__all__ = ["errors_of", "name_of"]

_ANY: Final = "*"


def errors_of(error: BaseException, schema: object) -> list[tuple[str, str]]:
    """Give field and type of each thing that was wrong.

    A field is a path of names that ``schema`` has. Everything else in it comes from the answer (the index of a list,
    the key of a dictionary, a field that should not be there) or from the validator, and is a ``*``.

    :param error: of pydantic: one entry for each of its errors. Another one: its class, without a field.
    :param schema: what the answer has to fit.
    """
    if not hasattr(error, "errors") or not hasattr(error, "error_count"):
        return [("", type(error).__name__)]
    details: list[dict[str, Any]] = cast("Any", error).errors(
        include_url=False, include_context=False, include_input=False
    )
    known = _names_in(schema)
    found = [(".".join(_part(each, known) for each in detail["loc"]), str(detail["type"])) for detail in details]
    return list(dict.fromkeys(found))  # ten bad items of one list are one thing that is wrong


def name_of(schema: object) -> str:
    """Give the name of what an answer has to fit: ``User``, or ``list[User]``."""
    inner = getattr(schema, "__args__", ())
    name = getattr(schema, "__name__", None)
    if not inner:
        return name if isinstance(name, str) else type(schema).__name__
    return f"{name or 'Union'}[{', '.join(map(name_of, inner))}]"


def _part(part: object, known: set[str]) -> str:
    return part if isinstance(part, str) and part in known else _ANY


def _names_in(schema: object) -> set[str]:
    """Collect the names of all fields of a model, and of the models below it."""
    describe = getattr(schema, "model_json_schema", None)
    names: set[str] = set()
    if describe is None:
        for inner in getattr(schema, "__args__", ()):
            names |= _names_in(inner)
        return names
    left: list[object] = [describe(), describe(by_alias=False)]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            part = cast("dict[str, object]", each)
            properties = part.get("properties")
            if isinstance(properties, dict):
                names.update(cast("dict[str, object]", properties))
            left.extend(part.values())
        elif isinstance(each, list):
            left.extend(cast("list[object]", each))
    return names
