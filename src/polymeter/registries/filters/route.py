"""Route: how the series that filters lead to are found by what is recorded, without asking the filters again."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from polymeter.context import texts_of_context
from polymeter.data.tags import canonical_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.registries.budget import Budget
    from polymeter.registries.family import Shelf, Way
    from polymeter.registries.filters.plan import Plan

__all__ = ["FilteredLookUp", "Route"]

_MOST: Final = 10_000  # what is found anew beyond that, for values that filters make few of


class Route:
    """Of one recorded name with tags of the same names: values -> series, or what stands for a denied one.

    Values that change nothing (see :class:`Plan`) are no part of the key: a dropped user id makes no entry for each
    user. Tags from the context are.

    :ivar names: of the tags, sorted, those that change nothing last.
    :ivar known: the table. Its keys are the texts, or the values, their types and the context's texts.
    """

    __slots__ = ("_arrangement", "_budget", "_context", "_fold", "_width", "known", "names")

    def __init__(self, names: tuple[str, ...], plan: Plan) -> None:
        """Make an empty one.

        :param names: of the tags, sorted.
        """
        self.names = tuple(sorted(names, key=plan.ignored.__contains__))
        self.known: dict[object, Any] = {}
        self._width = len(names) - len(plan.ignored)
        self._context = plan.context
        self._arrangement = plan.arrangement
        self._budget: Budget | None = None
        self._fold: Callable[[tuple[Any, ...]], Any] | None = None

    @property
    def way(self) -> Way:
        """The short way, for tags in a ``dict`` whose values are all text."""
        picking: Any = itemgetter  # its overloads do not know a number of names that is not fixed
        pick: Callable[[Any], Any] = picking(*self.names) if self.names else tuple
        return len(self.names), pick, self._find()

    def fold_into(self, shelf: Shelf) -> bool:
        """Find what stands for new values of the label that explodes, as ``shelf`` does; tell whether that is new.

        It can be done where filters only put tags in other places, and until the budget begins anew.
        """
        budget = shelf.family.budget
        if self._arrangement is None or budget is self._budget or budget.exploding not in shelf.names:
            return False
        _, _, find = shelf.folding_way
        sources = [(-1 if name is None else self.names.index(name), text) for name, text in self._arrangement]

        def fold(values: tuple[Any, ...]) -> Any:
            if shelf.family.budget is not budget:
                return None
            for value in values[self._width :]:
                if value.__class__ is not str:
                    return None
            return find(tuple(text if place < 0 else values[place] for place, text in sources))

        self._budget, self._fold = budget, fold
        return True

    def _find(self) -> Callable[[tuple[Any, ...]], Any]:
        find, fold = self._find_known(), self._fold
        return find if fold is None else lambda values: find(values) or fold(values)

    def _find_known(self) -> Callable[[tuple[Any, ...]], Any]:
        get, width = self.known.get, self._width
        if len(self._context) == 1:
            (name,) = self._context
            return lambda values: get((*values, texts_of_context().get(name)))
        if self._context:
            return lambda values: get((*values, *map(texts_of_context().get, self._context)))
        if width == len(self.names):
            return get
        if width == len(self.names) - 1:
            return lambda values: get(values[:width]) if values[width].__class__ is str else None

        def find(values: tuple[Any, ...]) -> Any:
            for value in values[width:]:
                if value.__class__ is not str:  # no tag value, perhaps
                    return None
            return get(values[:width])

        return find

    def find(self, values: tuple[Any, ...]) -> Any:
        """Give the series of any values, in the order of ``names``; ``None`` if it is not known.

        :raises InvalidTagsError: for a value that changes nothing, but that no tag can have.
        """
        kept, known = values, self.known
        if self._width < len(self.names):
            for name, value in zip(self.names[self._width :], values[self._width :], strict=True):
                canonical_text(name, value)
            kept = values[: self._width]
        if self._context:
            texts = self._texts()
            return known.get((*kept, *texts)) or known.get((kept, tuple(map(type, kept)), texts))
        return known.get(kept) or known.get((kept, tuple(map(type, kept)), ()))

    def learn(self, values: tuple[Any, ...], series: object) -> None:
        """Find ``series`` by ``values`` from now on."""
        kept, texts = values[: self._width], self._texts()
        if len(self.known) >= _MOST:
            self.known.clear()
        # Text alone: True, 1 and 1.0 are one key to a dict, but not one tag value.
        are_texts = all(value.__class__ is str for value in kept)
        self.known[(*kept, *texts) if are_texts else (kept, tuple(map(type, kept)), texts)] = series

    def _texts(self) -> tuple[Any, ...]:
        return tuple(map(texts_of_context().get, self._context)) if self._context else ()


class FilteredLookUp:
    """How a route is taken by tags that come in one order; a look-up as those of families are."""

    __slots__ = ("_arranged", "route", "typed")

    def __init__(self, route: Route, names: tuple[str, ...]) -> None:
        """Make one.

        :param names: of the tags, in the order in which they come.
        """
        self.route = route
        self.typed = route.known  # what is cleared when series end
        order = [names.index(name) for name in route.names]
        arranged: Any = itemgetter(*order) if order != sorted(order) else tuple  # which gives a tuple as it is
        self._arranged: Callable[[tuple[Any, ...]], tuple[Any, ...]] = arranged

    def get(self, values: tuple[Any, ...]) -> Any:
        """Give the series of values that come in this order; ``None`` if it is not known."""
        return self.route.find(self._arranged(values))

    @property
    def way(self) -> Way:
        """The short way, for tags in a ``dict`` in any order, whose values are all text."""
        return self.route.way

    def learn(self, values: tuple[Any, ...], series: object) -> None:
        """Find ``series`` by ``values`` from now on."""
        self.route.learn(self._arranged(values), series)
