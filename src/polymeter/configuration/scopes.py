"""What the annotations of a module mean, those names included that it imports for type checkers only."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import importlib.util
import inspect
import sys
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Scope", "is_unknown"]


class _Unknown(type):
    """A name that means nothing here: a class, so that it may stand in a union, have parameters and attributes."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _unknown(name)

    def __getitem__(cls, _parameters: object) -> Any:
        return cls


def _unknown(name: str) -> Any:
    return _Unknown(name, (), {})


def is_unknown(hint: object) -> bool:
    """Tell whether a type is one that could not be found."""
    return isinstance(hint, _Unknown)


class Scope(dict[str, Any]):
    """The names of one module, each looked up when it is asked for; what cannot be found is an unknown type."""

    def __init__(self, module: str) -> None:
        """:param module: an imported one."""
        super().__init__()
        self._module = sys.modules.get(module)
        self._known: dict[str, Any] = dict(vars(self._module)) if self._module is not None else {}

    def meaning_of(self, annotation: object) -> Any:
        """Give the type that an annotation means here."""
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if not isinstance(annotation, str):
            return annotation
        try:
            # The text of an annotation is code of a module that was imported, as it would be without quotes.
            return self.meaning_of(eval(annotation, {}, self))  # noqa: S307
        except Exception:  # noqa: BLE001 - whatever it is, it cannot be said in a file
            return _unknown("unknown")

    def __missing__(self, name: str) -> Any:
        self[name] = _unknown(name)  # for an alias that comes back to itself
        self[name] = found = self._find(name)
        return found

    def _find(self, name: str) -> Any:
        if name not in self._known and name not in self._imported():
            return getattr(builtins, name, None) or getattr(typing, name, None) or _unknown(name)
        found = self._known[name] if name in self._known else self._from_elsewhere(name)
        if not isinstance(found, str):
            return found
        # An alias that was written as a text: it means something where it was written.
        module, _ = self._imported().get(name, (None, None))
        return (self if module is None else Scope(module)).meaning_of(found)

    def _from_elsewhere(self, name: str) -> Any:
        module, attribute = self._imported()[name]
        # What is for type checkers may be large, and need not be there: of other packages only what is loaded anyway.
        ours = "" if self._module is None else self._module.__name__.partition(".")[0]
        if module not in sys.modules and module.partition(".")[0] not in {*sys.stdlib_module_names, ours}:
            return _unknown(name)
        try:
            found = importlib.import_module(module)
            return found if attribute is None else getattr(found, attribute)
        except Exception:  # noqa: BLE001 - what is for type checkers need not be installed
            return _unknown(name)

    def _imported(self) -> Mapping[str, tuple[str, str | None]]:
        return {} if self._module is None else _imports_of(self._module.__name__)


@functools.cache
def _imports_of(name: str) -> Mapping[str, tuple[str, str | None]]:
    """Give the name of each import at the top of a module, with the module and the name it comes from."""
    module = sys.modules[name]
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):  # no source at hand
        return {}
    imports: dict[str, tuple[str, str | None]] = {}
    for node in _at_the_top(tree):
        imports.update(_names_in(node, getattr(module, "__package__", None)))
    return imports


def _at_the_top(tree: ast.Module) -> list[ast.stmt]:
    """Give the statements of a module, those under an ``if`` included."""
    found: list[ast.stmt] = []
    for node in tree.body:
        found += [*node.body, *node.orelse] if isinstance(node, ast.If) else [node]
    return found


def _names_in(node: ast.stmt, package: str | None) -> dict[str, tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: (
                alias.name if alias.asname else alias.name.partition(".")[0],
                None,
            )
            for alias in node.names
        }
    if not isinstance(node, ast.ImportFrom):
        return {}
    try:
        module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return {}
    return {alias.asname or alias.name: (module, alias.name) for alias in node.names}
