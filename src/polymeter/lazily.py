"""Public names of a package, each imported when it is first asked for (PEP 562).

Who needs one of them does not wait for the others, and importing the package itself costs next to nothing. For type
checkers the package imports the same names under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["lazily"]


def lazily(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Give the ``__getattr__`` and the ``__dir__`` of ``package``.

    :param names: module of the package -> the names to take from it, separated by spaces. The modules can be had too.
    """
    places = {name: module for module, of_module in names.items() for name in of_module.split()}

    def find(name: str) -> object:
        if name in places:
            value = getattr(import_module(f"{package}.{places[name]}"), name)
            setattr(sys.modules[package], name, value)  # from now on it is there
            return value
        if name in names:
            return import_module(f"{package}.{name}")
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places, *names})

    return find, listed
