"""Questions: what a registry answers the same way, wherever its metrics come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from polymeter.data.tags import Tags
from polymeter.errors import MetricNotFoundError

if TYPE_CHECKING:
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike

__all__ = ["Questions"]


class Questions(ABC):
    """``find``, ``get`` and ``total``."""

    @abstractmethod
    def all(self) -> list[Metric]:
        """Give every metric that is kept."""

    @abstractmethod
    def _folded(self) -> list[Metric]:
        """Give one metric per series, with all that ever counted in it."""

    def find(self, name: str, tags: TagsLike | None = None) -> list[Any]:
        """Give the metrics of a name whose tags include ``tags``; ``[]`` for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        return [metric for metric in self.all() if metric.name == name and metric.tags.contains(wanted)]

    def get(self, name: str, tags: TagsLike | None = None) -> Any:
        """Give the one metric with exactly these tags.

        :raises MetricNotFoundError: if there is none; the message says what is near.
        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        metrics = self._folded()
        for metric in metrics:
            if metric.name == name and metric.tags == wanted:
                return metric
        raise MetricNotFoundError(_not_found(name, wanted, metrics))

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of a name that include ``tags``, in the metric's unit.

        A timer's total is the time spent, a histogram's the sum of what was observed. 0 for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        total: float = 0
        for metric in self._folded():
            if metric.name == name and metric.tags.contains(wanted):
                total += getattr(metric, "sum", metric.value)
        return total


def _not_found(name: str, wanted: Tags, metrics: list[Metric]) -> str:
    same_name = [metric for metric in metrics if metric.name == name]
    if same_name:
        known = "; ".join(f"{{{metric.tags}}}" for metric in same_name[:5])
        return f"no metric {name!r} has exactly the tags {{{wanted}}}; there is {known}; find() matches a part of them"
    import difflib  # dear to import, and rarely needed

    near = difflib.get_close_matches(name, {metric.name for metric in metrics}, n=3, cutoff=0.5)
    hint = f"near: {', '.join(map(repr, near))}" if near else "nothing was recorded under a similar name"
    return f"there is no metric {name!r}; {hint}"
