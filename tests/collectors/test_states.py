"""Info and state-set metrics: gauges that say something in their tags."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import pytest

from polymeter.collectors import MetricsCollector, measure, on, set_info, set_state
from polymeter.errors import DefinitionError
from polymeter.events import Event
from polymeter.exporters import PrometheusExporter
from polymeter.metrics import Metrics
from polymeter.registries import AggregatingRegistry

STATES = ("idle", "running", "failed")


class Condition(enum.Enum):
    GOOD = "good"
    BAD = "bad"


@dataclass(slots=True, kw_only=True)
class Moved(Event):
    job: str = "import"
    state: object = "idle"
    version: str = "1.2"


class Jobs(MetricsCollector):
    build = measure.info("jobs.info", on=Moved, tags=("version",), help="Which version of the jobs this is.")
    state_of = measure.states(
        "job.state", on=Moved, state="state", states=STATES, tags=("job",), combine="sum", help="What the job does."
    )


class ByHand(MetricsCollector):
    @on(Moved)
    def moved(self, event):
        self.info("jobs.info", {"version": event.version})
        self.states("job.state", event.state, STATES, {"job": event.job})


def states(metrics, **tags):
    return {each.tags["state"]: each.value for each in metrics.registry.find("job.state", tags)}


@pytest.fixture(params=[Jobs, ByHand], ids=["declared", "by hand"])
def metrics(request):
    return Metrics().collect(request.param())


def test_exactly_the_state_that_holds_is_one(metrics):
    for state in ("idle", "running", "failed", "running"):
        metrics.events.dispatch(Moved(state=state))
        assert states(metrics) == {each: int(each == state) for each in STATES}


def test_a_state_that_nobody_named_is_none_of_them(metrics):
    metrics.events.dispatch(Moved(state="running"))
    metrics.events.dispatch(Moved(state="lost"))
    assert states(metrics) == dict.fromkeys(STATES, 0)


def test_each_thing_has_a_state_of_its_own(metrics):
    metrics.events.dispatch(Moved(job="import", state="running"))
    metrics.events.dispatch(Moved(job="export", state="failed"))
    assert states(metrics, job="import")["running"] == states(metrics, job="export")["failed"] == 1
    assert metrics.registry.total("job.state") == 2


def test_an_info_is_one_whatever_it_says(metrics):
    metrics.events.dispatch(Moved())
    metrics.events.dispatch(Moved())
    assert metrics.registry.get("jobs.info", {"version": "1.2"}).value == 1


def test_a_declared_state_that_is_not_said_changes_nothing():
    metrics = Metrics().collect(Jobs())
    metrics.events.dispatch(Moved(state="running"))
    metrics.events.dispatch(Moved(state=None))
    assert states(metrics)["running"] == 1


def test_an_enum_gives_its_values():
    class Health(MetricsCollector):
        condition = measure.states("condition", on=Moved, state="state", states=Condition)

    metrics = Metrics().collect(Health())
    metrics.events.dispatch(Moved(state=Condition.BAD))
    assert {each.tags["state"]: each.value for each in metrics.registry.find("condition")} == {"good": 0, "bad": 1}


def test_a_subclass_replaces_a_whole_state_set():
    class Fewer(Jobs):
        state_of = measure.states("job.state", on=Moved, state="state", states=("running", "failed"))

    metrics = Metrics().collect(Fewer())
    metrics.events.dispatch(Moved(state="failed"))
    assert states(metrics) == {"running": 0, "failed": 1}


def test_the_catalogue_knows_them():
    catalogue = Metrics().collect(Jobs()).export_to(PrometheusExporter()).catalogue()
    assert set(catalogue["job.state"].tags) == {"job", "state"}
    assert catalogue["jobs.info"].names["prometheus"] == ("jobs_info",)


def test_how_they_are_shown_in_prometheus():
    exporter = PrometheusExporter(target_info=False)
    metrics = Metrics().collect(Jobs()).export_to(exporter)
    metrics.events.dispatch(Moved(state="running"))
    lines = [line for line in exporter.render().splitlines() if line.startswith(("job", "# TYPE job"))]
    assert sorted(lines) == [
        "# TYPE job_state gauge",
        "# TYPE jobs_info gauge",
        'job_state{job="import",state="failed"} 0',
        'job_state{job="import",state="idle"} 0',
        'job_state{job="import",state="running"} 1',
        'jobs_info{version="1.2"} 1',
    ]


def test_a_registry_alone_will_do():
    registry = AggregatingRegistry()
    assert set_info(registry, "app.info", {"version": "7"}).value == 1
    touched = set_state(registry, "door", "open", ("open", "closed"), {"house": 3})
    assert [(str(each.tags), each.value) for each in touched] == [
        ('house="3",state="open"', 1),
        ('house="3",state="closed"', 0),
    ]


def test_tags_that_are_none_are_counted_as_everywhere():
    registry = AggregatingRegistry()
    set_state(registry, "door", "open", ("open", "closed"), {"house": float("nan")})
    assert registry.health().invalid == 1


@pytest.mark.parametrize("given", ["idle", (), ("idle",), ("idle", "idle"), ("idle", 3), ("idle", "")])
def test_states_that_are_none_are_refused_when_the_class_is_made(given):
    with pytest.raises(DefinitionError, match="two or more texts"):
        measure.states("job.state", on=Moved, state="state", states=given)


def test_a_field_that_is_not_there_is_refused_when_the_class_is_made():
    with pytest.raises(DefinitionError, match="did you mean 'state'"):
        measure.states("job.state", on=Moved, state="sate", states=STATES)
