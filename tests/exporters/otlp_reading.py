"""What OTLP requests say, read by the official definitions of their messages."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

IDS = {"traceId", "spanId"}
WHOLE = {"asInt", "timeUnixNano", "startTimeUnixNano", "count", "zeroCount", "intValue"}
"""Fields of integers of 64 bits, which JSON has as text."""


@dataclass
class Point:
    """One point.

    :ivar data: the message itself.
    """

    metric: Any
    data: Any
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self):
        """The number of a sum or gauge."""
        return getattr(self.data, self.data.WhichOneof("value"))


def request_of(body, content_type="application/x-protobuf"):
    """Decode a request."""
    if content_type == "application/json":
        return json_format.ParseDict(_as_protobuf_has_it(json.loads(body)), ExportMetricsServiceRequest())
    return ExportMetricsServiceRequest.FromString(body)


def points_of(request, name=None):
    """Give all points, or those of one metric."""
    return [
        Point(metric, data, values_of(data.attributes))
        for of_resource in request.resource_metrics
        for of_scope in of_resource.scope_metrics
        for metric in of_scope.metrics
        if name in {None, metric.name}
        for data in getattr(metric, metric.WhichOneof("data")).data_points
    ]


def one_point(request, name):
    """Give the only point of a metric."""
    [point] = points_of(request, name)
    return point


def resource_of(request):
    """Give the attributes of the resource."""
    return values_of(request.resource_metrics[0].resource.attributes)


def values_of(attributes):
    """Give attributes as a dict, each of which is there once."""
    found = {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
    assert len(found) == len(attributes)
    return found


def _as_protobuf_has_it(value):
    """Give OTLP's JSON as that of protobuf: ids are in base64 there. Integers of 64 bits have to be text."""
    if isinstance(value, list):
        return [_as_protobuf_has_it(each) for each in value]
    if not isinstance(value, dict):
        return value
    for name in WHOLE & value.keys():
        assert isinstance(value[name], str), name
    for name in {"bucketCounts"} & value.keys():
        assert all(isinstance(each, str) for each in value[name])
    return {
        name: base64.b64encode(bytes.fromhex(each)).decode() if name in IDS else _as_protobuf_has_it(each)
        for name, each in value.items()
    }
