"""The texts of a series that are the same in each of its lines, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.exporters.statsd.naming import milliseconds_name, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.data.metric import Metric
    from polymeter.data.tags import Tags
    from polymeter.exporters.statsd.dialects import Dialect, Pairs

__all__ = ["SeriesTexts", "Texts"]

_MOST: Final = 100_000
"""Series whose texts are kept; beyond that they are made anew."""


class Texts(NamedTuple):
    """What a line begins and ends with.

    :ivar head: the name, with the tags where they stand there.
    :ivar tail: what stands behind the type and the sample rate.
    :ivar size: bytes of both together.
    """

    head: str
    tail: str
    size: int


class SeriesTexts:
    """Gives the texts of series, and remembers them.

    :param prefix: what every name begins with, a dot included; or empty.
    :param constant: tags of every series, where it has no such tag of its own.
    :param fields: what every line ends with.
    :param clash: is told of two metrics that have one name, once.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        prefix: str,
        constant: Pairs,
        fields: str,
        clash: Callable[[str, str], object],
    ) -> None:
        self._dialect = dialect
        self._prefix = prefix
        self._constant = constant
        self._fields = fields
        self._clash = clash
        self._named: dict[str, str] = {}
        self._more: Pairs = ()
        self._known: dict[tuple[str, Tags], Texts] = {}
        self._known_in_ms: dict[tuple[str, Tags], Texts] = {}

    def pairs(self, own: Tags) -> Pairs:
        """Give tags with those that everything has behind them; without those that have no text."""
        named = {key for key, _ in own.canonical}
        pairs = [pair for pair in own.canonical if pair[1]]
        for pair in (*self._constant, *self._more):
            if pair[0] not in named:
                named.add(pair[0])
                pairs.append(pair)
        return tuple(pairs)

    def with_constant(self, more: Pairs) -> None:
        """Have ``more`` tags on every series from now on."""
        if more != self._more:
            self._more = more
            self._known, self._known_in_ms = {}, {}

    def name(self, name: str) -> str:
        """Give the name that a metric has, with the prefix."""
        return name_of(self._prefix + name)

    def of(self, metric: Metric, *, in_milliseconds: bool = False) -> Texts:
        """Give the texts of a series.

        :param in_milliseconds: whether its values are.
        """
        known = self._known_in_ms if in_milliseconds else self._known
        key = metric.name, metric.tags
        texts = known.get(key)
        if texts is None:
            if len(known) >= _MOST:
                known.clear()
            texts = known[key] = self._made(metric, in_milliseconds=in_milliseconds)
        return texts

    def _made(self, metric: Metric, *, in_milliseconds: bool) -> Texts:
        name = milliseconds_name(metric.name, metric.kind, metric.unit) if in_milliseconds else metric.name
        tags = self._dialect.tags(self.pairs(metric.tags))
        head, tail = self.name(name), self._fields
        first = self._named.setdefault(head, metric.name)
        if first != metric.name:
            self._named[head] = metric.name
            self._clash(first, metric.name)
        if self._dialect.in_name:
            head += tags
        else:
            tail = tags + tail
        return Texts(head, tail, len(head) + len(tail.encode()))
