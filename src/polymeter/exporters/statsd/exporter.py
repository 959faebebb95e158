"""StatsDExporter: to whoever speaks StatsD or DogStatsD."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING, ClassVar

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.snapshot import Snapshot
from polymeter.errors import DefinitionError
from polymeter.exporters.statsd.environment import Environment
from polymeter.exporters.statsd.levels import Levels
from polymeter.exporters.statsd.lines import Lines
from polymeter.exporters.statsd.losses import Losses, tell_clash
from polymeter.exporters.statsd.naming import milliseconds_name
from polymeter.exporters.statsd.observations import Observations, checked_bound
from polymeter.exporters.statsd.opening import Place
from polymeter.exporters.statsd.outbox import Unfinished
from polymeter.exporters.statsd.packets import packed
from polymeter.exporters.statsd.reporting import Reporting
from polymeter.exporters.statsd.sender import Sender, failure_of
from polymeter.exporters.statsd.series import SeriesTexts
from polymeter.exporters.statsd.settings import (
    checked_address,
    checked_dialect,
    checked_limit,
    checked_types,
    constant_tags,
    origin_of,
    resource_pairs,
)
from polymeter.exporters.statsd.sockets import SentPartError
from polymeter.forking import after_fork

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.exporters.statsd.dialects import DialectName, Type
    from polymeter.exporters.statsd.settings import Cardinality
    from polymeter.subscription import Subscription

__all__ = ["StatsDExporter"]


class StatsDExporter(Reporting):
    """Sends what came since the last export: counts as counts, levels as gauges, observations with their weights.

    A million increments are one line. Lines are packed into datagrams; of an export that was cut off only the rest is
    sent again.

    :ivar dropped: why -> lines that could not be sent: ``too_long``, ``infinite``, ``negative``, ``messages``.
    """

    temporality: Temporality = "delta"
    is_quick: ClassVar[bool] = False

    def __init__(
        self,
        address: str | os.PathLike[str] | None = None,
        *,
        dialect: DialectName = "datadog",
        prefix: str | None = None,
        tags: TagsLike | None = None,
        resource_tags: Iterable[str] = (),
        timers: Type | None = None,
        histograms: Type | None = None,
        repeats: int | None = None,
        timestamps: bool = False,
        packet_size: int | None = None,
        ipv6: bool = False,
        refresh: float = 60.0,
        container_id: str | None = None,
        origin_detection: bool = True,
        cardinality: Cardinality | None = None,
        exact: bool | int = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Make an exporter; nothing is opened or sent yet.

        What is not given the environment may say: ``DD_*`` in the dialect ``datadog``, ``STATSD_*`` in all.

        :param address: ``host:port``, ``udp://``, ``tcp://``, ``unix://``, ``unixgram://``, ``unixstream://`` or the
            path of a Unix socket; default: UDP to port 8125 of this machine.
        :param dialect: how lines are written: ``datadog``; ``etsy`` (tags as words of the name), ``graphite``,
            ``influx``, ``librato``, ``signalfx`` (tags behind the name), ``none`` (without tags).
        :param prefix: what every name begins with, followed by a dot.
        :param tags: of every metric, event and service check; those of a metric win.
        :param resource_tags: tags of the resource (``service.name``) that everything is to have as well.
        :param timers: type of timers: ``ms`` (the default), ``h`` or ``d``.
        :param histograms: type of histograms; default: ``h`` where the dialect has it, else ``ms``.
        :param repeats: so many values of a series are written out in one export; more are weighted by a sample rate.
        :param timestamps: whether counts and gauges say when they were true (DogStatsD 1.3).
        :param packet_size: bytes of a packet; default: 1432 for UDP, 8192 otherwise.
        :param ipv6: whether IPv6 comes first where a host has both.
        :param refresh: seconds after which the name of the host is looked up again.
        :param container_id: where this runs; default: what the operating system says.
        :param origin_detection: whether to ask the operating system.
        :param cardinality: which tags the agent is to add.
        :param exact: whether every observation is sent as it was made; a number says how many may wait for an export
            (``True``: 100,000). What does not fit leaves as the buckets say it, and is counted in ``inexact``. It takes
            a registry that can be tapped, as the default one can.
        :param clock: what ``refresh`` is measured on, and what events are dated by.
        :raises DefinitionError: for anything that cannot be.
        """
        chosen = checked_dialect(dialect)
        environment = Environment.now(is_datadog=chosen.is_datadog)
        where = checked_address(address, environment)
        self._limit = checked_limit(packet_size, where, environment)
        self._types = checked_types(chosen, timers, histograms)
        if repeats is not None and repeats < 0:
            message = f"repeats={repeats!r}: give the number of values that are written out, 0 or more"
            raise DefinitionError(message)
        if timestamps and not chosen.is_datadog:
            message = f"timestamps=True: the dialect {dialect!r} has none, only 'datadog' has"
            raise DefinitionError(message)
        if not refresh > 0:
            message = f"refresh={refresh!r}: give a positive number of seconds"
            raise DefinitionError(message)
        origin = origin_of(container_id, cardinality, environment, is_detected=origin_detection)
        self._wanted = frozenset((resource_tags,) if isinstance(resource_tags, str) else resource_tags)
        said = environment.prefix if prefix is None else prefix
        texts = SeriesTexts(
            chosen,
            prefix=f"{said.rstrip('.')}." if said else "",
            constant=constant_tags(tags, environment),
            fields=origin.of_metrics,
            clash=tell_clash,
        )
        losses = Losses()
        super().__init__(chosen, texts, origin, losses, clock)
        self._lines = Lines(
            chosen,
            texts,
            limit=self._limit,
            types=self._types,
            repeats=chosen.repeats if repeats is None else repeats,
            timestamps=timestamps,
            dropped=losses.count,
        )
        self._is_disabled = environment.is_disabled
        framed = chosen.is_datadog
        self._is_cut_anywhere = where.scheme == "tcp" or (where.scheme == "unixstream" and not framed)
        self._sender = Sender(Place(where, framed=framed, ipv6=ipv6 or environment.ipv6, refresh=refresh, clock=clock))
        self._unfinished: Unfinished | None = None
        self._observations = Observations(checked_bound(exact))
        after_fork(self)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Why -> lines that could not be sent, since the exporter was made."""
        return dict(self._losses.counts)

    @property
    def inexact(self) -> int:
        """Observations that left as their buckets say it, although ``exact`` was asked for."""
        return self._observations.missed

    def observe(self, registry: object, /) -> Subscription:
        """Keep what a registry observes, if ``exact`` was asked for; ``metrics.export_to`` calls this."""
        return self._observations.of(registry)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Send the differences in ``snapshot``, and the events and service checks that wait.

        :raises DeliveryError: if not all of it could be sent; what was is not sent again.
        """
        if self._is_disabled:
            self._waiting.clear()
            return
        snapshot = Snapshot.of(snapshot)
        self._texts.with_constant(resource_pairs(snapshot.resource, self._wanted, self._dialect))
        before, self._unfinished = self._unfinished, None
        if before is not None and before.is_dropped_by(snapshot):
            before = None
        messages = self._taken()
        waiting = [] if before is None else before.packets
        try:
            fresh = snapshot if before is None else before.new_in(snapshot)
            lines = [*messages, *self._lines.of(fresh, Levels(snapshot.definitions), self._observations.taken)]
            packets = [*waiting, *self._packed(lines)]
            self._send(packets, len(waiting), snapshot)
        except SentPartError as part:
            if self._unfinished is None:  # nothing of what is new
                self._put_back(before, messages, 0 if part.is_ambiguous else part.sent, is_doubtful=part.is_ambiguous)
            raise failure_of(part, self._sender.place) from part.error
        except BaseException:
            self._put_back(before, messages)
            raise

    def _send(self, packets: list[bytes], waiting: int, snapshot: Snapshot) -> None:
        """Send packets, and keep the rest if something that is new was sent before it failed.

        :param waiting: so many of the packets are older.
        :raises SentPartError: if not all of them could be sent.
        """
        try:
            if packets:
                self._sender.send(packets, self._losses.count_packet)
        except SentPartError as part:
            if part.sent > waiting and not part.is_ambiguous:
                self._unfinished = Unfinished(snapshot, packets[part.sent :])
                self._observations.commit()
            raise
        self._observations.commit()

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric, without the tags that some dialects write into it."""
        name, kind = definition.name, definition.kind
        if self._types.get(kind) == "ms":
            name = milliseconds_name(name, kind, definition.resolved_unit)
        return (self._texts.name(name),)

    def speaking_for(self, identity: Mapping[str, str]) -> StatsDExporter:
        """Give an exporter to the same address for the numbers of another process, whoever that was."""
        del identity
        other: StatsDExporter = copy(self)
        other._unfinished = None
        other._observations = Observations(0)
        other._waiting = deque()
        return other

    def close(self) -> None:
        """Close the socket that is kept between two exports; another export opens a new one."""
        self._sender.close()

    def after_fork_in_child(self) -> None:
        """Leave to the parent what it has not sent yet."""
        self._waiting.clear()
        self._unfinished = None
        self._observations.clear()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._sender.place.address)!r})"

    # -- what is sent

    def _packed(self, lines: list[bytes]) -> Iterable[bytes]:
        # A stream of lines is cut between any two of them: each counts by itself.
        return lines if self._is_cut_anywhere else packed(lines, self._limit)

    def _put_back(
        self, before: Unfinished | None, messages: list[bytes], sent: int = 0, *, is_doubtful: bool = False
    ) -> None:
        if before is not None:
            self._unfinished = Unfinished(before.given, before.packets[sent:], is_doubtful or before.is_doubtful)
        self._observations.roll_back()
        self._waiting.extendleft(reversed(messages))
