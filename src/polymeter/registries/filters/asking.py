"""How filters are asked, and which answers are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.data.definition import MetricDefinition
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.registries.filters.metric_id import MetricId
from polymeter.registries.filters.protocols import CanAcceptMetrics, CanConfigureMetrics, CanMapMetrics

if TYPE_CHECKING:
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["checked", "configured", "mapped", "verdict_of"]

_RESERVED: Final = "polymeter."
_KEPT_PARTS: Final = ("name", "kind", "unit", "domains")


def checked(given: MetricFilter) -> MetricFilter:
    """Give a filter as it is.

    :raises DefinitionError: for something that is none.
    """
    unknown: object = given
    if isinstance(unknown, type):
        message = f"{unknown.__name__} is a class: give one of its objects, {unknown.__name__}(...)"
        raise DefinitionError(message)
    if not isinstance(unknown, CanMapMetrics | CanAcceptMetrics | CanConfigureMetrics):
        message = f"{unknown!r} is no filter: it has to have map(metric), accept(metric) or configure(definition)"
        raise DefinitionError(message)
    return given


def mapped(asked: CanMapMetrics, metric: MetricId) -> MetricId:
    """Ask what a metric is to be kept as.

    :raises Exception: what the filter raises; of ours, for an answer that is none.
    """
    answer: Any = asked.map(metric)
    kind, name, tags = answer
    if kind is not metric.kind or not isinstance(name, str) or not name or name.startswith(_RESERVED):
        message = f"a filter cannot make {kind} {name!r} of {metric.kind} {metric.name!r}"
        raise DefinitionError(message)
    return MetricId(metric.kind, name, Tags.of(tags))


def verdict_of(asked: CanAcceptMetrics, metric: MetricId) -> bool | None:
    """Ask whether to keep a metric.

    :raises Exception: what the filter raises; of ours, for an answer that is none.
    """
    answer: Any = asked.accept(metric)
    if answer is None or isinstance(answer, bool):
        return answer
    message = f"a filter answers True, False or None, not a {type(answer).__name__}"
    raise DefinitionError(message)


def configured(asked: CanConfigureMetrics, definition: MetricDefinition) -> MetricDefinition:
    """Ask which definition holds.

    :raises Exception: what the filter raises; of ours, for an answer that is none.
    """
    answer: Any = asked.configure(definition)
    if not isinstance(answer, MetricDefinition) or any(
        getattr(answer, part) != getattr(definition, part) for part in _KEPT_PARTS
    ):
        message = "a filter cannot change the name, the kind, the unit or the domains of a definition"
        raise DefinitionError(message)
    return MetricDefinition.of(**{part: getattr(answer, part) for part in answer.__match_args__})  # checks them
