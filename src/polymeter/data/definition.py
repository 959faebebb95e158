"""MetricDefinition: what a name means, declared once."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self, TypeVar

from polymeter.data.distribution import checked_bounds
from polymeter.data.kind import Kind
from polymeter.data.metric import checked_name
from polymeter.data.tags import Tags, TagValue
from polymeter.data.units import Unit, unit_of
from polymeter.data.value import Immutable, Value
from polymeter.errors import DefinitionConflictError, DefinitionError, InvalidMetricError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Combine", "MetricDefinition"]


class Combine(StrEnum):
    """How the series of several writers (processes, hosts) become one."""

    SUM = "sum"
    """Add the numbers, merge the distributions."""
    MAX = "max"
    """Keep the largest."""
    MIN = "min"
    """Keep the smallest."""
    LATEST = "latest"
    """Keep the one with the latest timestamp, of equals that of the last writer id."""
    PER_PROCESS = "per_process"
    """Keep them apart, each with a ``writer`` tag."""


_DEFAULTS: Final = {kind: Combine.LATEST if kind is Kind.GAUGE else Combine.SUM for kind in Kind}
_Choice = TypeVar("_Choice", bound=StrEnum)
_FOR_DISTRIBUTIONS: Final = frozenset({Combine.SUM, Combine.PER_PROCESS})


class MetricDefinition(Value, Immutable):
    """What is known about a metric's name before anything is recorded. ``None`` means: not said.

    :ivar name: the metric's name.
    :ivar kind: its kind.
    :ivar unit: how values come in and read out: ``ms``, ``s``, ``bytes``, ``tokens``, ...; default: the name's suffix.
    :ivar help: one sentence for humans.
    :ivar combine: how several writers become one; default: gauges the latest, everything else the sum.
    :ivar buckets: explicit bounds counted exactly beside the exponential buckets, in ``unit``.
    :ivar domains: tag name -> every value it can have; every combination exists from the start, at zero.
    :ivar expire_after: seconds without a record after which a series ends; default: the registry's.
    :ivar budget: series that the metric may have; default: the registry's.
    :ivar keep: whether what a process said still holds when it has ended; default: counts do, levels (up-down counters
        and gauges) do not.
    """

    __slots__ = __match_args__ = (
        "name",
        "kind",
        "unit",
        "help",
        "combine",
        "buckets",
        "domains",
        "expire_after",
        "budget",
        "keep",
    )

    name: str
    kind: Kind
    unit: str | None
    help: str | None
    combine: Combine | None
    buckets: tuple[float, ...] | None
    domains: Mapping[str, tuple[TagValue, ...]] | None
    expire_after: float | None
    budget: int | None
    keep: bool | None

    def __init__(
        self,
        name: str,
        kind: Kind,
        *,
        unit: str | None = None,
        help: str | None = None,
        combine: Combine | None = None,
        buckets: tuple[float, ...] | None = None,
        domains: Mapping[str, tuple[TagValue, ...]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "name", name)
        put(self, "kind", kind)
        put(self, "unit", unit)
        put(self, "help", help)
        put(self, "combine", combine)
        put(self, "buckets", buckets)
        put(self, "domains", domains)
        put(self, "expire_after", expire_after)
        put(self, "budget", budget)
        put(self, "keep", keep)

    @classmethod
    def of(
        cls,
        name: str,
        kind: Kind | str,
        *,
        unit: str | None = None,
        help: str | None = None,
        combine: Combine | str | None = None,
        buckets: Iterable[float] | None = None,
        domains: Mapping[str, Iterable[TagValue]] | None = None,
        expire_after: float | None = None,
        budget: int | None = None,
        keep: bool | None = None,
    ) -> MetricDefinition:
        """Check and make a definition.

        :raises DefinitionError: naming the part that cannot work and what would.
        """
        try:
            checked_name(name)
            kind = _choice(Kind, kind, "kind", name)
            rule = None if combine is None else _choice(Combine, combine, "combine rule", name)
            bounds = None if buckets is None else checked_bounds(buckets)
            kept = None if domains is None else {key: _domain(key, values) for key, values in domains.items()}
        except InvalidMetricError as error:
            raise DefinitionError(str(error)) from None
        if kind.is_distribution and rule is not None and rule not in _FOR_DISTRIBUTIONS:
            message = f"{kind} {name!r} cannot be combined by {rule.value!r}: use 'sum' or 'per_process'"
            raise DefinitionError(message)
        if bounds is not None and not kind.is_distribution:
            message = f"{kind} {name!r} cannot have buckets: only a histogram or a timer has"
            raise DefinitionError(message)
        if expire_after is not None and not 0 < expire_after < math.inf:
            message = f"{kind} {name!r} cannot expire after {expire_after!r}: give a positive number of seconds"
            raise DefinitionError(message)
        if budget is not None and budget < 1:
            message = f"{kind} {name!r} cannot have a budget of {budget!r} series: give 1 or more"
            raise DefinitionError(message)
        unit_of(name, unit, is_timer=kind is Kind.TIMER)
        return cls(
            name,
            kind,
            unit=unit,
            help=help,
            combine=rule,
            buckets=bounds,
            domains=kept,
            expire_after=expire_after,
            budget=budget,
            keep=keep,
        )

    @property
    def rule(self) -> Combine:
        """The combine rule that applies."""
        return self.combine or _DEFAULTS[self.kind]

    @property
    def resolved_unit(self) -> Unit:
        """The unit that applies."""
        return unit_of(self.name, self.unit, is_timer=self.kind is Kind.TIMER)

    @property
    def base_bounds(self) -> tuple[float, ...]:
        """The explicit bounds in base units; empty for none."""
        # Bounds that differ in the last digit may be one in base units, and the largest beyond every float.
        converted = dict.fromkeys(map(self.resolved_unit.to_base, self.buckets or ()))
        return tuple(filter(math.isfinite, converted))

    def refined_by(self, other: MetricDefinition) -> Self:
        """Give both declarations as one: what one left unsaid, the other may say.

        :raises DefinitionConflictError: where both say something, and not the same.
        """
        added: dict[str, object] = {}
        for part in self.__match_args__:
            mine, theirs = getattr(self, part), getattr(other, part)
            if theirs is None or mine == theirs:
                continue
            if mine is not None:
                raise DefinitionConflictError(self, other)
            added[part] = theirs
        return self.replaced(**added) if added else self

    def __hash__(self) -> int:
        return hash((self.name, self.kind, self.unit, self.buckets))  # a mapping of domains has no hash

    def __str__(self) -> str:
        parts = ((part, getattr(self, part)) for part in self.__match_args__[2:])
        said = " ".join(f"{name}={getattr(value, 'value', value)!r}" for name, value in parts if value is not None)
        return f"{self.kind} {self.name!r} {said}".rstrip()


def _choice(choices: type[_Choice], given: str, what: str, name: str) -> _Choice:
    try:
        return choices(given)
    except ValueError:
        message = f"metric {name!r} has no {what} {given!r}: use one of {', '.join(map(repr, map(str, choices)))}"
        raise DefinitionError(message) from None


def _domain(key: str, values: Iterable[TagValue]) -> tuple[TagValue, ...]:
    if isinstance(values, str):
        message = f"the domain of tag {key!r} is one str; for one value write ({values!r},)"
        raise DefinitionError(message)
    kept = tuple(values)
    Tags({key: None})
    for value in kept:
        Tags({key: value})
    return kept
