"""Info and state-set metrics: gauges that say something in their tags.

The forms that Prometheus gives to the types *info* and *stateset* of OpenMetrics: an info is a gauge that is always 1
(``app_info{version="1.2"} 1``); a state set has a gauge for each state, and the one that holds is 1, the others 0.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError, InvalidTagsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polymeter.contracts import CanStoreMetrics
    from polymeter.data.tags import TagsLike

__all__ = ["STATE", "always", "always_one", "checked_states", "is_in", "set_info", "set_state"]

STATE: Final = "state"
"""The tag that names the state."""


def set_info(registry: CanStoreMetrics, name: str, tags: TagsLike) -> Any:
    """Say something in words, in ``tags``; gives the metric that was touched.

    What was said under other tags before stays, unless its definition lets it expire.
    """
    return registry.gauge(name, 1, tags)


def set_state(
    registry: CanStoreMetrics, name: str, state: object, states: Iterable[object], tags: TagsLike | None = None
) -> list[Any]:
    """Say which of ``states`` something is in; gives the metrics that were touched, in the order of ``states``.

    :param state: one of ``states``; for any other one all of them are 0.
    :param states: texts, or the members of an enum of texts, which may be given by its class.
    :raises DefinitionError: for states that are none.
    """
    known = checked_states(name, states)
    try:
        others = Tags.of(tags)
    except InvalidTagsError:  # the registry counts it
        return [registry.gauge(name, 0, tags)]
    now = _text_of(state)
    return [registry.gauge(name, int(each == now), others.with_(STATE, each)) for each in known]


def checked_states(name: str, states: Iterable[object]) -> tuple[str, ...]:
    """Give the states of a state set as texts.

    :raises DefinitionError: unless they are at least two texts that differ.
    """
    texts = () if isinstance(states, str) else tuple(_text_of(each) for each in states)
    if len(texts) < 2 or len(set(texts)) < len(texts) or not all(isinstance(each, str) and each for each in texts):  # noqa: PLR2004 - one state says nothing
        message = f"states of {name!r} are {states!r}: give two or more texts that differ, as in ('idle', 'running')"
        raise DefinitionError(message)
    return texts


def is_in(state: str, read: Callable[[Any], object]) -> Callable[[Any], int | None]:
    """Give what tells of an event whether it is in ``state``; ``None`` if it says no state."""

    def value(event: Any) -> int | None:
        found = read(event)
        return None if found is None else int(_text_of(found) == state)

    return value


def always(value: object) -> Callable[[Any], object]:
    """Give what reads ``value`` of every event."""

    def read(_: Any) -> object:
        return value

    return read


def always_one(_: Any) -> int:
    """Read 1 of every event."""
    return 1


def _text_of(state: Any) -> Any:
    return state.value if isinstance(state, Enum) else state
