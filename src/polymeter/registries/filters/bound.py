"""ContextSeries: what is bound where the context of each record decides which series it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.registries.null import NullSeries

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.kind import Kind
    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags, TagsLike

__all__ = ["ContextSeries"]


class ContextSeries:
    """Records on the series of the context that it is called in, and reads as that one.

    It has no series of its own: each begins with its first record, or when it is first read.
    """

    __slots__ = ("__weakref__", "_here", "kind")

    def __init__(self, kind: Kind, here: Callable[[], Any]) -> None:
        """Make one.

        :param here: gives the series of the context in which it is called.
        """
        self.kind = kind
        self._here = here

    @property
    def name(self) -> str:
        """The name."""
        name: str = self._here().name
        return name

    @property
    def tags(self) -> Tags:
        """The tags, those of this context among them."""
        tags: Tags = self._here().tags
        return tags

    @property
    def value(self) -> float:
        """The value of now."""
        value: float = self._here().value
        return value

    def add(self, amount: float = 1, /, **at: float | None) -> None:
        """Add to a counter or an up-down counter."""
        self._here().add(amount, **at)

    def set(self, value: float, /, *, at: float | None = None) -> None:
        """Set a gauge, now or at ``at`` (Unix seconds)."""
        self._here().set(value, at=at)

    def record(self, value: float, /, **at: float | None) -> None:
        """Add one observation to a histogram or a timer."""
        self._here().record(value, **at)

    def record_at(self, value: float, at: float | None = None, /) -> None:
        """Do what the verb of its kind does, at ``at`` (Unix seconds), in a registry that keeps time."""
        here = self._here()
        if isinstance(here, NullSeries):
            here.add()
        else:
            here.record_at(value, at)

    def exemplar(self, value: float, labels: TagsLike, *, at: float | None = None) -> None:
        """Note where a value came from that is recorded here."""
        self._here().exemplar(value, labels, at=at)

    def freeze(self) -> Metric:
        """Give the value of now."""
        metric: Metric = self._here().freeze()
        return metric

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._here(), name)

    def __str__(self) -> str:
        return str(self._here())

    def __repr__(self) -> str:
        return f"<ContextSeries {self}>"
