"""The dashboard is one that Grafana can import, and asks for what we export."""

from __future__ import annotations

import math
import re
from itertools import combinations

import pytest

from tests.dashboards.documents import dashboard, labels_in, names_in, targets

TARGETS = targets()
PANELS = dashboard()["panels"]
ADDED_BY_PROMETHEUS = {"job", "instance"}


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_each_query_finds_something_plausible_on_a_real_server(target, seen):
    values = seen.vector(target.expression).values()
    assert values
    assert all(value >= 0 or math.isnan(value) for value in values), values
    assert any(value > 0 for value in values), values
    if target.unit == "percentunit":
        assert all(value <= 1 for value in values if not math.isnan(value)), values


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_each_query_asks_for_metrics_and_labels_that_are_exported(target, rendered):
    names = names_in(target.expression)
    assert names
    assert names <= rendered.keys()
    known = ADDED_BY_PROMETHEUS.union(*(rendered[name] for name in names))
    assert labels_in(target.expression) <= known


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_each_legend_names_labels_that_the_query_keeps(target):
    named = re.findall(r"{{(\w+)}}", target.target["legendFormat"])
    grouped = re.search(r"\bby \((.*?)\)", target.expression)
    kept = set(grouped[1].split(", ")) - {"le"} if grouped else set()
    assert set(named) == kept


def value_of(title, seen, letter="A", **labels):
    [target] = [each for each in TARGETS if str(each) == f"{title} {letter}"]
    return seen.vector(target.expression)[frozenset(labels.items())]


def test_shares_and_means_are_those_of_the_script(seen):
    """In one round of it, one call of six fails, and one of six reports no usage."""
    assert value_of("Error ratio", seen) == pytest.approx(1 / 6)
    assert value_of("Error ratio by model", seen, model="bad") == pytest.approx(1)
    assert value_of("Error ratio by model", seen, model="good") == 0
    assert value_of("Usage missing", seen) == pytest.approx(1 / 6)
    assert value_of("Requests per call", seen, model="busy") == pytest.approx(3)
    assert value_of("Requests per call", seen, model="good") == pytest.approx(1)
    assert value_of("Mean duration by model", seen, model="slow") == pytest.approx(90)
    assert value_of("Active calls", seen) == 1
    assert value_of("Throughput of the last call", seen, model="good") == pytest.approx(6)


def test_estimated_quantiles_are_in_the_bucket_of_the_truth(seen):
    assert 50 < value_of("Duration by model, p99", seen, model="slow") <= 100
    assert 50 < value_of("Duration, p99", seen) <= 100
    assert value_of("Time to first chunk", seen, "B") <= 0.5


def test_every_panel_has_an_id_of_its_own_a_title_and_an_explanation():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["title"]
        assert panel["type"] in {"row", "stat", "timeseries"}
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["targets"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_every_query_goes_to_the_source_that_was_chosen():
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(target.target["datasource"] == target.panel["datasource"] == chosen for target in TARGETS)
    variables = dashboard()["templating"]["list"]
    assert [(each["name"], each["type"]) for each in variables] == [
        ("datasource", "datasource"),
        ("job", "query"),
        ("model", "query"),
    ]
    assert all(each["datasource"] == chosen for each in variables[1:])


def test_the_choices_of_a_variable_come_from_a_metric_that_is_exported(rendered):
    for variable in dashboard()["templating"]["list"][1:]:
        metric = variable["query"]["query"].removeprefix("label_values(").partition("{")[0].partition(",")[0]
        assert variable["name"] in rendered[metric] | ADDED_BY_PROMETHEUS


def test_no_panel_lies_on_another():
    places = [panel["gridPos"] for panel in PANELS]
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)
