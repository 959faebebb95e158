"""MetricDefinition: what a name means, checked once."""

from __future__ import annotations

import pytest

from polymeter.data import Combine, Kind, MetricDefinition
from polymeter.errors import DefinitionConflictError, DefinitionError
from tests.strategies import KINDS, Colour, twins_of


def test_a_definition_says_what_it_was_told():
    definition = MetricDefinition.of(
        "chat.wait_ms",
        "timer",
        unit="s",
        help="How long.",
        combine="sum",
        buckets=(n for n in (1, 2.5)),
        domains={"model": ["a", "b"], "ok": (True, False), "colour": [Colour.RED.value]},
    )
    assert definition == MetricDefinition(
        "chat.wait_ms",
        Kind.TIMER,
        unit="s",
        help="How long.",
        combine=Combine.SUM,
        buckets=(1.0, 2.5),
        domains={"model": ("a", "b"), "ok": (True, False), "colour": ("red",)},
    )
    assert hash(definition) == hash(
        MetricDefinition.of("chat.wait_ms", "timer", unit="s", help="How long.", combine="sum", buckets=(1, 2.5))
    )
    assert definition.resolved_unit.symbol == "s"
    assert definition.base_bounds == (1.0, 2.5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_not_said_has_a_default(kind):
    definition = MetricDefinition.of("body_bytes", kind)
    assert (definition.unit, definition.help, definition.combine, definition.buckets) == (None, None, None, None)
    assert definition.rule is (Combine.LATEST if kind is Kind.GAUGE else Combine.SUM)
    assert definition.resolved_unit.symbol == ("ms" if kind is Kind.TIMER else "bytes")
    assert definition.base_bounds == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, r"metric name '' is not a non-empty str"),
        ({"name": None}, r"metric name None is not a non-empty str"),
        (
            {"kind": "meter"},
            r"metric 'x' has no kind 'meter': use one of 'counter', 'gauge', 'up_down', 'histogram', 'timer'",
        ),
        ({"kind": None}, r"metric 'x' has no kind None"),
        (
            {"combine": "mean"},
            r"metric 'x' has no combine rule 'mean': use one of 'sum', 'max', 'min', 'latest', 'per_proc",
        ),
        ({"kind": "timer", "combine": "max"}, r"timer 'x' cannot be combined by 'max': use 'sum' or 'per_process'"),
        ({"kind": "histogram", "combine": "latest"}, r"histogram 'x' cannot be combined by 'latest': use 'sum'"),
        ({"buckets": [1]}, r"counter 'x' cannot have buckets: only a histogram or a timer has"),
        ({"kind": "timer", "buckets": [2, 1]}, r"bucket bounds \(2\.0, 1\.0\) are not finite and strictly ascending"),
        ({"kind": "timer", "buckets": ["a"]}, r"bucket bounds \['a'\] are not an iterable of numbers"),
        ({"kind": "timer", "buckets": 5}, r"bucket bounds 5 are not an iterable of numbers"),
        ({"kind": "timer", "unit": "bytes"}, r"timer 'x' cannot have the unit 'bytes': use 'ms', 's'"),
        ({"expire_after": 0}, r"counter 'x' cannot expire after 0: give a positive number of seconds"),
        ({"expire_after": float("nan")}, r"counter 'x' cannot expire after nan: give a positive number of seconds"),
        ({"expire_after": float("inf")}, r"counter 'x' cannot expire after inf"),
        ({"budget": 0}, r"counter 'x' cannot have a budget of 0 series: give 1 or more"),
        ({"domains": {"": ["a"]}}, r"tag name '' is not a non-empty str"),
        ({"domains": {"": []}}, r"tag name '' is not a non-empty str"),
        ({"domains": {"model": [[1]]}}, r"tag 'model' has a value of type list"),
        ({"domains": {"load": [float("nan")]}}, r"tag 'load' is nan: a tag value must be finite"),
        ({"domains": {"model": "gpt"}}, r"the domain of tag 'model' is one str; for one value write \('gpt',\)"),
    ],
    ids=lambda part: str(part) if isinstance(part, dict) else "",
)
def test_what_cannot_work_is_refused_with_what_would(wrong, message):
    with pytest.raises(DefinitionError, match=message) as caught:
        MetricDefinition.of(**{"name": "x", "kind": "counter", **wrong})
    assert type(caught.value) is DefinitionError
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("kind", ["histogram", "timer"])
@pytest.mark.parametrize("rule", ["sum", "per_process"])
def test_distributions_can_be_summed_or_kept_apart(kind, rule):
    assert MetricDefinition.of("x", kind, combine=rule).rule == rule


def test_two_declarations_fill_in_what_the_other_left_unsaid():
    first = MetricDefinition.of("x", "timer", unit="s")
    second = MetricDefinition.of("x", "timer", help="How long.", buckets=[1])
    both = first.refined_by(second)
    assert (both.unit, both.help, both.buckets) == ("s", "How long.", (1.0,))
    assert second.refined_by(first) == both
    assert first.refined_by(first) is first
    assert both.refined_by(first) is both


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "gauge"},
        {"unit": "s"},
        {"help": "Other."},
        {"combine": "max"},
        {"domains": {"a": ["y"]}},
        {"expire_after": 6},
        {"budget": 6},
    ],
    ids=str,
)
def test_a_contradiction_shows_both_sides(other):
    said = {
        "kind": "counter",
        "unit": "bytes",
        "help": "One.",
        "combine": "sum",
        "domains": {"a": ["x"]},
        "expire_after": 5,
        "budget": 5,
    }
    existing = MetricDefinition.of("x", **said)
    conflicting = MetricDefinition.of("x", **{**said, **other})
    with pytest.raises(DefinitionConflictError) as caught:
        existing.refined_by(conflicting)
    assert (caught.value.existing, caught.value.conflicting) == (existing, conflicting)
    assert str(existing) in str(caught.value)
    assert str(conflicting) in str(caught.value)
    assert "use another name, or make both declarations agree" in str(caught.value)


def test_the_text_says_what_was_said():
    assert str(MetricDefinition.of("x", "counter")) == "counter 'x'"
    text = str(MetricDefinition.of("x_ms", "timer", unit="ms", combine="sum", buckets=[5], help="Wait."))
    assert text == "timer 'x_ms' unit='ms' help='Wait.' combine='sum' buckets=(5.0,)"


def test_a_definition_can_be_pickled_and_not_changed():
    definition = MetricDefinition.of("x", "counter", domains={"a": ["x"]})
    assert all(twin == definition for twin in twins_of(definition))
    with pytest.raises(AttributeError):
        definition.unit = "s"
