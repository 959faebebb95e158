"""What Prometheus understands of the protobuf format: Google's decoder, and the samples that Prometheus makes of it.

The messages are those of ``io/prometheus/client/metrics.proto`` in prometheus/client_model; what we do not send (values
of float histograms) is not among them.
"""

from __future__ import annotations

import io
import math

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.proto import parse_length_prefixed

MESSAGES = {
    "LabelPair": {"name": (1, "string"), "value": (2, "string")},
    "Timestamp": {"seconds": (1, "int64"), "nanos": (2, "int32")},
    "Exemplar": {"label": (1, "*LabelPair"), "value": (2, "double"), "timestamp": (3, "Timestamp")},
    "Gauge": {"value": (1, "double")},
    "Counter": {"value": (1, "double"), "exemplar": (2, "Exemplar"), "created_timestamp": (3, "Timestamp")},
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
    "Summary": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "quantile": (3, "*Quantile"),
        "created_timestamp": (4, "Timestamp"),
    },
    "Bucket": {"cumulative_count": (1, "uint64"), "upper_bound": (2, "double"), "exemplar": (3, "Exemplar")},
    "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
    "Histogram": {
        "sample_count": (1, "uint64"),
        "sample_sum": (2, "double"),
        "bucket": (3, "*Bucket"),
        "schema": (5, "sint32"),
        "zero_threshold": (6, "double"),
        "zero_count": (7, "uint64"),
        "negative_span": (9, "*BucketSpan"),
        "negative_delta": (10, "*sint64"),
        "positive_span": (12, "*BucketSpan"),
        "positive_delta": (13, "*sint64"),
        "created_timestamp": (15, "Timestamp"),
        "exemplars": (16, "*Exemplar"),
    },
    "Metric": {
        "label": (1, "*LabelPair"),
        "gauge": (2, "Gauge"),
        "counter": (3, "Counter"),
        "summary": (4, "Summary"),
        "histogram": (7, "Histogram"),
    },
    "MetricFamily": {
        "name": (1, "string"),
        "help": (2, "string"),
        "type": (3, "MetricType"),
        "metric": (4, "*Metric"),
        "unit": (5, "string"),
    },
}
TYPES = {"COUNTER": 0, "GAUGE": 1, "SUMMARY": 2, "UNTYPED": 3, "HISTOGRAM": 4, "GAUGE_HISTOGRAM": 5}
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
"""The ``Accept`` header that asks for it."""


def _metric_family():
    proto = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package="io.prometheus.client", syntax="proto2")
    enum = proto.enum_type.add(name="MetricType")
    for name, number in TYPES.items():
        enum.value.add(name=name, number=number)
    for message, fields in MESSAGES.items():
        added = proto.message_type.add(name=message)
        for name, (number, of_type) in fields.items():
            field = added.field.add(name=name, number=number, label=3 if of_type[0] == "*" else 1)
            scalar = getattr(field, f"TYPE_{of_type.removeprefix('*').upper()}", None)
            if scalar is None:
                field.type = field.TYPE_ENUM if of_type == "MetricType" else field.TYPE_MESSAGE
                field.type_name = f".io.prometheus.client.{of_type.removeprefix('*')}"
            else:
                field.type = scalar
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("io.prometheus.client.MetricFamily"))


MetricFamily = _metric_family()


def decode(body: bytes) -> list:
    """Give the families of a body; fail if there is a byte in it that is not theirs."""
    stream = io.BytesIO(body)
    families = []
    while (family := parse_length_prefixed(MetricFamily, stream)) is not None:
        assert not _unknown(family), "a field that is not in the schema"
        families.append(family)
    return families


def _unknown(message):
    """Tell whether a message, or one in it, holds fields that its type does not have."""
    plain = type(message)()
    plain.CopyFrom(message)
    plain.DiscardUnknownFields()
    return plain.ByteSize() != message.ByteSize()


def samples(body: bytes) -> dict:
    """Give the samples that Prometheus makes of a body, as of the text formats.

    :return: (sample name, sorted labels) -> value.
    """
    found = {}
    for family in decode(body):
        for metric in family.metric:
            labels = tuple(sorted((pair.name, pair.value) for pair in metric.label))
            for suffix, more, value in _samples(family, metric):
                key = (family.name + suffix, tuple(sorted((*labels, *more))))
                assert key not in found, f"duplicate sample {key}"
                found[key] = value
    return found


def _samples(family, metric):
    kind = TYPES_BY_NUMBER[family.type]
    assert metric.HasField(kind)
    value = getattr(metric, kind)
    if kind in {"gauge", "counter"}:
        yield "", (), value.value
        return
    yield "_count", (), value.sample_count
    yield "_sum", (), value.sample_sum
    for quantile in value.quantile if kind == "summary" else ():
        yield "", (("quantile", quantile.quantile),), quantile.value
    for bucket in value.bucket if kind == "histogram" else ():
        yield "_bucket", (("le", bucket.upper_bound),), bucket.cumulative_count


TYPES_BY_NUMBER = {number: name.lower() for name, number in TYPES.items()}


def native_buckets(histogram) -> dict:
    """Give the native buckets that are not empty, as Prometheus reads them: (lower, upper) bound -> count."""
    base = 2.0 ** (2.0**-histogram.schema)
    found = {}
    for sign, spans, deltas in (
        (-1, histogram.negative_span, histogram.negative_delta),
        (1, histogram.positive_span, histogram.positive_delta),
    ):
        index = count = 0
        rest = iter(deltas)
        for span in spans:
            index += span.offset
            for _ in range(span.length):
                count += next(rest)
                assert count >= 0
                if count:
                    bounds = sign * base ** (index - 1), sign * base**index
                    found[min(bounds), max(bounds)] = count
                index += 1
        assert next(rest, None) is None
    if histogram.zero_count:
        found[-histogram.zero_threshold, histogram.zero_threshold] = histogram.zero_count
    assert all(math.isfinite(bound) for bounds in found for bound in bounds)
    return found
