"""What a receiver of remote write understands: Google's decoder and snappy, and the series that come out.

The messages are those of ``remote.proto``, ``types.proto`` and ``io/prometheus/write/v2/types.proto`` in the folder
``prompb`` of prometheus/prometheus; what we do not send (float histograms) is not among them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STALE = 0x7FF0000000000002
HISTOGRAM = {
    "count_int": (1, "uint64"),
    "sum": (3, "double"),
    "schema": (4, "sint32"),
    "zero_threshold": (5, "double"),
    "zero_count_int": (6, "uint64"),
    "negative_spans": (8, "*BucketSpan"),
    "negative_deltas": (9, "*sint64"),
    "positive_spans": (11, "*BucketSpan"),
    "positive_deltas": (12, "*sint64"),
    "reset_hint": (14, "int32"),
    "timestamp": (15, "int64"),
}
COMMON = {
    "Sample": {"value": (1, "double"), "timestamp": (2, "int64")},
    "BucketSpan": {"offset": (1, "sint32"), "length": (2, "uint32")},
    "Histogram": HISTOGRAM,
}
VERSION_1 = {
    **COMMON,
    "Label": {"name": (1, "string"), "value": (2, "string")},
    "Exemplar": {"labels": (1, "*Label"), "value": (2, "double"), "timestamp": (3, "int64")},
    "TimeSeries": {
        "labels": (1, "*Label"),
        "samples": (2, "*Sample"),
        "exemplars": (3, "*Exemplar"),
        "histograms": (4, "*Histogram"),
    },
    "MetricMetadata": {
        "type": (1, "int32"),
        "metric_family_name": (2, "string"),
        "help": (4, "string"),
        "unit": (5, "string"),
    },
    "WriteRequest": {"timeseries": (1, "*TimeSeries"), "metadata": (3, "*MetricMetadata")},
}
VERSION_2 = {
    **COMMON,
    "Exemplar": {"labels_refs": (1, "*uint32"), "value": (2, "double"), "timestamp": (3, "int64")},
    "Metadata": {"type": (1, "int32"), "help_ref": (3, "uint32"), "unit_ref": (4, "uint32")},
    "TimeSeries": {
        "labels_refs": (1, "*uint32"),
        "samples": (2, "*Sample"),
        "histograms": (3, "*Histogram"),
        "exemplars": (4, "*Exemplar"),
        "metadata": (5, "Metadata"),
    },
    "Request": {"symbols": (4, "*string"), "timeseries": (5, "*TimeSeries")},
}
TYPES = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"]
TYPE_1 = "application/x-protobuf"
TYPE_2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def _message(package, messages, top):
    proto = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for message, fields in messages.items():
        added = proto.message_type.add(name=message)
        for name, (number, of_type) in fields.items():
            part = added.field.add(name=name, number=number, label=3 if of_type[0] == "*" else 1)
            scalar = getattr(part, f"TYPE_{of_type.removeprefix('*').upper()}", None)
            if scalar is None:
                part.type, part.type_name = part.TYPE_MESSAGE, f".{package}.{of_type.removeprefix('*')}"
            else:
                part.type = scalar
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{top}"))


WriteRequest = _message("prometheus", VERSION_1, "WriteRequest")
Request = _message("io.prometheus.write.v2", VERSION_2, "Request")


@dataclass
class Series:
    """One series, as a receiver has it.

    :ivar metadata: type, help and unit; ``None`` if nothing was said.
    :ivar exemplars: labels -> value and Unix milliseconds.
    """

    labels: dict[str, str]
    values: list[float]
    times: list[int]
    histograms: list = field(default_factory=list)
    exemplars: list[tuple[dict[str, str], float, int]] = field(default_factory=list)
    metadata: tuple[str, str, str] | None = None

    @property
    def is_stale(self) -> bool:
        """Whether the last sample says that the series is gone."""
        last = self.histograms[-1].sum if self.histograms else self.values[-1]
        return struct.unpack("<Q", struct.pack("<d", last))[0] == STALE


@dataclass
class Received:
    """One request.

    :ivar families: name -> type, help and unit, where they are said for the request.
    """

    series: list[Series]
    families: dict[str, tuple[str, str, str]]


def decode(body: bytes, content_type: str) -> Received:
    """Give what a receiver makes of a body; fail if a rule of the specification is broken."""
    plain = bytes(cramjam.snappy.decompress_raw(body))
    message = parsed(plain, content_type)
    received = _first(message) if content_type == TYPE_1 else _second(message)
    for each in received.series:
        names = list(each.labels)
        assert names == sorted(names), "labels are sorted by name"
        assert all(each.labels.values()), "an empty label is no label"
        assert "__name__" in each.labels
        assert len(each.values) + len(each.histograms) == 1
    identities = [tuple(each.labels.items()) for each in received.series]
    assert len(set(identities)) == len(identities), "a series comes twice"
    return received


def parsed(plain: bytes, content_type: str):
    """Give the message of a body; fail if there is a byte in it that is not of its type."""
    message = (WriteRequest if content_type == TYPE_1 else Request)()
    message.ParseFromString(plain)
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    assert known.ByteSize() == message.ByteSize(), "a field that is not in the schema"
    return message


def _first(message):
    series = [_series({pair.name: pair.value for pair in each.labels}, each, _labels) for each in message.timeseries]
    assert all(len(one.labels) == len(each.labels) for one, each in zip(series, message.timeseries, strict=True))
    families = {each.metric_family_name: (TYPES[each.type], each.help, each.unit) for each in message.metadata}
    assert len(families) == len(message.metadata)
    return Received(series, families)


def _labels(exemplar):
    return {pair.name: pair.value for pair in exemplar.labels}


def _second(message):
    symbols = list(message.symbols)
    assert symbols[0] == ""
    assert len(set(symbols)) == len(symbols), "each text stands once"

    def labels(holder):
        texts = [symbols[reference] for reference in holder.labels_refs]
        found = dict(zip(texts[::2], texts[1::2], strict=True))
        assert len(found) * 2 == len(texts)
        return found

    found = []
    for each in message.timeseries:
        one = _series(labels(each), each, labels)
        if each.HasField("metadata"):
            said = each.metadata
            one.metadata = TYPES[said.type], symbols[said.help_ref], symbols[said.unit_ref]
        found.append(one)
    return Received(found, {})


def _series(labels, each, labels_of):
    times = [sample.timestamp for sample in (*each.samples, *each.histograms)]
    exemplars = [(labels_of(one), one.value, one.timestamp) for one in each.exemplars]
    return Series(labels, [one.value for one in each.samples], times, list(each.histograms), exemplars)


def all_of(requests) -> list[Series]:
    """Give the series of all requests that a fault server got."""
    found = []
    for request in requests:
        assert request.headers["content-encoding"] == "snappy"
        found += decode(request.body, request.headers["content-type"]).series
    return found


def samples(series) -> dict:
    """Give numbers as those of a text are given: (name, sorted labels) -> value; bounds and quantiles are numbers."""
    found = {}
    for each in series:
        labels = {name: text for name, text in each.labels.items() if name not in {"__name__", "job", "instance"}}
        name = each.labels["__name__"]
        pairs = [
            (label, float(text) if label in {"le", "quantile"} else text) for label, text in sorted(labels.items())
        ]
        for value in each.values:
            key = name, tuple(sorted(pairs))
            assert key not in found, f"duplicate sample {key}"
            found[key] = value
    return found
