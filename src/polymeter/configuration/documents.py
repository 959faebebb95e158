"""The file: where it is, and what it says."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from polymeter.configuration.shapes import is_table
from polymeter.errors import DefinitionError

__all__ = ["FILE", "PROJECT", "Document", "found", "read_document"]

FILE: Final = "polymeter.toml"
PROJECT: Final = "pyproject.toml"


class Document(NamedTuple):
    """What a configuration says.

    :ivar origin: the file, for messages.
    :ivar variables: those of the environment that say something too.
    """

    origin: str
    table: dict[str, Any]
    variables: tuple[str, ...] = ()


def found(folder: Path | None = None) -> Document | None:
    """Give the nearest configuration, from a folder (default: that of now) upwards; ``None`` if there is none.

    In one folder ``polymeter.toml`` comes before ``[tool.polymeter]`` of ``pyproject.toml``.

    :raises DefinitionError: for a file that cannot be read.
    """
    try:
        start = Path.cwd() if folder is None else folder.absolute()
    except OSError:  # it was deleted
        return None
    for each in (start, *start.parents):
        if os.path.isfile(each / FILE):  # noqa: PTH113 - Path.is_file raises where one may not look
            return read_document(each / FILE)
        ours = _ours(_parsed(each / PROJECT), each / PROJECT) if _names_us(each / PROJECT) else None
        if ours is not None:
            return ours
    return None


def _names_us(file: Path) -> bool:
    """Tell whether a file may say something about us; what is wrong with any other is none of our business."""
    try:
        return b"polymeter" in file.read_bytes()
    except OSError:
        return False


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a file: TOML, or JSON if it is called so.

    :raises DefinitionError: if it cannot be read, or is a ``pyproject.toml`` that says nothing about us.
    """
    file = Path(path)
    document = _parsed(file)
    if file.name != PROJECT:
        return Document(str(file), document)
    ours = _ours(document, file)
    if ours is None:
        message = f"{file} has no table [tool.polymeter]"
        raise DefinitionError(message)
    return ours


def _ours(document: dict[str, Any], file: Path) -> Document | None:
    tool: Any = document.get("tool")
    if not is_table(tool) or "polymeter" not in tool:
        return None
    ours = tool["polymeter"]
    if not is_table(ours):
        message = f"{file}: tool.polymeter: expected a table"
        raise DefinitionError(message)
    return Document(f"{file} [tool.polymeter]", ours)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        document: Any = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        problem = f"{file} cannot be read ({error.strerror or type(error).__name__})"
    except UnicodeDecodeError:
        problem = f"{file} is not UTF-8"
    except RecursionError:
        problem = f"{file} is nested too deeply"
    except ValueError as error:  # says where, and nothing of what stands there
        problem = f"{file} is not {'JSON' if file.suffix == '.json' else 'TOML'}: {_where(error)}"
    else:
        if is_table(document):
            return document
        problem = f"{file}: expected a table"
    raise DefinitionError(problem)  # not in there: an error of TOML may carry the whole text


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (at line {error.lineno}, column {error.colno})"
    return str(error)
