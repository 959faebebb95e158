"""What ``package.module:name`` names."""

from __future__ import annotations

import importlib
import re
import traceback
from typing import Any, Final

from polymeter.configuration.problems import near
from polymeter.errors import DefinitionError

__all__ = ["is_address", "loaded"]

_ADDRESS: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_address(text: str) -> bool:
    """Tell whether a text has the form ``package.module:name``."""
    return _ADDRESS.fullmatch(text) is not None


def loaded(address: str) -> Any:
    """Import what ``package.module:name`` names.

    :raises DefinitionError: for an address that is none, a module that cannot be imported, a name that it lacks.
    """
    if not is_address(address):
        message = f"{address!r} is no address: write it as 'package.module:name'"
        raise DefinitionError(message)
    module, _, name = address.partition(":")
    found = _imported(module)
    where = f"module {module!r}"
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each in dir(found) if not each.startswith("_")]
            message = f"{where} has no {part!r}{near(part, names)}"
            raise DefinitionError(message)
        found = getattr(found, part)
        where = f"{address.partition(':')[0]}:{part}"
    return found


def _imported(module: str) -> Any:
    problem: str
    try:
        return importlib.import_module(module)
    except ImportError as error:
        problem = f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - importing is running somebody's code
        last = traceback.extract_tb(error.__traceback__)[-1]
        # Not what it says: that may quote an address or a key.
        problem = f"{type(error).__name__} at {last.filename}:{last.lineno}"
    message = f"module {module!r} cannot be imported ({problem})"
    raise DefinitionError(message)
