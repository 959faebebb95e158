"""Observations as they were made, bounded: those that a snapshot has as buckets.

A registry gives them while it drains, in the order in which they count, and says how many of the series came before. An
export is given a difference of so many observations. Whether those are the ones that are kept is a matter of counting:
where a batch did not fit, or came before anybody listened, the numbers do not meet, and the buckets have to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from polymeter.contracts import CanBeTapped
from polymeter.errors import DefinitionError
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.data.kind import Kind
    from polymeter.data.tags import Tags

__all__ = ["Observations", "checked_bound"]

_USUAL: Final = 100_000
_NONE: Final = 0

_Key: TypeAlias = "tuple[Kind, str, Tags]"


class _Kept(NamedTuple):
    """What is kept of one series; replaced as a whole when anything but the end of ``values`` changes.

    :ivar start: of the series: another one is another life.
    :ivar first: how many observations came before the first of ``values``.
    """

    start: float
    first: int
    values: list[float]


class _Place(NamedTuple):
    """How far a series had come when a difference ended.

    :ivar start: of the series.
    :ivar at: Unix seconds: what the next difference begins with.
    :ivar upto: observations until then.
    """

    start: float
    at: float
    upto: int


class Observations:
    """Keeps up to ``bound`` observations until they are delivered.

    :ivar missed: observations that were asked for and were not all there.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self.missed = 0
        self.clear()

    def clear(self) -> None:
        """Forget all of them."""
        self._kept: dict[_Key, _Kept] = {}
        self._delivered: dict[_Key, _Place] = {}
        self._attempted: dict[_Key, _Place] = {}
        self._under_way: dict[_Key, _Place] = {}
        self._missed = 0
        self._size = 0

    def of(self, registry: object) -> Subscription:
        """Begin to keep what ``registry`` observes.

        :raises DefinitionError: if it cannot be tapped.
        """
        if not self._bound:
            return Subscription(lambda: None)
        if not isinstance(registry, CanBeTapped):
            message = (
                f"exact=True needs a registry that can be tapped, and {type(registry).__name__} cannot: "
                "use AggregatingRegistry, or leave it out"
            )
            raise DefinitionError(message)
        return registry.add_tap(self._observed)

    def _observed(  # noqa: PLR0917 - as the registry calls it
        self, kind: Kind, name: str, tags: Tags, start: float, before: int, values: list[float]
    ) -> None:
        """Keep a batch, on any thread. One that is lost while another thread delivers is noticed by counting."""
        if self._size + len(values) > self._bound:
            return
        key = (kind, name, tags)
        kept = self._kept.get(key)
        if kept is None or kept.start != start or not kept.values:
            self._kept[key] = _Kept(start, before, values)
        elif kept.first + len(kept.values) == before:
            kept.values.extend(values)
        else:
            return
        self._size += len(values)

    def taken(self, metric: Any) -> Sequence[float] | None:
        """Give the observations of ``metric``, a difference, in base units; ``None`` if they are not all known."""
        if not self._bound:
            return None
        key, count = metric.key, metric.count
        before = self._before(key, metric.start)
        self._under_way[key] = _Place(before.start, metric.timestamp, before.upto + count)
        kept = self._kept.get(key)
        if kept is not None and kept.start == before.start and before.upto >= kept.first:
            begin = before.upto - kept.first
            values = kept.values[begin : begin + count]
            if len(values) == count:
                return values
        self._missed += count
        return None

    def _before(self, key: _Key, start: float) -> _Place:
        """Give where a difference begins: where the one before ended, or with the series."""
        for places in (self._delivered, self._attempted):
            place = places.get(key)
            if place is not None and place.at == start:
                return place
        return _Place(start, start, 0)

    def commit(self) -> None:
        """Say that what was taken since the last time is delivered, or will be."""
        self._delivered, self._under_way = self._under_way, {}
        self.missed += self._missed
        self._missed = 0
        for key, place in self._delivered.items():
            kept = self._kept.get(key)
            if kept is not None:
                done = max(0, place.upto - kept.first)
                rest = kept.values[done:] if kept.start == place.start else []
                if rest:
                    self._kept[key] = _Kept(kept.start, kept.first + done, rest)
                else:
                    self._kept.pop(key, None)
        self._size = sum(len(kept.values) for kept in list(self._kept.values()))

    def roll_back(self) -> None:
        """Say that it is not: it will be asked for again, unless the cursor moves all the same."""
        self._attempted, self._under_way = self._under_way, {}
        self._missed = 0


def checked_bound(exact: bool | int) -> int:  # noqa: FBT001 - what the exporter was given
    """Give how many observations may wait.

    :raises DefinitionError: for a number that cannot be.
    """
    if exact is True:
        return _USUAL
    if exact is False:
        return _NONE
    if not isinstance(exact, int) or exact < 1:
        message = f"exact={exact!r}: use True, False, or the number of observations that may wait for an export"
        raise DefinitionError(message)
    return exact
