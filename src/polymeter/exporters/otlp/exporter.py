"""OTLPExporter: to whatever receives OpenTelemetry."""

from __future__ import annotations

import os
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.data.snapshot import Snapshot
from polymeter.data.tags import Tags
from polymeter.errors import DeliveryError
from polymeter.exporters.otlp.attributes import typed
from polymeter.exporters.otlp.environment import Environment
from polymeter.exporters.otlp.json_text import JsonText
from polymeter.exporters.otlp.naming import instrument_name
from polymeter.exporters.otlp.protobuf import Protobuf
from polymeter.exporters.otlp.rendering import NOTHING_SENT, Renderer
from polymeter.exporters.otlp.resource import KnownResource, Resource
from polymeter.exporters.otlp.settings import settings_of
from polymeter.exporters.otlp.style import style_of
from polymeter.exporters.otlp.version import version
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.exporters.http import Backoff
    from polymeter.exporters.http.route import Tls
    from polymeter.exporters.otlp import settings, style
    from polymeter.exporters.otlp.answers import Rejected
    from polymeter.exporters.otlp.exemplars import ExemplarFilter

__all__ = ["OTLPExporter"]

_LOG_INTERVAL: Final = 60.0
"""Seconds between two lines in the log about what was not taken."""


class Sender(Protocol):
    """Takes requests where they should go.

    :ivar server: host and port.
    """

    server: str

    def send(self, body: bytes) -> Rejected:
        """Deliver a request; give what was not taken of it."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class OTLPExporter:
    """Sends metrics by OTLP, over HTTP (protobuf or JSON) or gRPC.

    What is not given is taken from the ``OTEL_*`` variables, and from defaults where those say nothing.

    Counters become monotonic sums, up-down counters sums that are not, gauges gauges, histograms and timers exponential
    or explicit histograms; all in base units. Sums of up-down counters are always totals, whatever ``temporality``
    says. A series that is no longer there is ended by a point without a value.

    :ivar temporality: ``cumulative`` or ``delta``.
    :ivar delivers: each process sends what it has recorded itself, as an instance of its service of its own.
    :ivar rejected: points that the receiver has said it did not take.
    """

    delivers: ClassVar[str] = "own"
    is_quick: ClassVar[bool] = False

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        protocol: settings.Protocol | None = None,
        temporality: Temporality | None = None,
        histograms: style.Histograms | None = None,
        max_buckets: int | None = 160,
        exemplars: ExemplarFilter | None = None,
        headers: Mapping[str, str] | None = None,
        compression: settings.Compression | None = None,
        timeout: float | None = None,
        tls: Tls | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        backoff: Backoff | None = None,
        resource: TagsLike | None = None,
        detect_resource: bool = True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Make an exporter; nothing is sent yet.

        :param endpoint: URL of the receiver; without a path it gets ``/v1/metrics``. For gRPC scheme, host and port
            count. Default: this machine, port 4318, for gRPC 4317.
        :param protocol: ``http/protobuf`` (the default), ``http/json``, or ``grpc``, which needs the extra
            ``otlp-grpc``.
        :param temporality: ``cumulative`` (the default): totals since the start; ``delta``: what came since the last
            export that succeeded.
        :param histograms: what histograms and timers become: ``exponential`` (the default) or ``explicit``: with the
            buckets of the definition, else with those of OpenTelemetry.
        :param max_buckets: so many has an exponential histogram at most of each sign, at the price of precision;
            ``None``: all 64 per doubling, nothing is lost.
        :param exemplars: which of them are sent: ``always_on`` (the default; all), ``trace_based`` (those of a trace),
            ``always_off``.
        :param headers: sent with every request; for gRPC as metadata.
        :param compression: ``gzip`` (the default) or ``none``.
        :param timeout: seconds for one export, if that is less than its deadline.
        :param tls: whom to trust: the path of a PEM file or, not for gRPC, a context; default: whom the machine trusts.
        :param client_certificate: PEM file with a certificate to show.
        :param client_key: PEM file with its key, if that is not in the same file.
        :param backoff: how often to try again, and when.
        :param resource: attributes of everything; they win over those of the registry, and those over what is detected.
        :param detect_resource: whether process, host and container are described.
        :param clock: what times are taken from.
        :raises DefinitionError: for anything that cannot be.
        :raises MissingExtraError: for gRPC, if ``grpcio`` is not installed.
        """
        environment = Environment(os.environ, _warn)
        self._is_disabled = environment.is_true("OTEL_SDK_DISABLED")
        rendered_as = style_of(
            environment, temporality=temporality, histograms=histograms, most=max_buckets, exemplars=exemplars
        )
        self.temporality: Temporality = rendered_as.temporality
        chosen = settings_of(
            environment,
            endpoint=endpoint,
            protocol=protocol,
            headers=headers,
            compression=compression,
            timeout=timeout,
            tls=tls,
            certificate=client_certificate,
            key=client_key,
        )
        self._protocol = chosen.protocol
        self._clock = clock
        self._resource = Resource(Tags.of(resource), detects=detect_resource, warn=_warn)
        self._told: set[str] = set()
        self._renderer: Renderer[Any] = (
            Renderer(JsonText(), rendered_as, self._clash)
            if chosen.protocol == "http/json"
            else Renderer(Protobuf(), rendered_as, self._clash)
        )
        self._sender = _sender(chosen, self._renderer.content_type, backoff, clock)
        self._sent = NOTHING_SENT
        self.rejected = 0
        self._logged_at: float | None = None
        after_fork(self)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Send everything in ``snapshot``.

        :raises DeliveryError: if that failed, or nothing of it was taken.
        """
        if self._is_disabled:
            return
        whole = Snapshot.of(snapshot)
        resource = typed(self._resource.of(whole.resource))
        rendered = self._renderer.render(whole, self._clock.wall(), resource, version(), self._sent)
        if not rendered.points:
            self._sent = rendered.sent
            return
        rejected = self._sender.send(rendered.body)
        self._note(rejected, rendered.points)
        self._sent = rendered.sent

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric in OpenTelemetry. A clash with another metric is not foreseen here."""
        return (instrument_name(definition.name, definition.resolved_unit),)

    def identity(self, snapshot: Snapshot) -> dict[str, str]:
        """Give the resource as text, for who sends ``snapshot`` in the place of this process."""
        return {"resource": self._resource.text_of(snapshot.resource)}

    def speaking_for(self, identity: Mapping[str, str]) -> OTLPExporter:
        """Give an exporter to the same receiver for the numbers of another process.

        :param identity: what :meth:`identity` gave there; without a resource the numbers are ours.
        """
        if "resource" not in identity:
            return self
        other: OTLPExporter = copy(self)
        other._resource = KnownResource(identity["resource"])
        other._sent = NOTHING_SENT
        return other

    def close(self) -> None:
        """Close the connection that is kept between two exports; another export makes a new one."""
        self._sender.close()

    def after_fork_in_child(self) -> None:
        """Be another instance: what the parent has sent is the parent's."""
        self._sent = NOTHING_SENT
        self.rejected = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sender.server!r}, protocol={self._protocol!r})"

    def _note(self, rejected: Rejected, points: int) -> None:
        """Count what was not taken, and say so once in a while."""
        if not rejected.points and not rejected.why:
            return
        self.rejected += rejected.points
        if rejected.points >= points:
            message = f"{self._sender.server} took none of {points} points: {rejected.why or 'it does not say why'}"
            raise DeliveryError(message, reason="rejected")
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= _LOG_INTERVAL:
            self._logged_at = now
            _warn(
                f"{self._sender.server} did not take {rejected.points} of {points} points: "
                f"{rejected.why or 'it does not say why'} (logged at most once per {_LOG_INTERVAL:.0f} s)"
            )

    def _clash(self, name: str, got: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _warn(f"OpenTelemetry cannot tell {name!r} from another metric: it is {got!r} there")


def _sender(chosen: settings.Settings, content_type: str, backoff: Backoff | None, clock: Clock) -> Sender:
    if chosen.protocol == "grpc":
        from polymeter.exporters.otlp.over_grpc import OverGrpc

        return OverGrpc(chosen, backoff, clock)
    from polymeter.exporters.otlp.over_http import OverHttp

    return OverHttp(chosen, content_type, backoff, clock)


def _warn(said: str) -> None:
    import logging  # dear to import, and rarely needed

    logging.getLogger("polymeter.exporters").warning("%s", said)
