"""Filters, one by one and in order, and what becomes of what they change."""

from __future__ import annotations

import logging
import os
import pickle
from types import SimpleNamespace

import pytest

from polymeter import DefinitionConflictError, DefinitionError, Kind
from polymeter.data import Tags
from polymeter.exporters import PrometheusExporter
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.registries.filters import (
    Accept,
    CommonTags,
    ContextTags,
    Deny,
    DenyUnless,
    DropTags,
    FilterChain,
    KeepTags,
    MaximumSeries,
    MetricId,
    MetricOptions,
    Namespace,
    RenameMetric,
    RenameTag,
    ReplaceTagValues,
)
from polymeter.testing.clock import ManualClock

KEEPING = pytest.mark.parametrize("make", [AggregatingRegistry, InMemoryRegistry, WindowedRegistry])
ALL = [
    Accept("a", "b.*"),
    CommonTags({"region": "eu"}, metrics="http.*"),
    ContextTags("tenant", "user"),
    Deny("*", tags={"route": "/health*"}),
    DenyUnless("a", tags={"x": ("1", "2")}),
    DropTags("user_*", metrics=("a", "b")),
    KeepTags("k"),
    MaximumSeries(10, metrics="a"),
    MetricOptions("a", help="What it is.", combine="max", buckets=(1.0, 2.0), expire_after=3, budget=4, keep=True),
    Namespace("shop."),
    RenameMetric("a*", "b*"),
    RenameTag("a", "b", metrics="m"),
    ReplaceTagValues("route", {"/users/*": "/users/{id}"}, others="other"),
    ReplaceTagValues("route", str.lower),
]


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        (CommonTags({"region": "eu"}), ("a", {"k": 1}), ("a", {"k": 1, "region": "eu"})),
        (CommonTags({"region": "eu"}), ("a", {"region": "us"}), ("a", {"region": "us"})),
        (CommonTags({"region": "eu"}, metrics="b.*"), ("a", {}), ("a", {})),
        (DropTags("user_*"), ("a", {"user_id": 1, "user_name": "x", "k": "v"}), ("a", {"k": "v"})),
        (DropTags("k", metrics=["b", "c"]), ("a", {"k": "v"}), ("a", {"k": "v"})),
        (KeepTags("k", "l*"), ("a", {"k": 1, "long": 2, "m": 3}), ("a", {"k": 1, "long": 2})),
        (RenameTag("k", "l"), ("a", {"k": 1, "l": 2}), ("a", {"l": 1})),
        (RenameTag("k", "k"), ("a", {"k": 1}), ("a", {"k": 1})),
        (RenameTag("k", "l"), ("a", {"m": 1}), ("a", {"m": 1})),
        (ReplaceTagValues("k", {"x*": "X", "*": "y"}), ("a", {"k": "xy"}), ("a", {"k": "X"})),
        (ReplaceTagValues("k", {"x": "X"}), ("a", {"k": "xy"}), ("a", {"k": "xy"})),
        (ReplaceTagValues("k", {"x": "X"}, others="other"), ("a", {"k": 7}), ("a", {"k": "other"})),
        (ReplaceTagValues("k", {"true": "yes"}), ("a", {"k": True}), ("a", {"k": "yes"})),
        (ReplaceTagValues("k", str.upper), ("a", {"k": "x"}), ("a", {"k": "X"})),
        (RenameMetric("a", "b"), ("a", {}), ("b", {})),
        (RenameMetric("a", "b"), ("a.b", {}), ("a.b", {})),
        (RenameMetric("http.server.*", "web.*"), ("http.server.requests", {}), ("web.requests", {})),
        (RenameMetric("http.*", "*"), ("http.", {}), ("http.", {})),
        (Namespace("shop"), ("orders", {}), ("shop.orders", {})),
        (Namespace("shop"), ("shop.orders", {}), ("shop.orders", {})),
        (Namespace("shop_", metrics="orders"), ("orders", {}), ("shop_orders", {})),
        (Deny("debug.*"), ("debug.a", {}), None),
        (Deny("debug.*"), ("debug", {}), ("debug", {})),
        (Deny("?[ab]"), ("xb", {}), None),
        (Deny("a", tags={"k": ["x", "y*"]}), ("a", {"k": "yes"}), None),
        (Deny("a", tags={"k": "x", "l": "*"}), ("a", {"k": "x"}), ("a", {"k": "x"})),
        (DenyUnless("a", "b.*"), ("b.c", {}), ("b.c", {})),
        (DenyUnless("a", "b.*"), ("c", {}), None),
    ],
    ids=str,
)
def test_a_filter_changes_what_it_is_for_and_nothing_else(given, before, after):
    registry = AggregatingRegistry(filters=[given])
    registry.counter(before[0], before[1], 3)
    found = [(metric.name, dict(metric.tags), metric.value) for metric in registry.all()]
    assert found == ([] if after is None else [(*after, 3)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Deny, r"Deny\(\) means nothing"),
        (lambda: Deny(""), "pattern '' is not a non-empty str"),
        (lambda: Deny(3), "pattern 3 is not"),
        (lambda: Deny("polymeter.*"), "metrics of Polymeter itself, which are not filtered"),
        (lambda: Deny("a", tags={"": "x"}), "tag name '' is not"),
        (DropTags, r"\(\) names nothing"),
        (lambda: DropTags("a", metrics=[]), r"\[\] names nothing"),
        (lambda: DropTags("a", metrics=3), "3 names nothing"),
        (lambda: CommonTags({}), "at least one tag"),
        (lambda: CommonTags({"a": float("nan")}), "must be finite"),
        (lambda: CommonTags("a"), "not a mapping"),
        (lambda: RenameMetric("a", ""), "name '' is not"),
        (lambda: RenameMetric("a*", "b"), "has to end both names, or neither"),
        (lambda: RenameMetric("*.a", "b"), "one '\\*', at the end"),
        (lambda: RenameMetric("a", "polymeter.b"), "for metrics of Polymeter itself"),
        (lambda: Namespace("polymeter"), "for metrics of Polymeter itself"),
        (lambda: Namespace(None), "prefix None is not"),
        (lambda: RenameTag("", "a"), "tag name '' is not"),
        (lambda: ReplaceTagValues("k", {}), "replaces nothing"),
        (lambda: ReplaceTagValues("k", 3), r"values are \{pattern: value\}"),
        (lambda: ReplaceTagValues("k", str.upper, others="x"), "or a function of the text"),
        (lambda: ReplaceTagValues("k", {"x": [1]}), "value of type list"),
        (lambda: ReplaceTagValues("k", {3: "x"}), "3 names nothing"),
        (ContextTags, "tag name '' is not"),
        (lambda: MetricOptions("a"), "says nothing: give buckets, budget"),
        (lambda: MetricOptions("a", buckets=[2, 1]), "MetricOptions\\('a'\\): "),
        (lambda: MetricOptions("a", combine="most"), "no combine rule 'most'"),
        (lambda: MetricOptions("a", expire_after=0), "positive number of seconds"),
        (lambda: MaximumSeries(0), "whole number of 1 or more"),
        (lambda: MaximumSeries(True), "whole number of 1 or more"),
        (lambda: AggregatingRegistry(filters=[Deny]), "Deny is a class"),
        (lambda: AggregatingRegistry(filters=["debug.*"]), "'debug.\\*' is no filter"),
        (lambda: CompositeRegistry(AggregatingRegistry(), filters=[object()]), "is no filter"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_written(make, message):
    with pytest.raises(DefinitionError, match=message):
        make()


@pytest.mark.parametrize("each", ALL, ids=repr)
def test_a_filter_is_a_value(each):
    again = pickle.loads(pickle.dumps(each))  # noqa: S301 - made a moment ago
    assert again == each
    assert hash(again) == hash(each)
    with pytest.raises(AttributeError, match="immutable"):
        each.metrics = None
    if "<" not in repr(each):
        assert eval(repr(each)) == each  # noqa: S307 - made above


# -- order


def test_names_and_tags_are_mapped_before_anything_is_decided():
    registry = AggregatingRegistry(filters=[Deny("b"), DenyUnless("b", "c"), RenameMetric("a", "b")])
    registry.counter("a")
    registry.counter("c")
    assert [metric.name for metric in registry.all()] == ["c"]


def test_the_first_filter_that_says_yes_or_no_decides():
    registry = AggregatingRegistry(filters=[Accept("http.*"), Deny("*"), Accept("jobs")])
    registry.counter("http.requests")
    registry.counter("jobs")
    assert [metric.name for metric in registry.all()] == ["http.requests"]
    assert registry.health().denied_by == {"jobs": 1}


def test_each_filter_sees_what_the_one_before_it_has_made():
    registry = AggregatingRegistry(
        filters=[RenameMetric("a", "b"), DropTags("k", metrics="b"), RenameTag("l", "k"), Namespace("x", metrics="a")]
    )
    registry.counter("a", {"k": 1, "l": 2})
    assert [str(metric) for metric in registry.all()] == ['b{k="2"} 1']


# -- what becomes one


@KEEPING
def test_series_that_become_one_are_one(make):
    registry = make(filters=[DropTags("user"), RenameMetric("waits", "wait")])
    for user in range(10):
        registry.counter("calls", {"user": user, "ok": True})
        registry.timer("wait" if user % 2 else "waits", user, {"user": f"{user}"})
    assert registry.total("calls", {"ok": True}) == 10
    timer = registry.get("wait")
    assert (timer.distribution.count, timer.total_ms) == (10, 45)


@KEEPING
def test_a_metric_keeps_the_unit_of_the_name_that_it_is_recorded_under(make):
    registry = make(filters=[RenameMetric("wait_ms", "wait_seconds")])
    registry.histogram("wait_ms", 250)
    assert registry.get("wait_seconds").sum == 250
    assert str(registry.get("wait_seconds").unit) == "ms"
    exporter = PrometheusExporter()
    exporter.export(registry.snapshot())
    assert "\nwait_seconds_sum 0.25\n" in exporter.render()


@KEEPING
def test_values_of_different_units_are_not_added_up(make):
    registry = make(filters=[RenameMetric("wait_ms", "wait"), RenameMetric("wait_seconds", "wait")])
    registry.histogram("wait_ms", 250)
    registry.histogram("wait_seconds", 0.25)
    assert registry.total("wait") == 250
    assert registry.health().invalid_by == {("wait_seconds", "unit"): 1}


@KEEPING
def test_kinds_that_meet_under_one_name_do_not_mix(make):
    registry = make(filters=[RenameMetric("b", "a")])
    registry.counter("a")
    registry.gauge("b", 3)
    assert registry.total("a") == 1
    assert registry.health().invalid_by == {("b", "kind"): 1}


# -- definitions


@KEEPING
def test_a_definition_moves_with_its_metric(make):
    registry = make(filters=[RenameMetric("a", "b")])
    defined = registry.define("a", "histogram", unit="ms", help="How long.", buckets=[10])
    registry.histogram("a", 7)
    assert (defined.name, defined.help, registry.get("b").distribution.bounds) == ("b", "How long.", (0.01,))
    assert registry.snapshot().definitions["b"] == defined


def test_what_an_operator_says_overrules_what_the_code_says():
    registry = AggregatingRegistry(
        filters=[MetricOptions("a", buckets=(1, 2)), MetricOptions("*", buckets=(5,), help="Overruled.")]
    )
    assert registry.define("a", "histogram", help="Mine.", buckets=[10, 20]).buckets == (5,)
    assert registry.define("a", "histogram", help="Mine.", buckets=[10, 20]).help == "Overruled."
    registry.histogram("undeclared", 3)
    assert registry.get("undeclared").distribution.bounds == (5,)
    registry.counter("calls")  # cannot have buckets, and counts all the same
    assert registry.total("calls") == 1


def test_a_combine_rule_that_a_kind_cannot_have_is_passed_over():
    registry = AggregatingRegistry(filters=[MetricOptions("*", combine="max")])
    assert registry.define("level", "gauge").rule.value == "max"
    assert registry.define("wait", "timer").rule.value == "sum"
    assert registry.health().denied == 0


def test_two_metrics_that_become_one_need_not_be_described_alike_but_must_mean_the_same():
    registry = AggregatingRegistry(filters=[RenameMetric("b", "a"), RenameMetric("c", "a")])
    registry.define("a", "counter", help="One.")
    assert registry.define("b", "counter", help="Other.").help == "One."
    with pytest.raises(DefinitionConflictError):
        registry.define("c", "gauge")
    registry.define("d", "counter", help="One.")
    with pytest.raises(DefinitionConflictError):
        registry.define("d", "counter", help="Other.")


@pytest.mark.parametrize("make", [AggregatingRegistry, WindowedRegistry])
def test_declared_domains_exist_but_for_what_is_denied(make):
    registry = make(filters=[Deny("a", tags={"l": "y"}), DropTags("user"), RenameTag("k", "l")])
    registry.define("a", "counter", domains={"k": ("x", "y"), "user": range(100_000)}, budget=2)
    assert [(dict(metric.tags), metric.value) for metric in registry.all()] == [({"l": "x"}, 0)]
    with pytest.raises(DefinitionError, match="declares 3 combinations of tag values, more than its budget of 2"):
        registry.define("b", "counter", domains={"l": (1, 2, 3)}, budget=2)
    assert registry.find("b") == []


def test_the_definition_of_what_is_denied_is_given_back_and_forgotten():
    registry = AggregatingRegistry(filters=[Deny("a")])
    assert registry.define("a", "counter", help="Mine.", domains={"k": ("x",)}).help == "Mine."
    assert "a" not in registry.snapshot().definitions
    assert len(registry) == 0


# -- when


@KEEPING
def test_filters_come_before_metrics(make):
    registry = make()
    registry.add_filter(Deny("a"))
    registry.add_filter(RenameMetric("b", "c"), DropTags("k"))
    registry.counter("b", {"k": 1})
    assert [metric.name for metric in registry.all()] == ["c"]
    with pytest.raises(DefinitionError, match=r"filters come before metrics, and this registry has 'c' already"):
        registry.add_filter(Deny("b"))
    assert registry.filters.filters == (Deny("a"), RenameMetric("b", "c"), DropTags("k"))


def test_a_composite_registry_gives_filters_to_each_member():
    one, other = AggregatingRegistry(filters=[RenameMetric("a", "b")]), InMemoryRegistry()
    registry = CompositeRegistry(one, other, filters=[Deny("b")])
    registry.counter("a")
    registry.counter("b")
    assert (len(one), [metric.name for metric in other.all()]) == (0, ["a"])
    with pytest.raises(DefinitionError, match="member 0:SimpleNamespace of a composite registry takes no filters"):
        CompositeRegistry(_registry_of_another_make(), filters=[Deny("b")])


def _registry_of_another_make():
    inner = AggregatingRegistry()
    verbs = ["counter", "gauge", "up_down", "histogram", "timer", "bind", "define", "find", "get", "total", "all"]
    verbs += ["snapshot", "clear", "__len__"]
    return SimpleNamespace(**{verb: getattr(inner, verb) for verb in verbs})


class _Asked:
    """A filter that remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def map(self, metric):
        self.asked.append(str(metric))
        return metric

    def accept(self, metric):
        self.asked.append(f"keep {metric}?")


def test_filters_are_asked_when_a_series_is_made_and_never_for_a_record():
    asked = _Asked()
    registry = AggregatingRegistry(filters=[asked, DropTags("user")])
    bound = registry.bind("counter", "calls", {"ok": True, "user": "1"})
    for _ in range(100):
        bound.add()
        registry.counter("calls", {"ok": True, "user": "1"})
        registry.counter("calls", {"user": "1", "ok": True})
    assert registry.total("calls") == 300
    once = ['counter calls{ok="true",user="1"}', 'keep counter calls{ok="true"}?']
    assert asked.asked in (once, once * 2)  # once for each order of the tags


@pytest.mark.parametrize("name", ["calls", "denied"])
def test_a_dropped_tag_with_ever_new_values_asks_no_filter_and_takes_no_room(name):
    registry = AggregatingRegistry(filters=[DropTags("user"), Deny("denied")])
    chain, times = registry.filters, []
    resolve = chain.resolve
    chain.resolve = lambda *asked: (times.append(1), resolve(*asked))[1]
    for number in range(1000):
        registry.counter(name, {"user": f"{number}", "ok": "yes"})
        registry.counter(name, {"user": number, "ok": "yes"})
    assert len(times) == 1
    assert registry.health().records == 2000


def test_a_dropped_tag_has_to_be_one():
    registry = AggregatingRegistry(filters=[DropTags("user")])
    for _ in range(2):
        registry.counter("calls", {"user": "1"})
        registry.counter("calls", {"user": [1]})
        registry.counter("calls", {"user": float("nan")})
    health = registry.health()
    assert (health.applied, health.invalid_by) == (2, {("calls", "tags"): 4})


# -- what is denied


@KEEPING
def test_what_is_denied_is_counted_and_reads_as_nothing(make):
    registry = make(filters=[Deny("debug.*")])
    touched = registry.counter("debug.calls", {"k": "v"})
    assert (touched.value, touched.freeze().tags) == (0, Tags.empty())
    registry.timer("debug.wait", 3)
    bound = registry.bind("gauge", "debug.level")
    bound.set(3)
    registry.exemplar("counter", "debug.calls", 1, {"trace_id": "x"}, {"k": "v"})
    health = registry.health()
    assert (health.records, health.denied) == (3, 3)
    assert health.denied_by == {"debug.calls": 1, "debug.wait": 1, "debug.level": 1}
    assert dict(registry.refused_exemplars) == {}
    assert registry.snapshot().by_name("polymeter.records.denied")[0].tags == {"metric": "debug.calls"}
    registry.clear()
    assert registry.health().denied == 0
    bound.set(3)
    assert registry.health().denied_by == {"debug.level": 1}


def test_metrics_of_the_registry_itself_are_not_filtered():
    registry = AggregatingRegistry(filters=[Deny("*"), Namespace("x"), CommonTags({"k": "v"})])
    registry.counter("a")
    assert {metric.name for metric in registry.snapshot()} == {
        "polymeter.records.applied",
        "polymeter.records.denied",
        "polymeter.series",
    }


# -- filters of somebody's own


class _Broken:
    def __init__(self, answer):
        self._answer = answer

    def map(self, metric):
        return self._answer(metric)


@KEEPING
@pytest.mark.parametrize(
    "answer",
    [
        lambda metric: 1 / 0,
        lambda metric: None,
        lambda metric: "a",
        lambda metric: metric.named(""),
        lambda metric: metric.named("polymeter.a"),
        lambda metric: metric._replace(kind=Kind.GAUGE),
        lambda metric: metric._replace(tags={"k": float("nan")}),
    ],
)
def test_what_a_broken_filter_was_to_hide_does_not_get_through(make, answer, caplog):
    registry = make(filters=[_Broken(answer)])
    with caplog.at_level(logging.WARNING, "polymeter.registries"):
        registry.counter("a", {"secret": "x"})
        registry.counter("b", {"secret": "y"})
    assert registry.all() == []
    assert registry.health().denied == 2
    (failed,) = registry.snapshot().by_name("polymeter.filters.failed")
    assert (failed.tags["filter"], failed.value) == ("_Broken", 2)
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


class _Odd:
    def accept(self, metric):
        return "yes" if metric.name == "odd" else None

    def configure(self, definition):
        if definition.name == "raising":
            raise KeyError(definition.name)
        return definition.replaced(unit="ms")


def test_a_verdict_is_yes_no_or_nothing_and_what_fails_to_configure_is_passed_over():
    registry = AggregatingRegistry(filters=[_Odd(), MaximumSeries(3)])
    for name in ("odd", "raising", "renaming"):
        registry.counter(name)
    assert [metric.name for metric in registry.all()] == ["raising", "renaming"]
    assert registry.snapshot().definitions["raising"].budget == 3
    assert {tuple(each.tags.values()) for each in registry.snapshot().by_name("polymeter.filters.failed")} == {
        ("_Odd", "DefinitionError"),
        ("_Odd", "KeyError"),
    }


def test_a_filter_that_is_derived_from_ours_may_look_at_everything():
    class ByUser(DropTags):
        def map(self, metric):
            return metric.named(f"{metric.name}.{metric.tags['user']}")

    registry = AggregatingRegistry(filters=[ByUser("user")])
    for user in ("a", "b", "a"):
        registry.counter("calls", {"user": user})
    assert {metric.name: metric.value for metric in registry.all()} == {"calls.a": 2, "calls.b": 1}


# -- the life of series


@KEEPING
def test_budgets_are_those_of_the_metric_that_is_kept(make):
    registry = make(filters=[RenameMetric("calls", "c"), MaximumSeries(10, metrics="c")])
    for number in range(100):
        for _ in range(2):
            registry.counter("calls", {"id": f"{number}"})
    assert registry.total("c") == 200
    if make is not InMemoryRegistry:
        assert registry.total("c", {"id": "__other__"}) == 180
        (folded,) = registry.snapshot().by_name("polymeter.records.folded")
        assert folded.tags["metric"] == "c"
    if make is AggregatingRegistry:
        assert folded.value == 180


def test_a_label_that_explodes_asks_filters_no_more_where_they_only_move_tags():
    registry = AggregatingRegistry(
        budget=10,
        filters=[RenameTag("id", "z"), CommonTags({"region": "eu"}), DropTags("user"), RenameMetric("a", "b")],
    )
    chain, times = registry.filters, []
    resolve = chain.resolve
    chain.resolve = lambda *asked: (times.append(1), resolve(*asked))[1]
    for _ in range(2):
        times.clear()
        for number in range(1000):
            registry.counter("a", {"id": f"{number}", "user": "x"})
        registry.counter("a", {"id": "1000", "user": [1]})
        assert len(times) == 11
        assert registry.health().invalid == 1
        assert registry.total("b", {"z": "__other__", "region": "eu"}) == 990
        assert registry.snapshot().by_name("polymeter.records.folded")[0].value == 990
        registry.clear()


def test_series_that_end_begin_again_where_filters_put_them():
    clock = ManualClock()
    registry = AggregatingRegistry(clock=clock, filters=[RenameMetric("a", "b"), MetricOptions("b", expire_after=10)])
    bound = registry.bind("counter", "a", {"k": "bound"})
    for _ in range(3):
        registry.counter("a", {"k": "x"})
        bound.add()
        assert len(registry) == 2
        clock.advance(20)
        assert registry.all() == []
    registry.counter("a", {"k": "x"})
    assert registry.forget("b") == 1
    registry.counter("a", {"k": "x"})
    assert registry.total("b") == 8
    assert [str(metric) for metric in registry.all()] == ['b{k="x"} 1']


@KEEPING
def test_filters_hold_in_the_next_epoch(make):
    registry = make(filters=[RenameMetric("a", "b"), Deny("c")])
    registry.counter("a")
    registry.clear()
    registry.counter("a")
    registry.counter("c")
    assert [(metric.name, metric.value) for metric in registry.all()] == [("b", 1)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_filters_hold_in_a_forked_child():
    registry = AggregatingRegistry(filters=[RenameMetric("a", "b"), Deny("c")])
    registry.define("a", "counter", domains={"k": ("x", "y")})
    registry.counter("a", {"k": "x"})
    child = os.fork()
    if not child:
        registry.counter("a", {"k": "y"}, 5)
        registry.counter("c")
        found = {str(metric) for metric in registry.all()}
        os._exit(0 if found == {'b{k="x"} 0', 'b{k="y"} 5'} and registry.health().denied == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@KEEPING
def test_exemplars_find_the_series_that_their_records_go_to(make):
    registry = make(filters=[RenameMetric("a", "b"), DropTags("user")])
    registry.counter("a", {"user": 1, "k": "v"})
    registry.exemplar("counter", "a", 1, {"trace_id": "t"}, {"user": 2, "k": "v"})
    bound = registry.bind("counter", "a", {"k": "v", "user": 3})
    bound.add()
    assert bound.freeze().value == 2
    assert registry.get("b", {"k": "v"}).exemplars[0].labels == {"trace_id": "t"}
    assert dict(registry.refused_exemplars) == {}


# -- telling


class _Raising:
    def map(self, metric):
        raise LookupError(metric.name)

    def __repr__(self):
        return "Raising()"


def test_a_trace_tells_what_each_filter_does():
    chain = FilterChain([MaximumSeries(5), Deny("a"), RenameMetric("a", "b"), DropTags("k"), Accept("b"), Deny("*")])
    assert [str(hop) for hop in chain.trace("counter", "a", {"k": "v"})] == [
        """RenameMetric('a', 'b'): counter a{k="v"} -> counter b{k="v"}""",
        """DropTags('k'): counter b{k="v"} -> counter b{}""",
        "Deny('a'): counter b{} no verdict",
        "Accept('b'): counter b{} accepted",
        "MaximumSeries(5): counter 'b' -> counter 'b' budget=5",
    ]
    assert [hop.does_something for hop in chain.trace("counter", "b")] == [False, False, False, True, True]
    assert chain.trace("counter", "c")[-1] == (
        Deny("*"),
        "accept",
        MetricId(Kind.COUNTER, "c", Tags.empty()),
        False,
        None,
    )


def test_a_trace_ends_where_a_filter_fails_and_counts_nothing():
    registry = AggregatingRegistry(filters=[_Raising(), Deny("a")])
    (hop,) = registry.filters.trace("timer", "a")
    assert str(hop) == "Raising(): timer a{} raised LookupError: denied"
    assert hop.is_denial
    assert registry.snapshot().by_name("polymeter.filters.failed") == []


def test_a_registry_without_filters_has_an_empty_chain():
    assert len(AggregatingRegistry().filters) == 0
    assert AggregatingRegistry().filters.trace("counter", "a") == []
