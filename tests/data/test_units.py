"""Units: how values come in and read out, found from a definition or the end of a name."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Timer, Unit
from polymeter.data.units import MILLISECONDS, NO_UNIT, unit_of
from polymeter.errors import DefinitionError


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("inference.duration_ms", "ms"),
        ("wait.seconds", "s"),
        ("cpu_milliseconds", "ms"),
        ("lap_us", "us"),
        ("lap_ns", "ns"),
        ("lap_minutes", "min"),
        ("lap_hours", "h"),
        ("body_bytes", "bytes"),
        ("body.kilobytes", "kB"),
        ("memory_mebibytes", "MiB"),
        ("hit_ratio", "ratio"),
        ("load_percent", "percent"),
        ("ms", "ms"),
        # Words that are units elsewhere, and here the ends of names.
        ("cpu.min", ""),
        ("graph.h", ""),
        ("items.s", ""),
        ("forms", ""),
        ("wait_ms_total", ""),
        ("chat.turns", ""),
    ],
)
def test_the_last_word_of_a_name_is_its_unit(name, symbol):
    assert unit_of(name).symbol == symbol


@pytest.mark.parametrize(
    ("written", "symbol", "base", "in_base"),
    [
        ("s", "s", "s", 1),
        ("seconds", "s", "s", 1),
        ("ms", "ms", "s", 0.001),
        ("us", "us", "s", 1e-6),
        ("ns", "ns", "s", 1e-9),
        ("min", "min", "s", 60),
        ("h", "h", "s", 3600),
        ("By", "bytes", "bytes", 1),
        ("KiBy", "KiB", "bytes", 1024),
        ("kB", "kB", "bytes", 1000),
        ("MB", "MB", "bytes", 1e6),
        ("MiB", "MiB", "bytes", 2**20),
        ("%", "percent", "ratio", 0.01),
        ("1", "ratio", "ratio", 1),
        ("", "", "", 1),
        ("tokens", "tokens", "tokens", 1),
        ("{token}", "{token}", "", 1),
        ("{token}/s", "token/s", "token/s", 1),
        ("tokens/s", "tokens/s", "tokens/s", 1),
    ],
)
def test_a_definition_may_write_a_unit_in_many_ways(written, symbol, base, in_base):
    unit = unit_of("whatever_ms", written)
    assert (str(unit), unit.base, unit.to_base(1)) == (symbol, base, in_base)


def test_a_timer_takes_milliseconds_unless_something_says_otherwise():
    assert unit_of("wait", is_timer=True) is MILLISECONDS
    assert unit_of("body_bytes", is_timer=True) is MILLISECONDS
    assert unit_of("wait_seconds", is_timer=True).symbol == "s"
    assert unit_of("wait_seconds", "us", is_timer=True).symbol == "us"
    assert unit_of("wait") is NO_UNIT


@pytest.mark.parametrize("unit", ["bytes", "tokens", "", "%"])
def test_a_timer_cannot_measure_anything_but_time(unit):
    with pytest.raises(DefinitionError, match=rf"timer 'wait' cannot have the unit '{unit}': use 'ms', 's', "):
        unit_of("wait", unit, is_timer=True)
    with pytest.raises(DefinitionError):
        Timer("wait", 1, unit=unit)


@pytest.mark.parametrize("symbol", ["ms", "us", "ns", "min", "h", "kB", "KiB", "MB", "MiB", "percent", "s", ""])
@given(number=st.decimals(-(10**12), 10**12, places=3))
def test_what_comes_in_reads_out_to_15_digits(symbol, number):
    unit, value = unit_of("x", symbol), float(number)
    assert unit.from_base(unit.to_base(value)) == pytest.approx(value, rel=1e-15, abs=0)


@pytest.mark.parametrize("symbol", ["ms", "us", "ns", "percent"])
def test_a_decimal_of_few_digits_comes_back_as_it_was_written(symbol):
    rng, unit = random.Random(symbol), unit_of("x", symbol)
    for _ in range(2000):
        value = float(f"{rng.uniform(0, 10 ** rng.randrange(6)):.{rng.randrange(1, 12)}g}")
        assert unit.from_base(unit.to_base(value)) == value


@pytest.mark.parametrize("symbol", ["ms", "h", "MiB", "percent", "s"])
@given(value=st.one_of(st.integers(), st.floats(allow_nan=False)))
def test_converting_never_raises(symbol, value):
    unit = unit_of("x", symbol)
    for converted in (unit.to_base(value), unit.from_base(float(value) if abs(value) < 1e300 else 0.0)):
        assert not math.isnan(converted)


def test_what_no_float_holds_is_infinite_in_base_units():
    hours = unit_of("x", "h")
    assert hours.to_base(10**306) == hours.to_base(1e306) == math.inf
    assert hours.to_base(-(10**306)) == -math.inf


def test_a_unit_tells_whether_it_measures_time():
    assert unit_of("x", "h").is_time
    assert not unit_of("x", "bytes").is_time
    assert Unit("lap", "s", 7).to_base(2) == 14
