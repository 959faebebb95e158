"""MetricOptions: what an operator says about metrics, over what the code says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from polymeter.data.definition import Combine, MetricDefinition
from polymeter.data.kind import Kind
from polymeter.errors import DefinitionError
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MaximumSeries", "MetricOptions"]

_OF_DISTRIBUTIONS: Final = frozenset({Combine.SUM, Combine.PER_PROCESS})


class MetricOptions(Filter):
    """Overrules options of metrics: ``MetricOptions("http.*", buckets=(5, 50, 500), expire_after=3600)``.

    What is not given stays as the code has it; of several, the last one that says something counts. What a metric
    cannot have, such as buckets of a counter, is passed over. The unit is not among the options: it says how values
    come in, and that only the code knows.
    """

    __slots__ = __match_args__ = ("metrics", "help", "combine", "buckets", "expire_after", "budget", "keep")

    help: str | None
    combine: Combine | None
    buckets: tuple[float, ...] | None
    expire_after: float | None
    budget: int | None
    keep: bool | None

    def __init__(
        self,
        *metrics: str,
        help: str | None = None,
        combine: Combine | str | None = None,
        buckets: Iterable[float] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> None:
        """Make one; the options are those of ``define``.

        :param metrics: names or patterns of the metrics that it is for.
        :param combine: how several processes become one: ``sum``, ``max``, ``min``, ``latest``, ``per_process``.
        :param buckets: bounds to count exactly, in the metric's unit; histograms and timers only.
        :param expire_after: seconds without a record after which a series ends.
        :param budget: how many series the metric may have.
        :param keep: whether what a process said still holds when it has ended.
        :raises DefinitionError: for what is no pattern, for an option that cannot be, and if no option is given.
        """
        whose = type(self).__name__
        try:
            checked = MetricDefinition.of(
                "any",
                Kind.HISTOGRAM,
                help=help,
                buckets=buckets,
                expire_after=expire_after,
                budget=budget,
                keep=keep,
            )
            rule = MetricDefinition.of("any", Kind.GAUGE, combine=combine).combine
        except DefinitionError as error:
            message = f"{whose}({', '.join(map(repr, metrics))}): {error}"
            raise DefinitionError(message) from None
        said = {part: getattr(checked, part) for part in ("help", "buckets", "expire_after", "budget", "keep")}
        said["combine"] = rule
        if all(value is None for value in said.values()):
            message = f"{whose}({', '.join(map(repr, metrics))}) says nothing: give {', '.join(sorted(said))}"
            raise DefinitionError(message)
        self._set(metrics, **said)

    def configure(self, definition: MetricDefinition, /) -> MetricDefinition:
        """Overrule what the definition says."""
        if not self.metrics.match(definition.name):
            return definition
        said: dict[str, Any] = {part: getattr(self, part) for part in self.__match_args__[1:]}
        if not definition.kind.is_distribution:
            said["buckets"] = None
        elif self.combine not in _OF_DISTRIBUTIONS:
            said["combine"] = None
        said = {part: value for part, value in said.items() if value is not None}
        return definition.replaced(**said) if said else definition

    def __repr__(self) -> str:
        said = {part: getattr(self, part) for part in self.__match_args__[1:]}
        options = "".join(
            f", {part}={getattr(value, 'value', value)!r}" for part, value in said.items() if value is not None
        )
        return f"MetricOptions({self.metrics!r}{options})"


class MaximumSeries(Filter):
    """Bounds the series of each metric: ``MaximumSeries(100, metrics="http.*")``.

    Beyond the bound, new values of the tag that explodes are counted under ``__other__``: nothing is lost.
    """

    __slots__ = ("limit",)
    __match_args__ = ("limit", "metrics")

    limit: int

    def __init__(self, limit: int, *, metrics: str | Iterable[str] = "*") -> None:
        """Make one.

        :param limit: how many series each of the metrics may have (>= 1).
        :param metrics: names or patterns of the metrics that it is for.
        :raises DefinitionError: for what is no pattern, or less than 1.
        """
        given: Any = limit
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            message = f"MaximumSeries({limit!r}): give a whole number of 1 or more"
            raise DefinitionError(message)
        self._set(Patterns.of_metrics(metrics, "MaximumSeries"), limit=limit)

    def configure(self, definition: MetricDefinition, /) -> MetricDefinition:
        """Set the budget."""
        return definition.replaced(budget=self.limit) if self.metrics.match(definition.name) else definition

    def __repr__(self) -> str:
        return f"MaximumSeries({self.limit!r}{self._for()})"
