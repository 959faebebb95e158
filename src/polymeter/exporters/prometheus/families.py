"""Families: what Prometheus shows under one name, and of which metrics it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from polymeter.data.kind import Kind
from polymeter.exporters.prometheus.buckets import default_bounds
from polymeter.exporters.prometheus.naming import unit_text, with_total
from polymeter.exporters.prometheus.styles import Classic, Quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.gauge import Gauge
    from polymeter.data.metric import Metric
    from polymeter.data.units import Unit
    from polymeter.exporters.prometheus.naming import Naming
    from polymeter.exporters.prometheus.styles import Style, Styles

__all__ = ["SUFFIXES", "Families", "Family", "Source"]

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "counter": ("", "_total", "_created"),
    "histogram": ("", "_bucket", "_sum", "_count", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
    "gauge": ("",),
}
"""Type -> what may follow the family's name in the names of its samples, in any format."""

_TYPES: Final = {Kind.COUNTER: "counter", Kind.GAUGE: "gauge", Kind.UP_DOWN: "gauge"}


@dataclass(slots=True)
class Source:
    """The metrics of one name, kind and unit in one snapshot: no two have the same tags."""

    name: str
    kind: Kind
    unit: Unit
    definition: MetricDefinition | None
    metrics: list[Metric]


@dataclass(slots=True)
class Family:
    """What is shown under one name.

    :ivar base: the name before it is escaped; that of a counter without ``_total``.
    :ivar name: the name as it is shown; that of a counter with ``_total``.
    :ivar type: ``counter``, ``gauge``, ``histogram`` or ``summary``.
    :ivar unit: the unit that ends the name; empty if none does.
    :ivar bounds: of the buckets of a histogram, in base units.
    :ivar style: of a distribution.
    :ivar info: what OpenMetrics calls it, if it is an info: a gauge whose name ends in ``_info`` and that is always 1.
    """

    base: str
    name: str
    type: str
    help: str
    unit: str
    bounds: tuple[float, ...]
    style: Style
    sources: list[Source]
    info: str = ""

    @property
    def stem(self) -> str:
        """The name without ``_total``: what OpenMetrics calls the family."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @property
    def claims(self) -> set[str]:
        """Names that no other family may have for itself or its samples."""
        return {self.name, *(self.stem + suffix for suffix in SUFFIXES[self.type])}


class Families:
    """Sorts metrics into families."""

    def __init__(self, naming: Naming, styles: Styles) -> None:
        self._naming = naming
        self._styles = styles
        self._families: dict[tuple[str, str], Family] = {}

    def sorter(self, definitions: Mapping[str, MetricDefinition]) -> Callable[[Iterable[Metric]], None]:
        """Give what takes the metrics of one snapshot, some at a time."""
        sources: dict[tuple[str, Kind, Unit], Source] = {}
        last: Source | None = None

        def take(metrics: Iterable[Metric]) -> None:
            nonlocal last
            for metric in metrics:
                name, kind, unit = metric.name, metric.kind, metric.unit
                if kind is Kind.GAUGE and cast("Gauge", metric).sequence < 0:  # never set: there is nothing to show
                    continue
                if last is None or name != last.name or kind is not last.kind or unit is not last.unit:
                    key = (name, kind, unit)
                    last = sources.get(key)
                    if last is None:
                        last = sources[key] = Source(name, kind, unit, definitions.get(name), [])
                        self._add(last)
                last.metrics.append(metric)

        return take

    def _add(self, source: Source) -> None:
        kind, definition = source.kind, source.definition
        style = self._styles.of(source.name)
        of_type = _TYPES.get(kind) or ("summary" if isinstance(style, Quantiles) else "histogram")
        base = self._naming.base(source.name, kind, source.unit)
        known = self._families.get((base, of_type))
        if known is not None:
            known.sources.append(source)
            return
        said = definition.help if definition is not None and definition.help else f"{kind} {source.name}"
        bounds: tuple[float, ...] = ()
        if of_type == "histogram":
            bounds = style.bounds if isinstance(style, Classic) else ()
            bounds = bounds or (definition.base_bounds if definition is not None else ())
            bounds = bounds or default_bounds(source.unit)
        family = Family(base, "", of_type, said, unit_text(source.unit), bounds, style, [source])
        self._families[base, of_type] = family

    def settled(self, taken: set[str], clash: Callable[[str, str], None]) -> list[Family]:
        """Give all families, each with a name that no sample of another has.

        :param taken: names that are not to be had.
        :param clash: told the name that a family would have had and the one that it has got.
        """
        taken = set(taken)
        for family in self._families.values():
            family.name = self._shown(family.base, family)
        # Sorted, so that which family keeps its name does not depend on which was recorded first; by their stems, so
        # that it is the shorter name which stays.
        for family in sorted(self._families.values(), key=lambda each: (each.stem, each.type)):
            wanted = family.name
            tries = 1
            while not taken.isdisjoint(family.claims):
                suffix = f"_{family.type}" if tries == 1 else f"_{family.type}_{tries}"
                family.name = self._shown(family.base + suffix, family)
                tries += 1
            taken |= family.claims
            if family.name != wanted:
                clash(wanted, family.name)
            if not family.stem.endswith(f"_{family.unit}"):
                family.unit = ""
        for family in self._families.values():
            stem = family.name.removesuffix("_info")
            if stem not in {"", family.name, *taken} and _is_always_one(family):
                family.info = stem
        return list(self._families.values())

    def _shown(self, base: str, family: Family) -> str:
        return self._naming.shown(with_total(base) if family.type == "counter" else base)


def _is_always_one(family: Family) -> bool:
    kinds = {source.kind for source in family.sources}
    return kinds == {Kind.GAUGE} and all(metric.value == 1 for source in family.sources for metric in source.metrics)
