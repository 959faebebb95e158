"""Filters that decide which metrics are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.errors import DefinitionError
from polymeter.registries.filters.filter import Filter
from polymeter.registries.filters.patterns import Patterns, checked_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from polymeter.registries.filters.metric_id import MetricId

__all__ = ["Accept", "Deny", "DenyUnless"]


class _Verdict(Filter):
    __slots__ = ("tags",)
    __match_args__ = ("metrics", "tags")

    tags: tuple[tuple[str, Patterns], ...]

    def __init__(self, *metrics: str, tags: Mapping[str, str | Iterable[str]] | None = None) -> None:
        """Make one.

        :param metrics: names or patterns of the metrics that are meant; none: all of them, if ``tags`` are given.
        :param tags: tag name -> pattern, or patterns, of its text: all tags have to be there and fit.
        :raises DefinitionError: for what is no name or pattern, and if nothing is given at all.
        """
        whose = type(self).__name__
        if not metrics and not tags:
            message = f"{whose}() means nothing: give names, patterns such as 'http.*', or tags={{name: pattern}}"
            raise DefinitionError(message)
        kept = {checked_text(name, "tag name", whose): Patterns.of(each, whose) for name, each in (tags or {}).items()}
        self._set(metrics or "*", tags=tuple(kept.items()))

    def reads(self, metric: MetricId) -> Collection[str]:
        """Give the tags that it asks for, unless the name or a missing tag has decided already."""
        wanted = [name for name, _ in self.tags]
        return wanted if self.metrics.match(metric.name) and all(map(metric.tags.has, wanted)) else ()

    def _means(self, metric: MetricId) -> bool:
        if not self.metrics.match(metric.name):
            return False
        texts = dict(metric.tags.canonical)
        return all(name in texts and pattern.match(texts[name]) for name, pattern in self.tags)

    def __repr__(self) -> str:
        texts = {name: each.texts[0] if len(each.texts) == 1 else each.texts for name, each in self.tags}
        tags = f", tags={texts!r}" if texts else ""
        return f"{type(self).__name__}({self.metrics!r}{tags})"


class Deny(_Verdict):
    """Keeps none of these metrics: ``Deny("http.*", tags={"route": "/health*"})``. The rest is left to others."""

    __slots__ = ()

    def accept(self, metric: MetricId, /) -> bool | None:
        """Say no, or nothing."""
        return False if self._means(metric) else None


class Accept(_Verdict):
    """Keeps these metrics, whatever filters after it say: ``Accept("http.*"), Deny("*")``. The rest is left to them."""

    __slots__ = ()

    def accept(self, metric: MetricId, /) -> bool | None:
        """Say yes, or nothing."""
        return True if self._means(metric) else None


class DenyUnless(_Verdict):
    """Keeps none but these metrics: ``DenyUnless("http.*", "inference.*")``. Those are left to the filters after it."""

    __slots__ = ()

    def accept(self, metric: MetricId, /) -> bool | None:
        """Say nothing, or no."""
        return None if self._means(metric) else False
