"""What can be watched: a facade, a registry or a dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.contracts import CanStoreMetrics
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["parts_of"]


def parts_of(thing: object) -> tuple[CanStoreMetrics | None, CanDispatchEvents | None]:
    """Give the registry and the dispatcher of a facade, or the one that ``thing`` is.

    :raises DefinitionError: if it is none of them.
    """
    if not isinstance(thing, type):
        found: Any = thing
        registry = getattr(found, "registry", None)
        if isinstance(registry, CanStoreMetrics):
            return registry, getattr(found, "events", None)
        if isinstance(thing, CanStoreMetrics):
            return thing, None
        if hasattr(found, "dispatch") and hasattr(found, "add_listener"):
            return None, found
    message = f"{thing!r} is no Metrics, no registry and no dispatcher: there is nothing to watch"
    raise DefinitionError(message)
