"""What each filter does with one metric, told hop by hop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.data.definition import MetricDefinition
from polymeter.registries.filters.asking import configured, mapped, verdict_of
from polymeter.registries.filters.from_context import ContextTags
from polymeter.registries.filters.hop import Hop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from polymeter.registries.filters.metric_id import MetricId
    from polymeter.registries.filters.protocols import CanAcceptMetrics, CanConfigureMetrics, CanMapMetrics

__all__ = ["traced"]


def traced(
    maps: Iterable[CanMapMetrics],
    accepts: Iterable[CanAcceptMetrics],
    configures: Iterable[CanConfigureMetrics],
    metric: MetricId,
    context: Mapping[str, Any],
) -> list[Hop]:
    """Send a metric through filters; see ``FilterChain.trace``."""
    hops = list(_maps(maps, metric, context))
    if hops and hops[-1].is_denial:
        return hops
    after: Any = hops[-1].after if hops else metric
    hops += _accepts(accepts, after)
    if hops and hops[-1].is_denial:
        return hops
    return [*hops, *_configures(configures, MetricDefinition(after.name, after.kind))]


def _maps(maps: Iterable[CanMapMetrics], metric: MetricId, context: Mapping[str, Any]) -> Iterator[Hop]:
    for each in maps:
        try:
            after = each.added(metric, context) if isinstance(each, ContextTags) else mapped(each, metric)
        except Exception as error:  # noqa: BLE001 - it may be of the user's own make
            yield Hop(each, "map", metric, None, type(error).__qualname__)
            return
        yield Hop(each, "map", metric, after)
        metric = after


def _accepts(accepts: Iterable[CanAcceptMetrics], metric: MetricId) -> Iterator[Hop]:
    for each in accepts:
        try:
            verdict = verdict_of(each, metric)
        except Exception as error:  # noqa: BLE001 - as above
            yield Hop(each, "accept", metric, after=False, error=type(error).__qualname__)
            return
        yield Hop(each, "accept", metric, verdict)
        if verdict is not None:
            return


def _configures(configures: Iterable[CanConfigureMetrics], definition: MetricDefinition) -> Iterator[Hop]:
    for each in configures:
        try:
            after = configured(each, definition)
        except Exception as error:  # noqa: BLE001 - as above
            yield Hop(each, "configure", definition, definition, type(error).__qualname__)
        else:
            yield Hop(each, "configure", definition, after)
            definition = after
