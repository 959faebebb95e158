"""PrometheusExporter: what Prometheus scrapes, in each of its formats."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from polymeter.data.kind import Kind
from polymeter.data.snapshot import Snapshot
from polymeter.exporters.prometheus.escaping import Escaping
from polymeter.exporters.prometheus.exposition import Exposition
from polymeter.exporters.prometheus.families import Families
from polymeter.exporters.prometheus.naming import Labels, Naming, with_total
from polymeter.exporters.prometheus.negotiation import TEXT_0_0_4, Format, negotiated
from polymeter.exporters.prometheus.protobuf_families import ProtobufWriter
from polymeter.exporters.prometheus.styles import Styles
from polymeter.exporters.prometheus.text_families import TextWriter
from polymeter.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.exporters.prometheus.families import Family
    from polymeter.exporters.prometheus.negotiation import Wanted
    from polymeter.exporters.prometheus.styles import StyleLike
    from polymeter.exporters.serving import Credential, Server
    from polymeter.exporters.serving.asgi import AsgiApp
    from polymeter.exporters.serving.listening import Tls
    from polymeter.exporters.serving.wsgi import WsgiApp

__all__ = ["PrometheusExporter", "Writer"]

_METRICS_AT_ONCE: Final = 1024
"""Metrics that are sorted into families in one slice: about a millisecond's work."""


Slice = TypeVar("Slice")


class Writer(Protocol[Slice]):
    """Writes families in one format."""

    naming: Naming
    nothing: Slice
    end: Slice

    def target_info(self, labels: Labels) -> Slice:
        """Give the family of the resource."""
        ...

    def family(self, family: Family) -> Iterator[Slice]:
        """Give a family in slices."""
        ...


class PrometheusExporter:
    """Renders metrics in the formats of Prometheus: text, OpenMetrics and protobuf with native histograms.

    Attached to a facade (``metrics.export_to(exporter)``) it reads the newest state itself, so nothing has to be
    exported first. Used alone, it renders what was given to ``export`` last.

    Two names that Prometheus cannot tell apart share a family if they are of the same type; if they are not, the
    second gets its type as a suffix, and a warning says so once.
    """

    temporality: Temporality = "cumulative"
    content_type: Final = TEXT_0_0_4.content_type

    def __init__(
        self,
        *,
        histograms: StyleLike = "classic",
        styles: Mapping[str, StyleLike] | None = None,
        created: bool = False,
        target_info: bool = True,
        utf8_names: bool = False,
        resource_labels: Iterable[str] = (),
    ) -> None:
        """Make an exporter.

        :param histograms: what histograms and timers become: ``"classic"`` (buckets up to the bounds of the definition,
            else of defaults for the unit), ``Classic(0.1, 1, 10)`` (other bounds, in base units), ``"native"`` (native
            histograms in protobuf, classic ones in text) or ``Quantiles(0.5, 0.99)`` (summaries).
        :param styles: the same for single metrics: a name, or the beginning of names and ``*`` -> style.
        :param created: whether the time at which each series began is a sample of its own (``_created``).
        :param target_info: whether the resource is shown, as ``target_info``.
        :param utf8_names: whether a Prometheus that asks for it is given names with the dots of ours
            (``inference.duration_seconds``), instead of those that every Prometheus can take.
        :param resource_labels: tags of the resource (``env``, ``service.name``) that every series is to have as labels,
            where it has no such tag of its own; otherwise they are in ``target_info`` alone.
        :raises DefinitionError: for a style that there is not.
        """
        self._styles = Styles(histograms, styles)
        self._created = created
        self._target_info = target_info
        self._utf8_names = utf8_names
        self._resource_labels = frozenset((resource_labels,) if isinstance(resource_labels, str) else resource_labels)
        self._readers: list[Callable[[], Snapshot]] = []
        self._exported = Snapshot()
        self._warned: set[str] = set()

    def attach(self, read: Callable[[], Snapshot], /) -> Subscription:
        """Read through ``read`` from now on."""
        self._readers.append(read)
        return Subscription(lambda: self._readers.remove(read))

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Keep ``snapshot`` for the next rendering of an exporter that is not attached."""
        self._exported = Snapshot.of(snapshot)

    def render(self, snapshot: Iterable[Metric] | None = None) -> str:
        """Give the text, in the format 0.0.4.

        :param snapshot: what to render; default: the newest state, else what was exported last.
        """
        writer = self._text_writer(TEXT_0_0_4)
        return "".join(self._slices(writer, frozenset(), lambda: self._read(snapshot)))

    def exposition(self, accept: str | None = "", *, names: Iterable[str] = ()) -> Exposition:
        """Give what answers a scrape, in the format that it asks for.

        :param accept: the request's ``Accept`` header; without one, or with one that asks for nothing that there is,
            the format is text 0.0.4.
        :param names: of families or samples, as they are shown (``name[]`` of a request); none: everything.
        """
        wanted = negotiated(accept or "")
        filtered = frozenset((names,) if isinstance(names, str) else names)

        def slices() -> Iterator[bytes]:
            if wanted.format is Format.PROTOBUF:
                return self._slices(ProtobufWriter(self._naming(wanted)), filtered, self._read)
            return map(str.encode, self._slices(self._text_writer(wanted), filtered, self._read))

        return Exposition(wanted.content_type, slices)

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric's family in Prometheus; with ``utf8_names`` also the one with dots, if it differs.

        A clash with another metric is not foreseen here.
        """
        ways = [Naming(), Naming(Escaping.ALLOW_UTF_8, is_dotted=True)] if self._utf8_names else [Naming()]
        unit, is_counter = definition.resolved_unit, definition.kind is Kind.COUNTER
        bases = [way.base(definition.name, definition.kind, unit) for way in ways]
        return tuple(dict.fromkeys(with_total(base) if is_counter else base for base in bases))

    # -- serving: see polymeter.exporters.serving

    def asgi_app(self, *, auth: Credential | None = None, gzip: bool = True) -> AsgiApp:
        """Give an ASGI app to mount; see :func:`polymeter.exporters.serving.asgi_app`."""
        from polymeter.exporters.serving import asgi_app

        return asgi_app(self, auth=auth, gzip=gzip)

    def wsgi_app(self, *, auth: Credential | None = None, gzip: bool = True) -> WsgiApp:
        """Give a WSGI app to mount; see :func:`polymeter.exporters.serving.wsgi_app`."""
        from polymeter.exporters.serving import wsgi_app

        return wsgi_app(self, auth=auth, gzip=gzip)

    def serve(
        self,
        port: int = 9464,
        host: str = "127.0.0.1",
        *,
        path: str = "/metrics",
        auth: Credential | None = None,
        tls: Tls | None = None,
        gzip: bool = True,
    ) -> Server:
        """Serve on a port, on a thread of its own, until ``close()``; see :func:`polymeter.exporters.serving.serve`.

        :raises CannotServeError: if the port cannot be had.
        """
        from polymeter.exporters.serving import serve

        return serve(self, port, host, path=path, auth=auth, tls=tls, gzip=gzip)

    # -- rendering

    def written(self, writer: Writer[Slice], snapshot: Iterable[Metric]) -> Iterator[Slice]:
        """Give ``snapshot`` in a format of another exporter, in slices of about a millisecond's work."""
        return self._slices(writer, frozenset(), lambda: self._read(snapshot))

    def _read(self, given: Iterable[Metric] | None = None) -> list[Snapshot]:
        if given is not None:
            return [Snapshot.of(given)]
        return [read() for read in list(self._readers)] or [self._exported]

    def _naming(self, wanted: Wanted) -> Naming:
        return Naming(wanted.escaping, is_dotted=self._utf8_names)

    def _text_writer(self, wanted: Wanted) -> TextWriter:
        is_openmetrics = wanted.format is Format.OPENMETRICS
        return TextWriter(self._naming(wanted), is_openmetrics=is_openmetrics, created=self._created)

    def _slices(
        self, writer: Writer[Slice], names: frozenset[str], read: Callable[[], list[Snapshot]]
    ) -> Iterator[Slice]:
        snapshots = read()
        yield writer.nothing
        families = Families(writer.naming, self._styles)
        resource: Labels = ()
        while snapshots:  # each is let go when it has been sorted: what was rendered need not be kept any longer
            snapshot = snapshots.pop(0)
            if self._target_info:
                resource = resource or writer.naming.labels(snapshot.resource.canonical)
            take = families.sorter(snapshot.definitions)
            metrics = self._labelled(snapshot)
            while some := list(islice(metrics, _METRICS_AT_ONCE)):
                take(some)
                yield writer.nothing
            del snapshot, metrics, some
        if resource and (not names or "target_info" in names):
            yield writer.target_info(resource)
        for family in families.settled({"target", "target_info"} if resource else set(), self._warn):
            if not names or not names.isdisjoint(family.claims):
                yield from writer.family(family)
            for source in family.sources:
                while source.metrics:  # to let go of very many takes its time, too
                    del source.metrics[-_METRICS_AT_ONCE:]
                    yield writer.nothing
        yield writer.end

    def _labelled(self, snapshot: Snapshot) -> Iterator[Metric]:
        """Give the metrics, with those tags of the resource that they are to show."""
        shown = {tag: text for tag, text in snapshot.resource.canonical if tag in self._resource_labels}
        if not shown:
            return iter(snapshot)
        return (metric.retagged({**shown, **metric.tags}) for metric in snapshot)

    def _warn(self, wanted: str, got: str) -> None:
        if wanted not in self._warned:
            self._warned.add(wanted)
            import logging  # dear to import, and rarely needed

            logging.getLogger("polymeter.exporters").warning(
                "Prometheus cannot tell two metrics named %s apart: one is %s there", wanted, got
            )
