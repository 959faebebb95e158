"""Packing: every metric comes back from its bytes as it was, and no bytes do anything but make a metric or raise."""

from __future__ import annotations

import functools
import math
import random
import struct
from contextlib import suppress
from dataclasses import replace
from enum import Enum, IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Distribution, Exemplar, Gauge, Histogram, Kind, Metric, Tags, Timer, UpDownCounter
from polymeter.data.packing import (
    Identity,
    pack_identity,
    pack_state,
    timestamp_of,
    types_of,
    unpack_merged,
    unpack_state,
)
from polymeter.data.sums import Sum
from polymeter.data.units import unit_of
from tests.strategies import KINDS, any_tags, points, same


class Size(Enum):
    SMALL = "small"


class Level(IntEnum):
    HIGH = 2


class Text(str):
    __slots__ = ()


def there_and_back(metric):
    identity = pack_identity(metric.kind, metric.name, metric.tags, metric.unit)
    return unpack_state(Identity(identity, types_of(metric.tags)), pack_state(metric))


# -- there and back


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_metric_of_any_kind_comes_back_as_it_was(kind, data):
    point = data.draw(points(kind, bounds=kind.is_distribution))
    if kind.is_distribution:  # of which the smallest and the largest are kept as floats
        point = replace(point, values=tuple(map(_as_wide_as_a_float, point.values)))
    metric = point.metric()
    assert same(there_and_back(metric), metric, 0)
    assert timestamp_of(pack_state(metric)) == metric.timestamp


def _as_wide_as_a_float(number):
    return int(float(number)) if isinstance(number, int) else number


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_many_states_merge_to_what_the_metrics_merge_to(kind, data):
    metrics = [each.metric() for each in data.draw(st.lists(points(kind, bounds=True), min_size=1, max_size=5))]
    series = Identity(pack_identity(kind, metrics[0].name, metrics[0].tags, metrics[0].unit))
    padded = [(b"\xff" * number + pack_state(metric), number) for number, metric in enumerate(metrics)]
    one_by_one = functools.reduce(lambda one, other: one.merge(other), (unpack_state(series, *each) for each in padded))
    assert same(unpack_merged(series, padded), one_by_one, 0)


@given(any_tags)
def test_tags_come_back_with_their_types(tags):
    given = Tags.of(tags)
    packed = pack_identity(Kind.COUNTER, "c", given, unit_of("c"))
    back = Identity(packed, types_of(given)).tags
    assert back == given
    assert {key: type(value) for key, value in back.items()} == {
        key: type(value) for key, value in _plain(given).items()
    }
    assert Identity(packed).tags == given  # without the types they are texts
    assert pack_identity(Kind.COUNTER, "c", Tags.of(dict(reversed(tags.items()))), unit_of("c")) == packed


def _plain(tags):
    """Give the canonical names with plain values: an enum's value, ``unknown`` for none."""
    plain = {}
    texts = dict(tags.canonical)
    for key, value in tags.items():
        name = Tags.of({key: 1}).canonical[0][0]
        inner = value.value if isinstance(value, Enum) else value
        plain[name] = texts[name] if inner is None or isinstance(inner, str) else inner
    return plain


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ("text", "text"),
        (Text("derived"), "derived"),
        ("", ""),
        ("1", "1"),
        ("true", "true"),
        (True, True),
        (False, False),
        (0, 0),
        (-(10**30), -(10**30)),
        (1.0, 1.0),
        (-0.0, -0.0),
        (5e-324, 5e-324),
        (1.7976931348623157e308, 1.7976931348623157e308),
        (Size.SMALL, "small"),
        (Level.HIGH, 2),
        (None, "unknown"),
        ('\x00\n"\\', '\x00\n"\\'),
        ("\ud800", "?"),
        ("名", "名"),
    ],
    ids=repr,
)
def test_each_type_of_tag_value_comes_back(value, back):
    tags = Tags.of({"key": value})
    found = Identity(pack_identity(Kind.GAUGE, "g", tags, unit_of("g")), types_of(tags)).tags["key"]
    assert (found, type(found)) == (back, type(back))
    assert math.copysign(1, found) == math.copysign(1, back) if isinstance(back, float) else True


@pytest.mark.parametrize("power", [31, 32, 62, 63, 64, 65, 1000])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_integers_of_any_size_come_back_exactly(power, sign, off):
    number = sign * (2**power + off)
    for metric in (
        UpDownCounter("n", number),
        UpDownCounter("n", Sum(number, 0.5, 1e-20)),
        Gauge("n", number, sequence=5),
        Counter("n", abs(number), exemplars=[Exemplar({"trace_id": "a"}, 1, 2)]),
        Histogram("n", Distribution.of([number, 1], bounds=(1.0,))),
    ):
        assert pack_state(there_and_back(metric)) == pack_state(metric)
        assert there_and_back(metric).value == metric.value


def test_the_smallest_and_the_largest_integer_of_64_bits_need_no_more_room():
    usual = len(pack_state(UpDownCounter("n", 0)))
    assert len(pack_state(UpDownCounter("n", 2**63 - 1))) == usual
    assert len(pack_state(UpDownCounter("n", -(2**63) + 1))) == usual
    assert there_and_back(UpDownCounter("n", -(2**63))).value == -(2**63)


def test_an_empty_distribution_comes_back_empty():
    """Its minimum and maximum are NaN, and it changes nothing that it is merged with."""
    back = there_and_back(Timer("t", Distribution()))
    assert back.count == 0
    assert math.isnan(back.value)
    some = Timer("t", Distribution.of([0.5]))
    packed = [(pack_state(each), 0) for each in (Timer("t", Distribution()), some, Timer("t", Distribution()))]
    assert unpack_merged(Identity(pack_identity(some.kind, "t", some.tags, some.unit)), packed).distribution.min == 0.5


def test_bounds_that_differ_come_back_as_those_that_all_have():
    packed = [
        (pack_state(Histogram("h", Distribution.of([1, 7, 50], bounds=bounds))), 0)
        for bounds in ((1.0, 5.0, 10.0), (5.0, 10.0, 100.0), (5.0, 10.0))
    ]
    merged = unpack_merged(Identity(pack_identity(Kind.HISTOGRAM, "h", Tags.empty(), unit_of("h"))), packed)
    assert merged.distribution.bounds == (5.0, 10.0)
    assert merged.distribution.bound_counts == (3, 3, 3)


def test_what_is_made_of_integers_alone_reads_as_integers():
    """Text formats write 5 and 5.0 for the same number: a metric must not change its looks on its way."""
    for values, type_ in (([5, 7], int), ([5.5, 7.5], float)):
        for bounds in ((), (6.0,)):
            back = there_and_back(Histogram("h", Distribution.of(values, bounds=bounds))).distribution
            assert [type(each) for each in (back.sum, back.min, back.max)] == [type_] * 3


def test_counts_beyond_a_byte_come_back():
    metric = Histogram("h", Distribution.of([1.5] * 300 + [-1.5] * 70_000 + [2.5e5, 0.0]))
    assert same(there_and_back(metric), metric, 0)


def test_units_come_back():
    for name, unit in (("a", "bytes"), ("a_ms", None), ("a", "ms"), ("a", "tokens"), ("a", None), ("a", "widgets")):
        metric = Gauge(name, 1, unit=unit_of(name, unit))
        assert there_and_back(metric).unit == metric.unit


# -- the format


GOLDEN = {
    Kind.COUNTER: (
        "000000000000f03f00000000000000400700000000000000000000000000084000000000000000005b5b5b5b22747261"
        "63655f6964222c2261225d5d2c372c312e355d5d"
    ),
    Kind.UP_DOWN: (
        "000000000000f03f0000000000000040000000000000008000000000000000000000000000000000130000002d343030"
        "303030303030303030303030303030"
    ),
    Kind.GAUGE: ("000000000000f03f000000000000004009000000000000000000000000000440"),
    Kind.HISTOGRAM: (
        "000000000000f03f00000000000000400400000000000000000000000000e8bf00000000000000000500000000000000"
        "000000000000f0bf000000000000004001000000000000007fffffffc100000001010000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000002ffffffff01000000010102000000"
        "000000000000f03f00000000000014400300000000000000020000000000000000000000000000005b5b5b5b22747261"
        "63655f6964222c2261225d5d2c372c312e355d5d"
    ),
    Kind.TIMER: (
        "000000000000f03f000000000000004000000000000000000000000000c0624000000000000000002c01000000000000"
        "000000000000e03f000000000000e03f0000000000000000bfffffff01000000082c0100000000000000000000000000"
        "000100000000"
    ),
}


def one_of_each():
    times = {"start": 1, "timestamp": 2}
    origin = [Exemplar({"trace_id": "a"}, 7, 1.5)]
    content = Distribution.of([0.25, 2, 2, -1.0, 0], bounds=(1.0, 5.0))
    return {
        Kind.COUNTER: Counter("c", Sum(7, 3.0), **times, exemplars=origin),
        Kind.UP_DOWN: UpDownCounter("u", -(2**70), **times),
        Kind.GAUGE: Gauge("g", 2.5, **times, sequence=9),
        Kind.HISTOGRAM: Histogram("h", content, **times, exemplars=origin),
        Kind.TIMER: Timer("t", Distribution.of([0.5] * 300), **times),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_version_1_stay_what_they_are(kind):
    """Processes of one app may run different releases of this library: another format needs another version."""
    metric = one_of_each()[kind]
    assert pack_state(metric).hex() == GOLDEN[kind]
    identity = Identity(pack_identity(kind, metric.name, metric.tags, metric.unit))
    assert same(unpack_state(identity, bytes.fromhex(GOLDEN[kind])), metric, 0)


def test_the_bytes_of_an_identity_stay_what_they_are():
    tags = Tags.of({"streamed": True, "model": "é", "n": 1, "x": 0.5})
    packed = b'["timer","a.b_ms","ms",[["model","\\u00e9"],["n","1"],["streamed","true"],["x","0.5"]]]'
    assert pack_identity(Kind.TIMER, "a.b_ms", tags, unit_of("a.b_ms", is_timer=True)) == packed
    assert types_of(tags) == "sibf"


# -- any bytes


@pytest.mark.parametrize("kind", KINDS)
@given(packed=st.binary(max_size=200))
def test_bytes_that_are_no_state_raise_or_make_a_metric(kind, packed):
    assert_harmless(kind, packed)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_state_with_changes_raises_or_makes_a_metric(kind, data):
    packed = bytearray(pack_state(data.draw(points(kind, bounds=True)).metric()))
    for place in data.draw(st.lists(st.integers(0, len(packed) - 1), max_size=5)):
        packed[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(packed)))
    assert_harmless(kind, bytes(packed[:end]))


@pytest.mark.parametrize("kind", [Kind.HISTOGRAM, Kind.TIMER])
def test_lengths_that_cannot_be_take_no_memory(kind):
    packed = pack_state(Histogram("h", Distribution.of([1, 2, 3], bounds=(1.0,))))
    for place in range(len(packed) - 3):
        for length in (2**31 - 1, 2**32 - 1, 2**24):
            assert_harmless(kind, packed[:place] + struct.pack("<I", length) + packed[place + 4 :])


def assert_harmless(kind, packed):
    identity = Identity(pack_identity(kind, "n", Tags.empty(), unit_of("n", is_timer=kind is Kind.TIMER)))
    metrics = []
    for unpack in (lambda: unpack_state(identity, packed), lambda: unpack_merged(identity, [(packed, 0)] * 2)):
        with suppress(Exception):  # of whatever class, says its docstring
            metrics.append(unpack())
    assert all(isinstance(metric, Metric) and metric.kind is kind for metric in metrics)


def test_bytes_that_are_no_identity_raise():
    noise = random.Random(3)
    good = pack_identity(Kind.COUNTER, "c", Tags.of({"a": 1}), unit_of("c"))
    for packed in (b"", b"null", b"[]", b"[" * 100_000, good[:-1], b'["nothing","c","",[]]', noise.randbytes(50)):
        with pytest.raises(Exception):  # noqa: B017, PT011 - of whatever class, says its docstring
            Identity(packed)
    for types in ("", "ii", "x"):
        if types:
            with pytest.raises(Exception):  # noqa: B017, PT011
                Identity(good, types)
