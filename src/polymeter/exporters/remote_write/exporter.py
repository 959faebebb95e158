"""RemoteWriteExporter: to Prometheus, VictoriaMetrics, Mimir, Thanos and all others that take remote write."""

from __future__ import annotations

from copy import copy
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from polymeter.data.kind import Kind
from polymeter.data.snapshot import Snapshot
from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters.http import HttpTransport
from polymeter.exporters.prometheus.exporter import PrometheusExporter
from polymeter.exporters.prometheus.naming import with_total
from polymeter.exporters.remote_write.identity import Identity, KnownIdentity, SentNaming
from polymeter.exporters.remote_write.known import Known
from polymeter.exporters.remote_write.requests import requests
from polymeter.exporters.remote_write.sending import NotUnderstoodError, Sender
from polymeter.exporters.remote_write.timeline import Timeline
from polymeter.exporters.remote_write.version1 import Version1
from polymeter.exporters.remote_write.version2 import Version2
from polymeter.exporters.remote_write.writer import SeriesWriter
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.exporters.http import Backoff
    from polymeter.exporters.http.route import Tls
    from polymeter.exporters.prometheus.styles import StyleLike
    from polymeter.exporters.remote_write.encoding import Encoding

__all__ = ["RemoteWriteExporter"]

_WHY: Final = (
    "the log of the receiver says why; 400 is often a sample that is too old for it, or two processes that write the "
    "same series (instance= tells them apart); 404 a URL without its path (/api/v1/write), or a Prometheus without "
    "--web.enable-remote-write-receiver"
)


class RemoteWriteExporter:
    """Sends what Prometheus would scrape to a receiver of remote write, in the labels and names of a scrape.

    Every series has the labels ``job`` and ``instance``; those tell apart the processes that send, so each of them
    sends what it has recorded itself. A series that is no more gets the staleness marker.
    """

    temporality: Temporality = "cumulative"
    delivers: ClassVar[str] = "own"
    is_quick: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        *,
        job: str | None = None,
        instance: str = "{id}",
        labels: TagsLike | None = None,
        version: Literal["1.0", "2.0"] = "1.0",
        histograms: StyleLike = "classic",
        styles: Mapping[str, StyleLike] | None = None,
        target_info: bool = True,
        utf8_names: bool = False,
        resource_labels: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        tls: Tls | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Make an exporter; nothing is sent yet.

        :param url: of the receiver, with its path, such as ``http://localhost:9090/api/v1/write``.
        :param job: the label ``job``; default: ``service.namespace/service.name`` of the resource, as far as it has
            them, else what ``OTEL_SERVICE_NAME`` says.
        :param instance: the label ``instance``, in which ``{id}`` is a random id of the process, ``{host}`` the name of
            its host and ``{pid}`` its number. No two processes may come to the same.
        :param labels: more labels of every series.
        :param version: ``"2.0"`` is shorter, and sent as long as the receiver says that it has understood it; otherwise
            everything is sent as 1.0.
        :param histograms: what histograms and timers become; see :class:`PrometheusExporter`.
        :param styles: the same for single metrics.
        :param target_info: whether the resource is sent, as ``target_info``.
        :param utf8_names: whether names have the dots of ours, for receivers that can take those (Prometheus 3).
        :param resource_labels: tags of the resource that every series is to have as labels.
        :param headers: sent with every request.
        :param auth: user and password.
        :param timeout: seconds for one request, if that is less than its deadline.
        :param tls: whom to trust: a context, or the path of a PEM file; default: whom the machine trusts.
        :param backoff: how often to try again, and when.
        :raises DefinitionError: for anything that cannot be.
        :raises MissingExtraError: without cramjam, which compresses.
        """
        if version not in {"1.0", "2.0"}:
            message = f"there is no version {version!r} of remote write: use '1.0' or '2.0'"
            raise DefinitionError(message)
        self._prometheus = PrometheusExporter(
            histograms=histograms, styles=styles, target_info=target_info, resource_labels=resource_labels
        )
        self._identity: Identity | KnownIdentity = Identity(job, instance, labels)
        self._naming = SentNaming(self._identity.names, utf8_names=utf8_names)
        self._sender = Sender(
            HttpTransport(url, headers=headers, auth=auth, timeout=timeout, tls=tls, gzip=False, backoff=backoff)
        )
        self._wants_2 = version == "2.0"
        self._timeline = Timeline()
        self._known = Known()
        self._said: set[str] = set()
        after_fork(self)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Send everything in ``snapshot``, as of the time at which it was taken.

        One that is older than what was sent is left out: no receiver would take it.

        :raises DeliveryError: if that failed. What a receiver has rejected is not sent again.
        """
        snapshot = Snapshot.of(snapshot)
        at = self._timeline.place(snapshot.taken_at)
        if at is None:
            self._say_once("a snapshot is older than what was sent, and is left out: was the clock set back?")
            return
        if self._wants_2 and self._is_understood(snapshot, at):
            return
        self._send_all(snapshot, Version1(at))

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric's family. A clash with another metric is not foreseen here."""
        base = self._naming.base(definition.name, definition.kind, definition.resolved_unit)
        return (self._naming.shown(with_total(base) if definition.kind is Kind.COUNTER else base),)

    def identity(self, snapshot: Snapshot) -> dict[str, str]:
        """Give the labels that tell this process apart, for who sends ``snapshot`` in its place."""
        return dict(self._identity.labels(snapshot.resource))

    def speaking_for(self, identity: Mapping[str, str]) -> RemoteWriteExporter:
        """Give an exporter to the same receiver for the numbers of another process.

        :param identity: what :meth:`identity` gave there; without ``job`` and ``instance`` the numbers are ours.
        """
        if not {"job", "instance"} <= identity.keys():
            return self
        other: RemoteWriteExporter = copy(self)
        other._identity = KnownIdentity(identity)
        other._naming = SentNaming(other._identity.names, utf8_names=self._naming.is_dotted)
        other._timeline = Timeline()
        other._known = Known()
        return other

    def close(self) -> None:
        """Close the connection that is kept between two exports; another export makes a new one."""
        self._sender.close()

    def after_fork_in_child(self) -> None:
        """Leave what was sent to the parent: the child has sent nothing, and is another instance."""
        self._known = Known()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sender.server!r})"

    # -- sending

    def _is_understood(self, snapshot: Snapshot, at: int) -> bool:
        """Send as version 2.0, and tell whether the receiver knows that; if it does not, it has kept nothing."""
        try:
            self._send_all(snapshot, Version2(at))
        except NotUnderstoodError:
            self._wants_2 = False
            self._say_once("the receiver does not know remote write 2.0; from now on it gets 1.0")
            return False
        except DeliveryError as error:
            if error.reason != "rejected" or self._sender.has_understood_2:
                raise
            # Perhaps it is the version that is rejected (415), perhaps what is sent: version 1.0 will tell.
            self._send_all(snapshot, Version1(at))
            self._wants_2 = False
            self._say_once("the receiver rejects remote write 2.0; from now on it gets 1.0")
        return True

    def _send_all(self, snapshot: Snapshot, encoding: Encoding) -> None:
        writer = SeriesWriter(self._naming, self._identity.labels(snapshot.resource), encoding, self._known)
        groups = chain(self._prometheus.written(writer, snapshot), writer.gone())
        rejected: list[DeliveryError] = []
        accepted = lost = 0
        for request in requests(groups, encoding):
            try:
                self._sender.send(request, encoding)
            except DeliveryError as error:
                if error.reason != "rejected":
                    raise
                rejected.append(error)
                lost += request.series
                if len(rejected) > 1 and not accepted:  # so will be all others
                    break
            else:
                accepted += 1
            for group in request.groups:
                if group.taken is not None:
                    group.taken()
        if rejected:
            first = rejected[0]
            first.add_note(f"{lost} samples were in requests that were rejected; {_WHY}")
            raise first

    def _say_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            import logging  # dear to import, and rarely needed

            logging.getLogger("polymeter.exporters").warning("%r: %s", self, what)
