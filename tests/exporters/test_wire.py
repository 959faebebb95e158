"""The wire format of Protocol Buffers: what we write and read, beside the official implementation."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1 import metrics_pb2

from polymeter.exporters import wire

WHOLE = st.integers(0, 2**64 - 1)
FLOATS = st.floats(width=64, allow_nan=False)


@given(WHOLE, WHOLE, FLOATS)
def test_fields_of_eight_bytes(count, start, number):
    data = wire.fixed(2, start) + wire.fixed(4, count) + wire.double(5, number)
    message = metrics_pb2.HistogramDataPoint.FromString(data)
    assert (message.start_time_unix_nano, message.count, message.sum) == (start, count, number)


@given(st.lists(WHOLE), st.lists(FLOATS))
def test_repeated_fields_of_eight_bytes(counts, bounds):
    data = wire.packed_fixed(6, counts) + wire.packed_doubles(7, bounds)
    message = metrics_pb2.HistogramDataPoint.FromString(data)
    assert (list(message.bucket_counts), list(message.explicit_bounds)) == (counts, bounds)


@given(st.one_of(st.binary(), st.lists(WHOLE)))
def test_repeated_unsigned_integers(counts):
    """Bytes are one integer each."""
    message = metrics_pb2.ExponentialHistogramDataPoint.Buckets.FromString(wire.packed_unsigned(2, counts))
    assert list(message.bucket_counts) == list(counts)


@given(WHOLE, FLOATS, st.text(max_size=300))
def test_fields_are_read_as_they_were_written(whole, number, text):
    data = wire.number(1, whole) + wire.double(900, number) + wire.text(3, text) + b"\x25" + bytes(4)
    assert list(wire.fields(data)) == [(1, whole), (900, wire.double(1, number)[1:]), (3, text.encode()), (4, bytes(4))]


def test_what_others_write_is_read():
    message = descriptor_pb2.FieldDescriptorProto(name="é", number=300, label=1)
    assert dict(wire.fields(message.SerializeToString())) == {1: "é".encode(), 3: 300, 4: 1}


@pytest.mark.parametrize("data", [b"\xff", b"\x08", b"\x0a\x05ab", b"\x00\x01", b"\x0b", b"\x09\x00", b"\xff" * 11])
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ValueError, match="Protocol Buffers"):
        list(wire.fields(data))


@given(st.binary(max_size=30))
def test_whatever_comes_is_read_or_refused(data):
    with suppress(ValueError):
        assert all(number > 0 for number, _ in wire.fields(data))
