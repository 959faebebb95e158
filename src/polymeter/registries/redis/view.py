"""View: what Redis said last, as metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polymeter.registries.redis.wire import definition_of, metric_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.registries.redis.wire import Identity

__all__ = ["Reading", "View", "ends_of"]


class View:
    """Everything of an app at one moment.

    :ivar added: identity -> metric, of what is kept in one place for all.
    :ivar selves: the same of the ``polymeter.*`` metrics.
    :ivar live: writer -> identity -> metric, of what each says for itself.
    :ivar ended: what series that are no more had counted.
    :ivar definitions: name -> definition.
    :ivar ends: how many series have ended so far.
    :ivar life: what this Redis calls itself.
    :ivar epoch: how often the app was cleared.
    """

    __slots__ = ("added", "definitions", "ended", "ends", "epoch", "life", "live", "selves")

    def __init__(self) -> None:
        self.added: dict[Identity, Metric] = {}
        self.selves: dict[Identity, Metric] = {}
        self.live: dict[str, dict[Identity, Metric]] = {}
        self.ended: list[Metric] = []
        self.definitions: dict[str, MetricDefinition] = {}
        self.life, self.epoch, self.ends = "", 0, 0


class Reading:
    """Makes views of what Redis answers. What has not changed since the last one is not read again.

    :ivar damaged: values that could not be read in the last answer.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], tuple[bytes, Any]] = {}
        self._read: dict[tuple[str, bytes], tuple[bytes, Any]] = {}
        self.damaged = 0

    def view_of(self, answer: list[Any]) -> View:
        """Read an answer of the script ``read``."""
        self.damaged, self._read = 0, {}
        view = View()
        state, _, *living = answer
        for field, value in _in_pairs(state):
            self._place(view, field, value)
        for writer, says in _in_pairs(living):
            metrics = {}
            for field, value in _in_pairs(says):
                metric = self._metric(writer.decode(), field, value)
                if metric is not None:
                    metrics[field.decode()] = metric
            view.live[writer.decode()] = metrics
        self._known = self._read
        return view

    def _place(self, view: View, field: bytes, value: bytes) -> None:
        sort, rest = field[:1], field[1:]
        if rest[:1] == b"[":
            metric = self._metric(sort.decode(), rest, value)
            if metric is None:
                return
            if sort == b"s":
                view.added[rest.decode()] = metric
            elif sort == b"o":
                view.selves[rest.decode()] = metric
            else:
                view.ended.append(metric)
        elif sort == b"d":
            definition = self._cached("d", rest, value, lambda: definition_of(rest.decode(), value))
            if definition is not None:
                view.definitions[definition.name] = definition
        elif field == b"life":
            view.life = value.decode()
        elif field == b"epoch":
            view.epoch = int(value)
        elif field == b"ends":
            view.ends = int(value)

    def _metric(self, sort: str, identity: bytes, value: bytes) -> Metric | None:
        metric: Metric | None = self._cached(sort, identity, value, lambda: metric_of(identity, value))
        return metric

    def _cached(self, sort: str, name: bytes, value: bytes, read: Any) -> Any:
        known = self._known.get((sort, name))
        if known is None or known[0] != value:
            try:
                known = (value, read())
            except Exception:  # noqa: BLE001 - of whatever somebody has written there
                known = (value, None)
        self.damaged += known[1] is None
        self._read[sort, name] = known
        return known[1]


def ends_of(answer: list[bytes], after: int) -> Iterator[Metric]:
    """Give the last values of series that have ended, from number ``after`` on."""
    for text in answer:
        try:
            number, identity, value = json.loads(text)
            if number > after:
                yield metric_of(identity, json.dumps(value))
        except Exception:  # noqa: BLE001, S112 - of whatever somebody has written there
            continue


def _in_pairs(flat: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=False)
