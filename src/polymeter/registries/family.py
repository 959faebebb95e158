"""Family: all series of one metric, and how they are found by tags.

Series with the same tag names stand on one *shelf*, found by the texts of their tags in the order of the sorted names.
What is the same for all of them (name, unit, definition) is kept once, here: a series itself is small.
"""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from polymeter.registries.budget import OTHER_VALUE, Budget
from polymeter.registries.exemplars import ExemplarBoard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.registries.series import Owner, Series

__all__ = ["Family", "LookUp", "Shelf", "Texts", "Way", "split"]

Texts: TypeAlias = tuple[str, ...]

Way: TypeAlias = "tuple[int, Callable[[Any], Any], Callable[[Any], Any]]"
"""How many tags, what picks their values in the order of the sorted names, and what finds a series by these."""

_MOST_TYPED: Final = 10_000  # look-ups by values that are no text; beyond that they are made anew


class Shelf:
    """The series of one metric with the same tag names.

    :ivar names: the tag names, sorted.
    :ivar series: texts of the tags, in that order -> series.
    """

    __slots__ = ("family", "names", "series")

    def __init__(self, family: Family, names: Texts) -> None:
        self.family = family
        self.names = names
        self.series: dict[Texts, Series[Any]] = {}

    @property
    def way(self) -> Way:
        """The short way to the series of tags in a ``dict``, in any order, if all values are text."""
        find: Any = self.series.get
        return len(self.names), _picking(self.names) if self.names else tuple, find

    @property
    def folding_way(self) -> Way:
        """The same while a label explodes: new values of it lead to the series that stands for all of them."""
        width, pick, get = self.way
        budget = self.family.budget
        place = self.names.index(budget.exploding or "")
        known = budget.values_of(self.names[place])

        def find(values: Texts) -> Series[Any] | None:
            found: Series[Any] | None = get(values)
            if found is None:
                value = values[place]
                if value.__class__ is str and value not in known:
                    found = get((*values[:place], OTHER_VALUE, *values[place + 1 :]))
                    if found is not None:
                        budget.folded.add()
            return found

        return width, pick, find


def _picking(names: Texts) -> Callable[[Any], Any]:
    picking: Any = itemgetter  # its overloads do not know a number of names that is not fixed
    pick: Callable[[Any], Any] = picking(*names)
    return pick


class LookUp:
    """How the series of one metric are found by tags that come in one order.

    ``get`` takes the values in that order. It knows those that are all text; other values are found by ``typed``, with
    their types: ``True``, 1 and 1.0 are one key to a dict, but not one tag value.
    """

    __slots__ = ("get", "shelf", "typed")

    def __init__(self, shelf: Shelf, names: tuple[str, ...]) -> None:
        self.shelf = shelf
        self.typed: dict[object, Series[Any]] = {}
        get = shelf.series.get
        order = sorted(range(len(names)), key=names.__getitem__)
        if order == list(range(len(names))):
            self.get: Callable[[tuple[Any, ...]], Any] = get
        else:
            arranged = itemgetter(*order)
            self.get = lambda values: get(arranged(values))

    @property
    def way(self) -> Way:
        """The short way, for tags in a ``dict`` in any order, whose values are all text."""
        shelf = self.shelf
        return shelf.folding_way if shelf.family.budget.exploding in shelf.names else shelf.way

    def learn(self, values: tuple[Any, ...], series: Series[Any]) -> None:
        """Find ``series`` by ``values`` from now on, if :meth:`get` does not."""
        if self.get(values) is not series:
            if len(self.typed) >= _MOST_TYPED:
                self.typed.clear()
            self.typed[values, tuple(map(type, values))] = series


class Family:
    """All series of one metric.

    :ivar ended: what series that are no more had counted, for totals alone.
    :ivar exemplars: series -> its exemplars, of those that have some.
    :ivar touched: series -> when it was last recorded on (monotonic seconds), where series expire.
    """

    __slots__ = (
        "budget",
        "definition",
        "ended",
        "exemplars",
        "expire_after",
        "name",
        "owner",
        "shelves",
        "touched",
        "unit",
    )

    def __init__(self, owner: Owner, definition: MetricDefinition, *, budget: int, expire_after: float | None) -> None:
        self.owner = owner
        self.name = definition.name
        self.shelves: dict[Texts, Shelf] = {}
        self.ended: Metric | None = None
        self.exemplars: ExemplarBoard[Series[Any]] = ExemplarBoard()
        self.touched: dict[Series[Any], float] = {}
        self.budget = Budget(self.name, definition.budget or budget, self._texts_of_all)
        self.redefine(definition, expire_after)

    def redefine(self, definition: MetricDefinition, expire_after: float | None) -> None:
        """Take what ``definition`` says now."""
        self.definition = definition
        self.unit = definition.resolved_unit
        self.expire_after = expire_after if definition.expire_after is None else definition.expire_after
        if definition.budget is not None:
            self.budget.limit = definition.budget

    def shelf(self, names: Texts) -> Shelf:
        """Give the shelf of tags with these sorted names; made when it is first asked for."""
        shelf = self.shelves.get(names)
        return shelf if shelf is not None else self.shelves.setdefault(names, Shelf(self, names))

    def find(self, tags: Tags) -> Series[Any] | None:
        """Give the series with exactly these tags, if there is one."""
        names, texts = split(tags)
        shelf = self.shelves.get(names)
        return None if shelf is None else shelf.series.get(texts)

    def find_folded(self, tags: Tags) -> Series[Any] | None:
        """Give the series that counts the records of these tags, if there is one; nothing is made or counted."""
        label = self.budget.exploding
        found = self.find(tags)
        if found is None and label is not None and label in tags:
            found = self.find(tags.with_(label, OTHER_VALUE))
        return found

    def __iter__(self) -> Iterator[Series[Any]]:
        for shelf in list(self.shelves.values()):
            yield from list(shelf.series.values())

    def __len__(self) -> int:
        return sum(len(shelf.series) for shelf in list(self.shelves.values()))

    def __bool__(self) -> bool:
        return True

    def forget(self) -> None:
        """Start anew, with no series."""
        self.ended = None
        self.exemplars = ExemplarBoard()
        self.touched.clear()
        self.budget = Budget(self.name, self.budget.limit, self._texts_of_all)

    def idle(self, now: float) -> list[Series[Any]]:
        """Give the series that nobody has recorded on for too long; ``now`` is in monotonic seconds."""
        after = math.inf if self.expire_after is None else self.expire_after
        return [series for series in self if now - self.touched.setdefault(series, now) >= after]

    def _texts_of_all(self) -> Iterator[dict[str, str]]:
        for shelf in list(self.shelves.values()):
            for texts in list(shelf.series):
                yield dict(zip(shelf.names, texts, strict=True))


def split(tags: Tags) -> tuple[Texts, Texts]:
    """Give the sorted names and the texts of tags: what they are found by."""
    return tags.names, tags.texts
