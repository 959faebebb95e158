"""SharedRegistry: one registry for all processes of an app on one machine."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from polymeter.clock import SYSTEM_CLOCK
from polymeter.data.counter import Counter
from polymeter.data.definition import MetricDefinition
from polymeter.data.gauge import Gauge
from polymeter.data.kind import Kind
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags
from polymeter.errors import DefinitionError
from polymeter.forking import after_fork
from polymeter.last_call import LastCall
from polymeter.registries.base import RESERVED
from polymeter.registries.budget import DEFAULT_BUDGET
from polymeter.registries.joined import JoinedRegistry
from polymeter.registries.shared.beat import Beat
from polymeter.registries.shared.own import Own, OwnRegistry
from polymeter.registries.shared.place import CannotShareError, Place, checked_app, default_directory
from polymeter.registries.shared.view import View
from polymeter.registries.turn import Turn, here, new_claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polymeter.clock import Clock
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.registries.filters.protocols import MetricFilter
    from polymeter.registries.health import RegistryHealth
    from polymeter.registries.shared.place import Run

__all__ = ["SharedRegistry"]

_Answer = TypeVar("_Answer")

_EXIT_SECONDS: Final = 1.0
_LOG_INTERVAL: Final = 60.0

_DAMAGED: Final = MetricDefinition.of(
    "polymeter.shared.damaged", Kind.COUNTER, help="Published records that could not be read and were skipped."
)
_FAILED: Final = MetricDefinition.of(
    "polymeter.shared.failed", Kind.COUNTER, help="Times that publishing or reading failed, by reason; tried again."
)
_APART: Final = MetricDefinition.of(
    "polymeter.shared.apart", Kind.GAUGE, help="Processes that cannot share, and count for themselves alone."
)


_DEFINITIONS: Final = {each.name: each for each in (_DAMAGED, _FAILED, _APART)}


class SharedRegistry(JoinedRegistry[OwnRegistry]):
    """One registry for all processes of an app on one machine, which meet by its name.

    ::

        metrics = Metrics(registry=SharedRegistry("shop"))

    Each process records into memory of its own, as fast as with the default registry, and publishes what changed every
    ``interval`` seconds. Whoever reads (``find``, ``total``, ``snapshot``, an exporter's page) publishes first and then
    sees what all processes have counted, those included that are no more: counters and distributions stay, up-down
    counters and gauges go with their process unless their definition says ``keep=True``. The verbs and :meth:`bind`
    give live series of this process alone.

    A process that ends well loses nothing, one that is killed what it recorded since it published last. The first
    process of an app that starts while no other one lives begins from nothing.

    :ivar own: what this process has recorded: a registry to read from.
    """

    def __init__(
        self,
        app: str,
        *,
        directory: str | os.PathLike[str] | None = None,
        interval: float = 0.2,
        durable: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        resource: TagsLike | None = None,
        budget: int = DEFAULT_BUDGET,
        expire_after: float | None = None,
        filters: Iterable[MetricFilter] = (),
    ) -> None:
        """Join the other processes of ``app``, or be the first.

        Where processes cannot share (no such folder, a file system without locks, Windows) this says so in the log and
        in ``polymeter.shared.apart``, and counts for this process alone.

        :param app: the name by which the processes of one app meet, and those of two apps do not.
        :param directory: where the folder of that name is made; default: one of this user's, in memory where possible.
        :param interval: seconds between two times that this process publishes.
        :param durable: publish each record before it returns, so that a killed process loses none. Takes some 50 us
            each.
        :param resource: tags of everything recorded here (service name, host): exported once, not per series.
        :param budget: how many series one metric may have, in each process, unless its definition says otherwise.
        :param expire_after: seconds without a record in any process after which a series ends.
        :param filters: what renames, drops and denies metrics, the same in every process: see
            :mod:`polymeter.registries.filters`.
        :raises DefinitionError: for a name, an interval, a budget or an ``expire_after`` that cannot be.
        :raises InvalidTagsError: for a resource that is no tags.
        """
        self.app = checked_app(app)
        if not 0 < interval < float("inf"):
            message = f"SharedRegistry({app!r}, interval={interval!r}): give a positive number of seconds"
            raise DefinitionError(message)
        own = OwnRegistry(clock=clock, resource=resource, budget=budget, expire_after=expire_after, filters=filters)
        super().__init__(own)
        self._directory = None if directory is None else Path(directory)
        self._budget = budget
        self._expire_after = expire_after
        self._is_durable = durable
        self._failures: dict[str, int] = {}
        self._logged_at: float | None = None
        self._beat = Beat(interval, self._publish, self._await_record)
        self._turn, self._obeying = Turn(), Turn()
        self._run: Run | None = None
        self._orders_done = 0
        self._started = own.now()
        self._is_closed = False
        self._place = self._entered()
        self._connect()
        if durable:
            own.tell_of_each(self._publish)
        elif self._place is not None:
            self._await_record()
        self._last_call = LastCall(lambda: None, self._publish_at_exit, _EXIT_SECONDS)
        self._last_call.stand_by()
        after_fork(self)

    def _entered(self) -> Place | None:
        self._path = (self._directory or default_directory()) / self.app
        try:
            return Place(self._path)
        except CannotShareError as error:
            logging.getLogger("polymeter.registries").error(  # noqa: TRY400 - its message is all there is to know
                "the processes of %r cannot share their metrics in %s (%s): each counts for itself, and what is read "
                "is of one process alone",
                self.app,
                self._path.parent,
                error,
            )
            return None

    def _move(self) -> None:
        """Meet the others anew, where the user may whom this process works for now.

        A server that root starts has its workers work for another user once they are forked.
        """
        before = self._place
        self._published.let_go()
        self._view.close()
        if before is not None:
            before.leave()
        self._place = self._entered()
        self._connect()

    def _connect(self) -> None:
        """Begin as a writer of this place that has published nothing."""
        if self._place is not None:
            self._published = Own(self.own, self._place)
            self._view = View(self._place, self._published, self, self._ended, self._note)
            self._run = self._place.run()
            try:
                self._orders_done = max((number for number, _, _ in self._place.orders()), default=0)
            except OSError as error:
                self._note(error)

    # -- publishing

    def publish(self) -> None:
        """Publish what this process has recorded, now."""
        self._publish()

    def _publish_at_exit(self) -> None:
        self.own.drain()
        if self._is_closed and not self.own.touched:
            return  # and the folder may be gone: it was a test's
        self._publish()

    def _publish(self) -> bool:
        """Publish; tell whether there was anything to publish."""
        self._last_call.tell_servers()  # that were imported after us
        published = False

        def publish(run: Run) -> None:
            nonlocal published
            published = self._published.publish(run)

        self._alone(publish)
        return published

    def _alone(self, work: Callable[[Run], object]) -> bool:
        """Do something with the files, as the only thread; tell whether it was done."""
        if self._turn.is_inherited:
            self.after_fork_in_child()
        place = self._place
        if place is None:
            return False
        self._obey(place)
        self.own.drain()
        claim, turn, outer = new_claim(), self._turn, here.claim
        try:
            if not turn.comes(claim, wait=True):
                return False
            here.claim = claim
            if place.user != _user():
                self._move()
            if self._run is not None and self._place is not None:
                work(self._run)
                return True
        except Exception as error:  # noqa: BLE001 - whoever records or reads must not notice; it is tried again
            self._note(error)
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]
            here.claim = outer
        return False

    def _obey(self, place: Place) -> None:
        """Do what other processes have said since: clear, or forget. One thread at a time; whatever fails is noted."""
        claim, turn = new_claim(), self._obeying
        try:
            if turn.comes(claim, wait=True) and place.user == _user():
                self._enter_again(place)
                self._follow(place)
        except Exception as error:  # noqa: BLE001 - as in `_alone`
            self._note(error)
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]

    def _enter_again(self, place: Place) -> None:
        """Come back if the folder was removed, or what says which run it is was damaged."""
        if place.is_left:
            place.enter()
        elif not place.is_in_place():
            place.enter()
            self._note(FileNotFoundError(errno.ENOENT, "files were removed; they are made again", str(place.path)))
        run, known = place.run(), self._run
        if known is not None and (run is None or (run.id == known.id and run.epoch < known.epoch)):
            place.mend(known)

    def _follow(self, place: Place) -> None:
        run, known = place.run(), self._run
        if run is not None:
            if known is not None and run.id == known.id and run.epoch > known.epoch:
                self.own.clear()
                self._forget_readers()
            self._run = run
        for number, name, tags in place.orders():
            if number > self._orders_done:
                self.own.forget(name, tags)
                self._orders_done = number

    def _note(self, error: Exception) -> None:
        """Count a failure; say it in the log, at most once a minute."""
        number = getattr(error, "errno", None)
        reason = errno.errorcode.get(number, "") if isinstance(number, int) else ""
        reason = reason or type(error).__name__
        self._failures[reason] = self._failures.get(reason, 0) + 1
        now = self.clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= _LOG_INTERVAL:
            self._logged_at = now
            with suppress(Exception):  # a handler or filter of the user's
                logging.getLogger("polymeter.registries").warning(
                    "the metrics of %r could not be shared in %s (%s); it is tried again, and logged at most once per "
                    "%.0f s",
                    self.app,
                    self._path,
                    error,
                    _LOG_INTERVAL,
                )

    def _await_record(self) -> None:
        self.own.on_next_record(self._beat.start)

    # -- reading

    def _answered(self, ask: Callable[[], _Answer]) -> _Answer:
        """Read what is new, and ask before another thread goes on.

        It publishes first, else the view of the others would lack what this process shows itself.
        """
        answers: list[_Answer] = []

        def refresh(run: Run) -> None:
            for step in (self._published.publish, self._view.refresh):
                try:
                    step(run)
                except Exception as error:  # noqa: BLE001 - a full disk: the rest can be read all the same
                    self._note(error)
            self._published.folded(self._view.ends_taken())
            answers.append(ask())

        self._alone(refresh)
        return answers[0] if answers else ask()

    def _seen(self) -> list[Metric]:
        return self.own.all() if self._place is None else self._answered(self._metrics)

    def _metrics(self) -> list[Metric]:
        return self._view.metrics()

    def all(self) -> list[Metric]:
        """Give the value of every series of all processes."""
        return [metric for metric in self._seen() if not metric.name.startswith(RESERVED)]

    _folded = all

    def total(self, name: str, tags: TagsLike | None = None) -> float:
        """Give the sum over all series of a name that include ``tags``, in all processes, in the metric's unit.

        Without ``tags`` this includes series that have ended. A timer's total is the time spent, a histogram's the sum
        of what was observed. 0 for an unknown name.

        :raises InvalidTagsError: for tags that are none.
        """
        if self._place is None:
            return self.own.total(name, tags)
        wanted = Tags.of(tags)
        living, ended = self._answered(lambda: (self._metrics(), [] if tags else self._view.ended(name)))
        meant = [each for each in living if each.name == name and each.tags.contains(wanted)]
        return sum(getattr(metric, "sum", metric.value) for metric in (*meant, *ended) if not name.startswith(RESERVED))

    def snapshot(self) -> Snapshot:
        """Give everything of now, of all processes, with the definitions and the ``polymeter.*`` metrics of all."""
        place = self._place
        if place is None:
            snapshot = self.own.snapshot()
            apart = Gauge(_APART.name, 1, start=snapshot.taken_at, timestamp=snapshot.taken_at)
            return snapshot.plus([apart], {_APART.name: _APART})
        metrics = self._seen()
        now, run = self.own.now(), self._run
        definitions = {**self.own.snapshot_definitions(), **self._view.definitions}
        series = sum(not metric.name.startswith(RESERVED) for metric in metrics)
        return Snapshot(
            [*metrics, Gauge("polymeter.series", series, start=now, timestamp=now), *self._losses(now)],
            definitions={**definitions, **_DEFINITIONS},
            resource=self.resource,
            taken_at=now,
            writer="" if run is None else run.id,
            epoch=0 if run is None else run.epoch,
            own=self.own.snapshot,
        )

    def _losses(self, now: float) -> list[Metric]:
        start, place = self._started, self._place
        damaged = self._view.damaged + (0 if place is None else place.damaged)
        losses: list[Metric] = []
        if damaged:
            losses.append(Counter(_DAMAGED.name, damaged, start=start, timestamp=now))
        for reason, times in self._failures.copy().items():
            losses.append(Counter(_FAILED.name, times, {"reason": reason}, start=start, timestamp=now))
        return losses

    def health(self) -> RegistryHealth:
        """Give what became of the records of this process."""
        return self.own.health()

    # -- what the view asks

    def budget_of(self, name: str, /) -> int:
        """Give how many series of a metric are kept of processes that are no more."""
        definition = self._view.definitions.get(name)
        return self._budget if definition is None or definition.budget is None else definition.budget

    def expiry_of(self, name: str, /) -> float | None:
        """Give the seconds after which a series of a metric ends that nobody records on."""
        definition = self._view.definitions.get(name)
        said = None if definition is None else definition.expire_after
        return self._expire_after if said is None else said

    # -- ends

    def forget(self, name: str, tags: TagsLike | None = None) -> int:
        """End the series of ``name`` whose tags include ``tags``, in all processes; give how many those were.

        What they had counted stays in ``total(name)``. Other processes do it when they publish next.

        :raises InvalidTagsError: for tags that are none.
        """
        wanted = Tags.of(tags)
        if self._place is None:
            return self.own.forget(name, wanted)
        ending = len(self.find(name, wanted))
        self.own.forget(name, wanted)

        def forget(run: Run) -> None:
            self._published.publish(run)
            number = self._view.fold((name, wanted))
            self._orders_done = max(self._orders_done, number or 0)

        self._alone(forget)
        return ending

    def clear(self) -> None:
        """Forget all values of all processes and start a new epoch; definitions stay, and so do bound series.

        Other processes do it when they publish next; until then what they have published is not looked at.
        """
        claim, turn = new_claim(), self._obeying
        try:
            turn.comes(claim, wait=True)  # or another thread would take it for somebody else's order, and do it again
            self.own.clear()
            self._forget_readers()
            if self._place is not None:
                self._run = self._place.begin_epoch() or self._run
        except OSError as error:
            self._note(error)
        finally:
            if None in turn.claims and turn.claims[None] is claim:
                del turn.claims[None]

    def tell_too(self, tell: Callable[[float], list[Metric]], definitions: Mapping[str, MetricDefinition]) -> None:
        """Have metrics of somebody else's, ``polymeter.*`` too, among those of the registry itself.

        :param tell: gives them; takes Unix seconds of now.
        """
        self.own.tell_too(tell, definitions)

    def close(self) -> None:
        """Publish, and hand over to the others what this process has counted; harmless to repeat.

        It is as if the process ended here: what is recorded afterwards counts as of another one.
        """
        self._is_closed = True
        self._beat.stop()
        self._publish()

        def let_go(_: Run) -> None:
            self._published.let_go()
            self._view.close()
            if self._place is not None:
                self._place.leave()

        self._alone(let_go)
        self.own.hand_over()
        self._connect()
        if self._place is not None and not self._is_durable:
            self._await_record()

    def on_next_record(self, wake: Callable[[], object], /) -> bool:
        """Have ``wake`` called once, when this process makes its next record; see :class:`CanTell`."""
        self.after_fork_in_child()  # if our own hook comes later, it would forget this
        return self.own.on_next_record(wake)

    def after_fork_in_child(self) -> None:
        """Start from zero as a new writer: what the parent recorded is the parent's to publish."""
        if not self._turn.is_inherited:
            return
        self._turn, self._obeying = Turn(), Turn()
        self._started = self.own.now()
        self.own.after_fork_in_child()
        self._failures = {}
        if self._place is not None:
            self._place.after_fork_in_child()
            self._published.let_go()
            self._view.close()
            self._connect()
            if not self._is_durable:
                self.own.on_next_record_in_child(self._beat.start)
        self._last_call.tell_multiprocessing()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.app!r})"


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
