"""FilterChain: all filters of a registry, and what they make of a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.data.kind import Kind
from polymeter.data.tags import Tags
from polymeter.data.units import unit_of
from polymeter.registries.filters.asking import checked, configured, mapped, verdict_of
from polymeter.registries.filters.from_context import ContextTags
from polymeter.registries.filters.metric_id import MetricId
from polymeter.registries.filters.plan import Plan, plan_of
from polymeter.registries.filters.protocols import CanAcceptMetrics, CanConfigureMetrics, CanMapMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.hop import Hop
    from polymeter.registries.filters.protocols import MetricFilter

__all__ = ["FilterChain"]

_MOST_PLANS: Final = 10_000


class FilterChain:
    """Filters in order, asked as Micrometer asks its own.

    First every ``map`` in order, each given what the one before it gave. Then ``accept``, until one of them says yes or
    no; if none does, the metric is kept. Then every ``configure``, for the definition of what is kept.

    A filter that raises, or gives what it must not, denies: what it was there to hide must not get through. It is
    counted. One that fails to ``configure`` is passed over.

    :ivar filters: the filters.
    """

    def __init__(
        self, filters: Iterable[MetricFilter] = (), failed: Callable[[object, Exception], object] | None = None
    ) -> None:
        """Join filters.

        :param failed: called with a filter and what it raised.
        :raises DefinitionError: for something that is no filter.
        """
        self.filters: tuple[MetricFilter, ...] = tuple(map(checked, filters))
        self._failed: Callable[[object, Exception], object] = failed or _nobody_counts
        self._maps = tuple(each for each in self.filters if isinstance(each, CanMapMetrics))
        self._accepts = tuple(each for each in self.filters if isinstance(each, CanAcceptMetrics))
        self._configures = tuple(each for each in self.filters if isinstance(each, CanConfigureMetrics))
        self._plans: dict[tuple[Kind, str, frozenset[str]], Plan] = {}

    # -- what becomes of a metric

    def resolve(self, kind: Kind, name: str, tags: Tags, context: Mapping[str, Any]) -> MetricId | None:
        """Give what a metric is kept as, ``None`` for not at all.

        :param context: the tags of the context that it was recorded in.
        :raises InvalidTagsError: for a tag of the context that none can be.
        """
        metric = MetricId(kind, name, tags)
        for each in self._maps:
            if isinstance(each, ContextTags):
                metric = each.added(metric, context)
                continue
            try:
                metric = mapped(each, metric)
            except Exception as error:  # noqa: BLE001 - it may be of the user's own make
                self._failed(each, error)
                return None
        for asked in self._accepts:
            try:
                verdict = verdict_of(asked, metric)
            except Exception as error:  # noqa: BLE001 - as above
                self._failed(asked, error)
                return None
            if verdict is not None:
                return metric if verdict else None
        return metric

    def moved(self, said: MetricDefinition, name: str) -> MetricDefinition:
        """Give the definition of ``name``, of what was said of the name that it is recorded under.

        It has no domains: what they become is for :meth:`resolve` to say, one by one.
        """
        unit = said.unit
        if unit is None and unit_of(name, is_timer=said.kind is Kind.TIMER) != said.resolved_unit:
            unit = said.resolved_unit.symbol  # numbers stay what they are, whatever the new name says
        definition = said.replaced(name=name, unit=unit, domains=None)
        for each in self._configures:
            try:
                definition = configured(each, definition)
            except Exception as error:  # noqa: BLE001 - as above
                self._failed(each, error)
        return definition

    def plan(self, kind: Kind, name: str, names: Iterable[str]) -> Plan:
        """Give which values matter for metrics that are recorded with tags of these names."""
        key = (kind, name, frozenset(names))
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[key] = plan_of(self._maps, self._accepts, kind, name, key[2])
        return plan

    def takes_context(self, kind: Kind, name: str, tags: object) -> bool:
        """Tell whether the context of a record may decide which series it goes to; of what are no tags it does not."""
        if not any(isinstance(each, ContextTags) for each in self._maps):
            return False
        try:
            names: Any = tags or ()
            return bool(self.plan(kind, name, names).context)
        except Exception:  # noqa: BLE001 - a name or tags that are none: refused where they are looked up
            return False

    def trace(
        self, kind: Kind | str, name: str, tags: TagsLike | None = None, context: TagsLike | None = None
    ) -> list[Hop]:
        """Tell what each filter does with a metric, in the order in which they are asked; nothing is counted.

        Filters that are not asked, because one before them has decided, are left out. What ``configure`` is shown is
        the definition of a metric of which nothing was said.

        :param context: tags as ``context_tags`` would give; default: none.
        :raises ValueError: for a kind that does not exist.
        :raises InvalidTagsError: for tags that are none.
        """
        from polymeter.registries.filters.tracing import traced

        metric = MetricId(Kind(kind), name, Tags.of(tags))
        return traced(self._maps, self._accepts, self._configures, metric, dict(Tags.of(context).canonical))

    def __len__(self) -> int:
        return len(self.filters)

    def __repr__(self) -> str:
        return f"FilterChain({list(self.filters)!r})"


def _nobody_counts(_failing: object, _error: Exception) -> None:
    """Do nothing."""
