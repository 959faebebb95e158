"""PushgatewayExporter: to a Prometheus Pushgateway, for jobs that end before anybody scrapes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from polymeter.errors import DefinitionError, DeliveryError
from polymeter.exporters.http import HttpTransport
from polymeter.exporters.prometheus import PrometheusExporter
from polymeter.exporters.pushgateway_group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric
    from polymeter.data.tags import TagsLike
    from polymeter.exporters.http import Backoff
    from polymeter.exporters.http.route import Tls

__all__ = ["PushgatewayExporter"]

_WHY: Final = (
    "the log of the Pushgateway says why; "
    "400 is often a metric that another group has pushed under the same name, but as another type"
)


class PushgatewayExporter:
    """Pushes everything to a group of a Pushgateway, in the text format that Prometheus scrapes.

    The group is the job and the ``grouping``. An export replaces what the group held, so each process that pushes needs
    a group of its own: ``grouping={"instance": ...}``. A tag that has the name of a label of the group is pushed as
    ``exported_NAME``.
    """

    temporality: Temporality = "cumulative"
    is_quick: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        job: str,
        *,
        grouping: TagsLike | None = None,
        method: Literal["PUT", "POST"] = "PUT",
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        tls: Tls | None = None,
        gzip: bool = False,
        backoff: Backoff | None = None,
        prometheus: PrometheusExporter | None = None,
    ) -> None:
        """Make an exporter; nothing is sent yet.

        :param url: of the gateway, such as ``http://localhost:9091``.
        :param job: what the label ``job`` will be.
        :param grouping: more labels, which make the group.
        :param method: ``PUT`` replaces the group; ``POST`` only the metrics in it that have a name of a pushed one.
        :param headers: sent with every request.
        :param auth: user and password.
        :param timeout: seconds for one export, if that is less than its deadline.
        :param tls: whom to trust: a context, or the path of a PEM file; default: whom the machine trusts.
        :param gzip: whether to compress; gateways older than 1.5 do not understand that.
        :param backoff: how often to try again, and when.
        :param prometheus: what renders; default: ``PrometheusExporter()``.
        :raises DefinitionError: for anything that cannot be.
        """
        if method not in {"PUT", "POST"}:
            message = f"a Pushgateway is pushed to by PUT or POST, not by {method!r}"
            raise DefinitionError(message)
        self._group = Group(job, grouping)
        self._method = method
        self._text = prometheus or PrometheusExporter()
        self._transport = HttpTransport(
            url, headers=headers, auth=auth, timeout=timeout, tls=tls, gzip=gzip, backoff=backoff
        )

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Push everything in ``snapshot``.

        :raises DeliveryError: if that failed.
        """
        body = self._text.render(self._group.without_clashes(snapshot)).encode()
        try:
            self._transport.send(self._method, self._group.path, body, self._text.content_type)
        except DeliveryError as error:
            if error.reason == "rejected":
                error.add_note(_WHY)
            raise

    def delete(self) -> None:
        """Take the group out of the gateway, with all that was pushed to it; harmless if there is none.

        :raises DeliveryError: if that failed.
        """
        self._transport.send("DELETE", self._group.path)

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric in Prometheus."""
        return self._text.names(definition)

    def close(self) -> None:
        """Close the connection that is kept between two exports; another export makes a new one."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._transport.server!r})"
