"""RedisRegistry: one registry for the processes of many machines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Self

from polymeter.clock import SYSTEM_CLOCK
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.registries.budget import DEFAULT_BUDGET
from polymeter.registries.joined import JoinedRegistry
from polymeter.registries.redis.exchange import Exchange
from polymeter.registries.redis.health import SELF_DEFINITIONS, RedisHealth, self_metrics
from polymeter.registries.redis.keys import Keys
from polymeter.registries.redis.link import Link
from polymeter.registries.redis.own import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from polymeter.clock import Clock
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.redis.assembling import Shown

__all__ = ["RedisRegistry"]

_FLUSH_SECONDS: Final = 10.0
_LEAST_ALIVE: Final = 15.0
_INTERVALS_ALIVE: Final = 10
_DAY: Final = 86_400.0


class RedisRegistry(JoinedRegistry[Recording]):
    """One registry for the processes of an app on many machines, which meet by its name in one Redis.

    ::

        metrics = Metrics(registry=RedisRegistry("redis://user:password@host:6379/0", app="shop"))

    Each process records into memory of its own, as fast as with the default registry, and tells Redis what came every
    ``interval`` seconds, in calls that count once whatever becomes of their answers. Whoever reads (``find``,
    ``total``, ``snapshot``, an exporter's page) tells first, and then sees what all processes have counted, those
    included that are no more: counters and distributions stay, up-down counters and gauges go with their process unless
    their definition says ``keep=True``. The verbs and :meth:`bind` give live series of this process alone.

    While Redis is away, recording goes on; what came waits, merged per series, and arrives when it is back. A read then
    gives what Redis said last with what waits here, and waits ``patience`` seconds at most.

    :ivar app: the name by which processes meet.
    :ivar own: what this process has recorded: a registry to read from.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        app: str,
        client: Any = None,
        prefix: str = "polymeter",
        ttl: float = _DAY,
        interval: float = 1.0,
        alive: float | None = None,
        patience: float = 0.5,
        options: Mapping[str, Any] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        budget: int = DEFAULT_BUDGET,
        expire_after: float | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Make one; nothing is asked of Redis before the first record or read.

        :param url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, as redis-py understands it.
        :param app: the processes of one app meet by it, and those of two apps do not.
        :param client: a ``redis.Redis`` or ``redis.asyncio.Redis`` instead of ``url``: connections are made as it
            would, and are not shared with it.
        :param prefix: what all keys begin with.
        :param ttl: seconds for which Redis keeps everything after the last word of any process.
        :param interval: seconds between two times that this process tells what came.
        :param alive: seconds of silence after which a process counts as dead, and what it alone said (up-down counters,
            gauges) is gone; default: 10 intervals, and at least 15 s.
        :param patience: seconds that a read waits for Redis at most.
        :param options: more for redis-py's connections (``socket_timeout``, ``ssl_ca_certs``, ...).
        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param budget: how many series one metric may have, in each process, unless its definition says otherwise.
        :param expire_after: seconds without a record in any process after which a series ends.
        :param filters: what renames, drops and denies metrics, the same in every process: see
            :mod:`polymeter.registries.filters`.
        :raises MissingExtraError: without redis-py.
        :raises DefinitionError: for an address, a name or a number that cannot be.
        :raises InvalidTagsError: for a resource that is no tags.
        """
        self.app = _checked("app", app)
        _checked("prefix", prefix)
        _check_seconds(interval=interval, ttl=ttl, patience=patience)
        if alive is None:
            alive = max(_LEAST_ALIVE, _INTERVALS_ALIVE * interval)
        _check_seconds(alive=alive)
        if (url is None) == (client is None):
            message = "RedisRegistry: give either the URL of a Redis or client=..."
            raise DefinitionError(message)
        self._link = Link(url, client, options or {})
        self._keys = Keys(prefix, app, ttl=max(ttl, alive), alive=alive)
        super().__init__(
            Recording(clock=clock, resource=resource, budget=budget, expire_after=expire_after, filters=filters)
        )
        self._exchange = Exchange(
            app,
            self.own,
            self._link,
            self._keys,
            interval=interval,
            patience=patience,
            expire_after=expire_after,
            ended=self._ended,
            forgotten=self._forget_readers,
        )
        self.own.on_next_record(self._exchange.start)
        after_fork(self)

    # -- telling

    def flush(self, timeout: float = _FLUSH_SECONDS) -> bool:
        """Tell Redis everything that was recorded until now; tell whether that was done within ``timeout`` seconds."""
        return self._exchange.flush(timeout)

    async def aflush(self, timeout: float = _FLUSH_SECONDS) -> bool:  # noqa: ASYNC109 - as flush has it
        """Do so without holding the event loop up."""
        return await self._exchange.aflush(timeout)

    def tell_too(self, tell: Callable[[float], list[Metric]], definitions: Mapping[str, MetricDefinition]) -> None:
        """Have metrics of somebody else's, ``polymeter.*`` too, among those of the registry itself.

        :param tell: gives them; takes Unix seconds of now.
        """
        self.own.tell_too(tell, definitions)

    # -- reading

    def all(self) -> list[Metric]:
        """Give the value of every series of all processes."""
        return self._exchange.look().metrics.copy()

    _folded = all

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of a name that include ``tags``, in the metric's unit.

        Without ``tags`` this includes series that have ended. A timer's total is the time spent, a histogram's the sum
        of what was observed. 0 for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        shown = self._exchange.look()
        counted = [each for each in shown.metrics if each.name == name and each.tags.contains(wanted)]
        if not tags:
            counted += [each for each in shown.ended if each.name == name]
        total: float = 0
        for metric in counted:
            total += getattr(metric, "sum", metric.value)
        return total

    def snapshot(self) -> Snapshot:
        """Give everything of now, of all processes, with the definitions and the ``polymeter.*`` metrics."""
        return self._snapshot_of(self._exchange.look())

    async def asnapshot(self) -> Snapshot:
        """Do so without holding the event loop up while Redis is asked."""
        return self._snapshot_of(await self._exchange.alook())

    def _snapshot_of(self, shown: Shown) -> Snapshot:
        now = self.own.now()
        return Snapshot(
            [*shown.metrics, *shown.selves, *self_metrics(len(shown.metrics), self._exchange, now)],
            definitions={**shown.definitions, **self.own.snapshot_definitions(), **SELF_DEFINITIONS},
            resource=self.resource,
            taken_at=now,
            writer=self._keys.state,  # the same in each process, whichever is asked
            epoch=self._exchange.delivery.epoch,
            own=self.own.snapshot,
        )

    def health(self) -> RedisHealth:
        """Give what became of the records of this process, and of what it told Redis."""
        return RedisHealth.of(self.own.health(), self._exchange)

    # -- ends

    def forget(self, name: str, tags: TagsLike | None = None) -> int:
        """End the series of ``name`` whose tags include ``tags``, in all processes; give how many those were.

        What they had counted stays in ``total(name)``, but for levels of single processes. While Redis is away it is
        done when it is back.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        ending = len(self.find(name, wanted))
        self.own.forget(name, wanted)
        self._exchange.delivery.order(["forget", name, wanted.canonical])
        self._exchange.look()
        return ending

    def clear(self) -> None:
        """Forget all values of all processes and start a new epoch; definitions stay, and so do bound series.

        Other processes do it when they tell Redis next, with what they have recorded until then. While Redis is away
        it is done when it is back.
        """
        self.own.clear()
        self._exchange.delivery.order(["clear"])
        self._exchange.forget_view()
        self._exchange.flush(self._exchange.patience)

    # -- ending

    def close(self) -> None:
        """Tell what there is, and end: the thread, the connections, and what this process alone said.

        It is as if the process ended here; what is recorded afterwards counts as of another one. Harmless to repeat.
        """
        self._exchange.close()
        self.own.on_next_record(self._exchange.start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer, with connections of its own: what the parent recorded is the parent's."""
        self._exchange.begin_in_child()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.app!r} at {self._link.where})"


def _checked(what: str, name: object) -> str:
    if isinstance(name, str) and name.isprintable() and name and not set(name) & set("{}"):
        return name
    message = f"RedisRegistry({what}={name!r}): give a name without braces, the same in every process of the app"
    raise DefinitionError(message)


def _check_seconds(**seconds: object) -> None:
    for name, number in seconds.items():
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 < number < math.inf:
            message = f"RedisRegistry({name}={number!r}): give a positive number of seconds"
            raise DefinitionError(message)
