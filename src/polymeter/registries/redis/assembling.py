"""Assembling: what Redis said last, what it has taken since, and what waits here, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from polymeter.data.counter import UpDownCounter
from polymeter.data.definition import MetricDefinition
from polymeter.data.fold import combined
from polymeter.data.gauge import Gauge
from polymeter.data.histogram import Histogram, Timer
from polymeter.errors import InvalidMetricError
from polymeter.registries.base import RESERVED
from polymeter.registries.redis.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from polymeter.data.metric import Metric, MetricKey
    from polymeter.data.tags import Tags
    from polymeter.registries.redis.own import Recording, Untold
    from polymeter.registries.redis.wire import Identity

_Key = TypeVar("_Key")

__all__ = ["Shown", "assembled", "never_less"]


class Shown:
    """What a read gives.

    :ivar metrics: every series.
    :ivar selves: the ``polymeter.*`` metrics that all processes add to.
    :ivar ended: what series had counted that are no more.
    :ivar definitions: name -> definition.
    """

    __slots__ = ("definitions", "ended", "metrics", "selves")

    def __init__(
        self,
        metrics: Iterable[Metric] = (),
        selves: Iterable[Metric] = (),
        ended: Iterable[Metric] = (),
        definitions: Mapping[str, MetricDefinition] | None = None,
    ) -> None:
        self.metrics = list(metrics)
        self.selves = list(selves)
        self.ended = list(ended)
        self.definitions = definitions or {}


def assembled(
    view: View | None,
    untold: Untold,
    own: Recording,
    definitions: Mapping[str, MetricDefinition],
) -> Shown:
    """Put it together, in a drain's turn.

    :param view: what Redis said last; ``None``: nothing yet, and this process stands for all.
    """
    now = own.now()
    if view is None:
        return Shown([series.frozen(now) for series in own.series()], own.self_metrics(), own.ended(), definitions)
    added, selves = view.added.copy(), view.selves.copy()
    for identity, change in untold.unseen():
        target = selves if change.name.startswith(RESERVED) else added
        target[identity] = _with(target.get(identity), identity, change, definitions)
    metrics: dict[MetricKey, Metric] = {}
    for identity, metric in added.items():
        tags = untold.tags_of(identity)
        stamped = _stamped(metric, now, tags)
        if tags is not None or stamped.key not in metrics:  # of two units, ours
            metrics[stamped.key] = stamped
    for metric in _of_each(view, untold, own.writer, definitions):
        metrics.setdefault(metric.key, _stamped(metric, now, None))
    return Shown(metrics.values(), [_stamped(each, now, None) for each in selves.values()], view.ended, definitions)


def _with(
    known: Metric | None, identity: Identity, change: Metric, definitions: Mapping[str, MetricDefinition]
) -> Metric:
    """Give a metric with a change that Redis has not shown yet."""
    if isinstance(change, UpDownCounter) and identity.startswith('["gauge"'):
        level = change.value if known is None else known.value + change.value
        return Gauge(change.name, level, change.tags, start=change.start, timestamp=change.timestamp, unit=change.unit)
    if known is None:
        return change
    if isinstance(change, Gauge):
        definition = definitions.get(change.name) or MetricDefinition(change.name, change.kind)
        return combined(definition, [("", known), ("mine", change)])[0]
    try:
        return known.merge(change)
    except InvalidMetricError:  # somebody has changed what is there by hand
        return known


def _of_each(view: View, untold: Untold, writer: str, definitions: Mapping[str, MetricDefinition]) -> Iterator[Metric]:
    """Give what writers say for themselves, combined."""
    by_identity: dict[Identity, list[tuple[str, Metric]]] = {}
    for name, says in sorted({**view.live, writer: untold.own_live}.items()):
        for identity, metric in says.items():
            by_identity.setdefault(identity, []).append((name, metric))
    for candidates in by_identity.values():
        first = candidates[-1][1]
        definition = definitions.get(first.name)
        if definition is None or definition.kind is not first.kind:
            definition = MetricDefinition(first.name, first.kind)
        yield from combined(definition, candidates)


def _stamped(metric: Metric, now: float, tags: Tags | None) -> Metric:
    """Give a metric as gathered until now; a gauge says when it was read."""
    tags = metric.tags if tags is None else tags
    if isinstance(metric, Gauge):
        return metric if tags is metric.tags else metric.retagged(tags)
    held: Any = metric.distribution if isinstance(metric, Histogram | Timer) else getattr(metric, "total", None)
    made: Any = type(metric)
    stamped: Metric = made(
        metric.name, held, tags, start=metric.start, timestamp=now, unit=metric.unit, exemplars=metric.exemplars
    )
    return stamped


def never_less(before: View, after: View) -> View:
    """Give what there is now or, series by series where that is less, what there was before Redis lost it."""
    view = View()
    view.life, view.epoch, view.ends = after.life, after.epoch, after.ends
    view.definitions = {**before.definitions, **after.definitions}
    view.live = after.live
    view.added = _larger(before.added, after.added)
    view.selves = _larger(before.selves, after.selves)
    ends = _larger({each.key: each for each in before.ended}, {each.key: each for each in after.ended})
    view.ended = list(ends.values())
    return view


def _larger(before: Mapping[_Key, Metric], after: Mapping[_Key, Metric]) -> dict[_Key, Metric]:
    larger = dict(after)
    for key, metric in before.items():
        if key not in larger or _amount(larger[key]) < _amount(metric):
            larger[key] = metric
    return larger


def _amount(metric: Metric) -> float:
    return metric.count if isinstance(metric, Histogram | Timer) else metric.value
