"""The two shapes that hold values, for type checkers too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

__all__ = ["is_list", "is_mapping", "is_series", "is_table"]


def is_table(value: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether a value is a table as TOML has it."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a value is a list as TOML has it."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Tell whether a value is any mapping."""
    return isinstance(value, Mapping)


def is_series(value: object) -> TypeGuard[list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]]:
    """Tell whether a value is any collection of values."""
    return isinstance(value, list | tuple | set | frozenset)
