"""Values that stand elsewhere: ``{ env = "NAME" }`` and ``{ file = "/run/secrets/x" }``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from polymeter.configuration.said import Said
from polymeter.configuration.shapes import is_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.configuration.problems import Place

__all__ = ["followed", "is_reference"]

_LARGEST: Final = 64 * 1024
"""Bytes that a file with one value may have."""


def is_reference(value: object) -> TypeGuard[dict[str, str]]:
    """Tell whether a value stands elsewhere."""
    if not is_table(value):
        return False
    return len(value) == 1 and value.keys() <= {"env", "file"} and all(isinstance(each, str) for each in value.values())


def followed(value: Any, place: Place, environ: Mapping[str, str]) -> Any:
    """Give what a value stands for; any other value as it is, and ``None`` with a problem if there is nothing."""
    if not is_reference(value):
        return value
    ((way, name),) = value.items()
    if way == "env":
        text = environ.get(name)
        if text is None:
            place.problem(f"the variable {name} is not set")
            return None
        return Said.by(text, f"the variable {name}", is_reference=True)
    try:
        text = _content(Path(os.path.expanduser(name)))  # noqa: PTH111 - Path.expanduser raises without a home
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text of at most 64 KiB"
        place.problem(f"the file {name} cannot be read ({why})")
        return None
    return Said.by(text, f"the file {name}", is_reference=True)


def _content(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError
    return content.decode("utf-8").rstrip("\r\n")
