"""Collectors that say where a value came from: declared, given as a whole, or by hand."""

from __future__ import annotations

import linecache
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from polymeter.collectors import InferenceMetricsCollector, MetricsCollector, measure, on, trace_ids
from polymeter.data import Exemplar
from polymeter.errors import DefinitionError
from polymeter.events import Event
from polymeter.events.inference import InferenceCompleted
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry, CompositeRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock
from tests.interpreter import answer_of


@dataclass(slots=True, kw_only=True)
class Context:
    trace_id: str = "c"


@dataclass(slots=True, kw_only=True)
class Turn(Event):
    model: str = "m"
    duration_ms: float | None = 250.0
    trace_id: str | None = None
    span_id: str | None = None
    context: Context | None = None


def collector(*measures, **more):
    return type("C", (MetricsCollector,), {**{f"m{at}": each for at, each in enumerate(measures)}, **more})()


def timer(name="wait_ms", **said):
    return measure.timer(name, on=Turn, value="duration_ms", tags=("model",), **said)


def shown(metrics, name="wait_ms"):
    return [each for metric in metrics.snapshot().by_name(name) for each in metric.exemplars]


@pytest.fixture(params=[AggregatingRegistry, InMemoryRegistry, WindowedRegistry, CompositeRegistry])
def metrics(request):
    clock = ManualClock()
    registry = request.param(AggregatingRegistry()) if request.param is CompositeRegistry else request.param()
    return Metrics(clock=clock, registry=registry)


# -- declared


def test_a_field_says_where_the_value_came_from(metrics):
    """In base units, at the time of the event."""
    metrics.collect(collector(timer(exemplar="trace_id")))
    at = metrics.snapshot().taken_at - 5
    metrics.events.dispatch(Turn(trace_id="4bf9", at=at))
    assert shown(metrics) == [Exemplar({"trace_id": "4bf9"}, 0.25, at)]


def test_a_counter_says_it_of_each_event(metrics):
    metrics.collect(collector(measure.counter("turns", on=Turn, exemplar="trace_id")))
    metrics.events.dispatch(Turn(trace_id="4bf9"))
    [exemplar] = shown(metrics, "turns")
    assert (exemplar.labels, exemplar.value) == ({"trace_id": "4bf9"}, 1)


def test_a_path_gives_the_label_of_its_last_step(metrics):
    metrics.collect(collector(timer(exemplar="context.trace_id")))
    metrics.events.dispatch(Turn())
    assert shown(metrics) == []
    metrics.events.dispatch(Turn(context=Context()))
    assert [each.labels for each in shown(metrics)] == [{"trace_id": "c"}]


def test_labels_have_fields_or_callables(metrics):
    labels = {"trace": "trace_id", "span id": "span_id", "shard": lambda _: 3, "c": "context.trace_id"}
    metrics.collect(collector(timer(exemplar=labels)))
    metrics.events.dispatch(Turn(trace_id="t", span_id="s", context=Context()))
    assert [each.labels for each in shown(metrics)] == [{"trace": "t", "span id": "s", "shard": 3, "c": "c"}]


@pytest.mark.parametrize("missing", ["trace_id", "span_id", "context"])
def test_a_label_that_is_none_means_none_at_all(metrics, missing):
    labels = {"trace_id": "trace_id", "span_id": "span_id", "context": "context.trace_id"}
    metrics.collect(collector(timer(exemplar=labels)))
    event = Turn(trace_id="t", span_id="s", context=Context())
    setattr(event, missing, None)
    metrics.events.dispatch(event)
    assert shown(metrics) == []
    assert metrics.registry.total("wait_ms") == 250


def test_a_callable_gives_the_labels(metrics):
    metrics.collect(collector(timer(exemplar=lambda event: event.trace_id and {"id": event.trace_id})))
    metrics.events.dispatch(Turn())
    metrics.events.dispatch(Turn(trace_id="4bf9"))
    assert [each.labels for each in shown(metrics)] == [{"id": "4bf9"}]


def test_what_is_not_recorded_has_none(metrics):
    """A value of None, and an event that is left out."""
    metrics.collect(
        collector(
            timer(exemplar="trace_id"),
            measure.counter("slow", on=Turn, when=lambda event: event.duration_ms, exemplar="trace_id"),
        )
    )
    metrics.events.dispatch(Turn(trace_id="a", duration_ms=None))
    assert shown(metrics) == shown(metrics, "slow") == []
    metrics.events.dispatch(Turn(trace_id="b"))
    assert [each.labels["trace_id"] for each in (*shown(metrics), *shown(metrics, "slow"))] == ["b", "b"]


def test_metrics_with_one_source_ask_it_once(metrics):
    asked = []

    def labels(event):
        asked.append(event)
        return {"trace_id": "a"}

    metrics.collect(collector(timer("one_ms", exemplar=labels), timer("two_ms", exemplar=labels), timer("three_ms")))
    metrics.events.dispatch(Turn())
    assert len(asked) == 1
    assert [len(shown(metrics, name)) for name in ("one_ms", "two_ms", "three_ms")] == [1, 1, 0]


# -- what goes wrong


def test_a_getter_that_fails_fails_the_exemplar_alone(metrics):
    """It is counted apart from the records, and held back after a while as others are."""

    def boom(_event):
        raise ValueError("secret")

    metrics.collect(collector(timer("bad_ms", exemplar=boom), timer("good_ms", exemplar="trace_id")))
    for _ in range(6):
        metrics.events.dispatch(Turn(trace_id="a"))
    assert (len(shown(metrics, "bad_ms")), len(shown(metrics, "good_ms"))) == (0, 1)
    assert [metrics.registry.get(name, {"model": "m"}).count for name in ("bad_ms", "good_ms")] == [6, 6]
    refused = {
        (metric.tags["metric"], metric.tags["reason"]): metric.value
        for metric in metrics.snapshot().by_name("polymeter.exemplars.refused")
    }
    assert refused == {("bad_ms", "getter"): 5, ("bad_ms", "quarantined"): 1}
    assert metrics.registry.health().records == 12
    [listener] = metrics.health().listeners
    assert listener.failed == 0


def test_labels_that_are_none_fail_the_exemplar_alone(metrics):
    metrics.collect(collector(timer(exemplar=lambda _: "trace")))
    metrics.events.dispatch(Turn())
    assert shown(metrics) == []
    assert metrics.registry.health().records == 1


def test_a_registry_that_breaks_its_contract_breaks_no_listener():
    class Broken(AggregatingRegistry):
        def exemplar(self, *_args, **_kwargs):
            raise ZeroDivisionError

    metrics = Metrics(registry=Broken())
    metrics.collect(collector(timer(exemplar="trace_id")))
    metrics.events.dispatch(Turn(trace_id="a"))
    [listener] = metrics.health().listeners
    assert (listener.handled, listener.failed) == (1, 0)
    assert metrics.registry.refused_exemplars == {("wait_ms", "error"): 1}


@pytest.mark.parametrize(
    ("exemplar", "complaint"),
    [
        ("trace", r"measure.timer\('wait_ms'\): Turn has no field 'trace'.*did you mean"),
        ("context.trace", r"Turn has no field 'context.trace'"),
        ({"trace_id": "trace"}, r"Turn has no field 'trace'"),
        ({}, r"exemplar=\{\} is not where exemplars come from: use a field path"),
        ({1: "trace_id"}, "is not where exemplars come from"),
        (("trace_id",), r"exemplar=\('trace_id',\) is not where"),
        (5, "exemplar=5 is not where"),
    ],
)
def test_what_cannot_work_is_an_error_when_the_class_is_made(exemplar, complaint):
    with pytest.raises(DefinitionError, match=complaint):
        timer(exemplar=exemplar)


# -- the price


def source_of(listeners):
    """Give the generated source of the one listener that a collector has on Turn."""
    name = f"<polymeter: {listeners} on Turn>"
    return "".join(linecache.cache[name][2])


def test_without_a_declaration_there_is_nothing_of_it_in_the_listener():
    class Silent(MetricsCollector):
        wait = timer()

    class Telling(MetricsCollector):
        wait = timer(exemplar="trace_id")

    for each in (Silent, Telling):
        Metrics().collect(each())
    silent, telling = (source_of(f"{each.__module__}.{each.__qualname__}") for each in (Silent, Telling))
    assert "note" not in silent
    assert "trace_id" not in silent
    lines = iter(telling.splitlines())
    assert all(line in lines for line in silent.splitlines()), "the rest of it is the same"


def test_nothing_is_asked_where_nobody_keeps_them():
    class Plain(AggregatingRegistry):
        exemplar = None

    asked = []
    metrics = Metrics(registry=Plain())
    metrics.collect(collector(timer(exemplar=asked.append)))
    metrics.events.dispatch(Turn())
    assert asked == []
    assert metrics.registry.total("wait_ms") == 250


# -- by hand


def test_a_handler_says_it_by_hand(metrics):
    class ByHand(MetricsCollector):
        @on(Turn)
        def finished(self, event):
            self.timer("wait_ms", event.duration_ms, {"model": event.model})
            self.exemplar("timer", "wait_ms", event.duration_ms, {"trace_id": event.trace_id}, {"model": event.model})

    metrics.collect(ByHand())
    metrics.events.dispatch(Turn())
    metrics.events.dispatch(Turn(trace_id="a"))
    assert [each.labels for each in shown(metrics)] == [{"trace_id": "a"}]


def test_by_hand_into_a_registry_that_keeps_none_is_nothing():
    class Plain(AggregatingRegistry):
        exemplar = None

    hand = MetricsCollector()
    metrics = Metrics(registry=Plain()).collect(hand)
    hand.counter("turns")
    hand.exemplar("counter", "turns", 1, {"trace_id": "a"})
    assert metrics.registry.total("turns") == 1


# -- of the calls of a model


def completed(**said):
    return InferenceCompleted(execution_id="e1", model="m", outcome="ok", duration_ms=250.0, **said)


@pytest.mark.parametrize(
    ("exemplars", "labels"),
    [("execution_id", {"execution_id": "e1"}), (lambda event: {"model": event.model}, {"model": "m"})],
    ids=["field", "callable"],
)
def test_inference_metrics_say_where_durations_and_completions_came_from(exemplars, labels):
    metrics = Metrics().collect(InferenceMetricsCollector(exemplars=exemplars))
    metrics.events.dispatch(completed())
    found = {metric.name: metric.exemplars[0] for metric in metrics.snapshot() if metric.exemplars}
    assert {name: (each.labels, each.value) for name, each in found.items()} == {
        "inference.duration_ms": (labels, 0.25),
        "inference.completed": (labels, 1),
    }


def test_by_default_inference_metrics_say_nothing():
    class Mine(InferenceMetricsCollector):
        def __init__(self):
            """Leave out the one of the base class, which had none before."""

    for each in (InferenceMetricsCollector(), Mine()):
        metrics = Metrics().collect(each)
        metrics.events.dispatch(completed())
        assert not any(metric.exemplars for metric in metrics.snapshot())


def test_a_field_that_completions_do_not_have_is_an_error():
    with pytest.raises(DefinitionError, match=r"InferenceMetricsCollector: InferenceCompleted has no field 'trace'"):
        InferenceMetricsCollector(exemplars="trace")


# -- OpenTelemetry


def test_the_ids_of_the_current_span():
    with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
        context = span.get_span_context()
        assert trace_ids() == {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }
    assert trace_ids() is None


def test_a_span_that_nobody_will_find_has_none():
    with TracerProvider(sampler=ALWAYS_OFF).get_tracer("t").start_as_current_span("s"):
        assert trace_ids() is None


def test_a_program_without_opentelemetry_does_not_import_it():
    answer = answer_of(
        "import json, sys; from polymeter.collectors import trace_ids; "
        "print(json.dumps([trace_ids(object()), any(name.startswith('opentelemetry') for name in sys.modules)]))"
    )
    assert answer == [None, False]


def test_a_metric_is_linked_to_the_span_that_it_was_measured_in(metrics):
    metrics.collect(collector(timer(exemplar=trace_ids)))
    metrics.events.dispatch(Turn(duration_ms=1))
    with TracerProvider().get_tracer("t").start_as_current_span("s"):
        metrics.events.dispatch(Turn())
        ids = trace_ids()
    assert [(each.labels, each.value) for each in shown(metrics)] == [(ids, 0.25)]
