"""Budget: how many series one metric may have, and where further ones go.

A label that takes ever new values (a user id, a URL) makes a series of each. Beyond the budget, new values of the label
that explodes go to ``__other__``: every record still counts, the series that exist stay as they are, and the memory
stays flat.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from polymeter.counting import AtomicCount
from polymeter.data.counter import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags

__all__ = ["DEFAULT_BUDGET", "OTHER_VALUE", "Budget"]

DEFAULT_BUDGET: Final = 2000
"""Series per metric, as in the OpenTelemetry SDK's cardinality limit."""

OTHER_VALUE: Final = "__other__"
"""The tag value that stands for all values beyond the budget."""

_SAMPLES: Final = 3


class Budget:
    """The series of one metric: counted, and folded once there are too many. That is logged once.

    :ivar limit: so many series are made as they are asked for. A tenth more is kept for combinations of values that
        are known already and of ``__other__``; beyond that, everything goes to one series.
    :ivar exploding: the label that was folded first; ``None`` as long as the budget holds.
    :ivar samples: some of the values that were folded, to find out where they come from.
    """

    __slots__ = ("_count", "_existing", "_name", "_values", "exploding", "folded", "limit", "samples")

    def __init__(
        self, name: str, limit: int, existing: Callable[[], Iterable[Mapping[str, str]]] | None = None
    ) -> None:
        """Make an untouched one.

        :param name: of the metric.
        :param existing: gives the texts of the tags of every series; asked once, when the limit is reached. Without it
            the texts are kept from the first series on.
        """
        self.limit = limit
        self._name = name
        self._existing = existing
        self.exploding: str | None = None
        self.samples: list[str] = []
        self.folded = AtomicCount()
        self._count = 0
        self._values: dict[str, set[str]] = {}

    def admit(self, tags: Tags, exists: Callable[[Tags], bool]) -> Tags:
        """Give the tags to keep a new series under: as they are, or with new values folded.

        :param exists: tells whether there is a series of these tags.
        """
        if self._count < self.limit:
            return self._remember(tags)
        if self._existing is not None:
            self._learn(self._existing())
            self._existing = None
        was_exploding = self.exploding
        folded = self._folded(tags, exists)
        if self.exploding != was_exploding:
            self._warn()
        if folded is tags and not exists(folded) and self._has_reserve:
            return self._remember(tags)  # a new combination of known values
        self.folded.add()
        if exists(folded):
            return folded
        if self._has_reserve:
            return self._remember(folded)
        return type(tags)(dict.fromkeys(tags, OTHER_VALUE))

    def _folded(self, tags: Tags, exists: Callable[[Tags], bool]) -> Tags:
        """Fold the new value of the label that varies most; of further labels too, once the reserve is used up."""
        folded = tags
        for label in sorted(tags, key=lambda each: -len(self._values.get(each, ()))):
            text = dict(folded.canonical)[label]
            if self.is_new(label, text):
                folded = folded.with_(label, OTHER_VALUE)
                if self.exploding is None:
                    self.exploding = label
                if label == self.exploding and len(self.samples) < _SAMPLES:
                    self.samples.append(text)
                if self._has_reserve or exists(folded):
                    break
        return folded

    def _warn(self) -> None:
        import logging  # once in a process's life, if ever

        with suppress(Exception):  # a handler or filter of the user's must not reach whoever records
            logging.getLogger("polymeter.registries").warning(
                "metric %r has reached its budget of %d series: new values of the tag %r (such as %s) are counted "
                "under %r; a tag should have few values",
                self._name,
                self.limit,
                self.exploding,
                ", ".join(map(repr, self.samples)),
                OTHER_VALUE,
            )

    def self_metric(self, start: float, now: float) -> list[Metric]:
        """Give what was folded as a metric that names the label and the value that it began with, if anything was.

        :param start: Unix seconds since which the registry counts.
        :param now: Unix seconds of now.
        """
        folded = self.folded.value
        if not folded:
            return []
        tags = {"metric": self._name, "label": self.exploding, "example": next(iter(self.samples), None)}
        return [Counter("polymeter.records.folded", folded, tags, start=start, timestamp=now)]

    def is_new(self, label: str, text: str) -> bool:
        """Tell whether no series was made with this value of ``label``."""
        return text not in self._values.get(label, ())

    def values_of(self, label: str) -> AbstractSet[str]:
        """Give the values of ``label`` with which series were made, growing as they grow."""
        return self._values.setdefault(label, set())

    def release(self, times: int = 1) -> None:
        """Say that ``times`` series have ended: others may take their place."""
        self._count -= times

    def take(self) -> None:
        """Say that a series that had ended is there again."""
        self._count += 1

    @property
    def _has_reserve(self) -> bool:
        return self._count < self.limit + max(10, self.limit // 10)

    def _remember(self, tags: Tags) -> Tags:
        self._count += 1
        if self._existing is None:
            self._learn((dict(tags.canonical),))
        return tags

    def _learn(self, existing: Iterable[Mapping[str, str]]) -> None:
        for tags in existing:
            for label, text in tags.items():
                self._values.setdefault(label, set()).add(text)
