"""Filters of a registry, said in a file."""

from __future__ import annotations

import json
import sys

import pytest

from polymeter import DefinitionError, Metrics
from polymeter.configuration import Configuration
from polymeter.configuration.json_schema import schema
from polymeter.registries.filters import (
    CommonTags,
    ContextTags,
    Deny,
    DropTags,
    MaximumSeries,
    MetricOptions,
    ReplaceTagValues,
)

TOML = """
[registry]
budget = 500

[[registry.filters]]
use = "deny"
metrics = "debug.*"

[[registry.filters]]
use = "deny"
tags = { route = ["/health*", "/metrics"] }

[[registry.filters]]
use = "drop-tags"
tags = ["user_id"]
metrics = ["http.*", "jobs"]

[[registry.filters]]
use = "replace_tag_values"
tag = "route"
values = { "/users/*" = "/users/{id}" }
others = "other"

[[registry.filters]]
use = "metric_options"
metrics = "http.*"
buckets = [5, 50, 500]
expire_after = 3600

[[registry.filters]]
use = "maximum_series"
limit = 100

[[registry.filters]]
use = "context_tags"
tags = "tenant"

[[registry.filters]]
use = "common_tags"
tags = { region = { env = "REGION" } }
"""


def built(*filters, **registry):
    return (
        Configuration.of({"registry": {**registry, "filters": list(filters)}}).build(Metrics).registry.filters.filters
    )


def test_a_file_says_which_filters_there_are_and_in_which_order(tmp_path):
    path = tmp_path / "polymeter.toml"
    path.write_text(TOML.replace('{ env = "REGION" }', '"eu"'))
    metrics = Metrics.from_config(path)
    assert metrics.registry.filters.filters == (
        Deny("debug.*"),
        Deny("*", tags={"route": ["/health*", "/metrics"]}),
        DropTags("user_id", metrics=["http.*", "jobs"]),
        ReplaceTagValues("route", {"/users/*": "/users/{id}"}, others="other"),
        MetricOptions("http.*", buckets=(5, 50, 500), expire_after=3600),
        MaximumSeries(100),
        ContextTags("tenant"),
        CommonTags({"region": "eu"}),
    )
    metrics.close()


@pytest.mark.parametrize("use", ["windowed", "in_memory"])
def test_other_registries_take_them_too(use):
    assert built({"use": "deny", "metrics": ["a"]}, use=use) == (Deny("a"),)


def test_a_filter_of_your_own_is_named_by_its_address(tmp_path, monkeypatch):
    (tmp_path / "own_filters.py").write_text(
        "class Mine:\n    def __init__(self, *, prefix: str = 'x'):\n        self.prefix = prefix\n"
        "    def map(self, metric):\n        return metric.named(self.prefix + metric.name)\n"
        "mine = Mine()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    first, second, third = built(
        "own_filters:mine", {"use": "own_filters:Mine", "prefix": "y"}, {"use": "own_filters:Mine"}
    )
    assert (first.prefix, second.prefix, third.prefix) == ("x", "y", "x")
    sys.modules.pop("own_filters")


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([{"use": "drop"}], "registry.filters.0.use: there is no filter 'drop'; known: accept, common_tags"),
        ([{"use": "denny", "metrics": "a"}], "did you mean 'deny'"),
        ([{"metrics": "a"}], "registry.filters.0: it needs 'use': one of accept, common_tags"),
        ([{"use": "deny", "metrics": "a"}, {"use": "deny"}], r"registry.filters.1: Deny\(\) means nothing"),
        ([{"use": "drop_tags", "tag": "a"}], "registry.filters.0.tag: there is no such option: did you mean 'tags'"),
        ([{"use": "rename_metric", "old": "a"}], "registry.filters.0: it needs 'new'"),
        ([{"use": "metric_options", "metrics": "a", "buckets": "x"}], "filters.0.buckets: expected a list"),
        ([3], "registry.filters.0: expected a table with use = one of 'accept'"),
        ({"use": "deny"}, "registry.filters: expected a list"),
        (["no_such_module:mine"], "registry.filters.0.use: "),
        (["own:made:up"], "registry.filters.0.use: "),
        (["builtins:object"], "is no filter"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(filters, message):
    with pytest.raises(DefinitionError, match=message):
        Configuration.of({"registry": {"filters": filters}}).build(Metrics)


def test_editors_know_filters_and_their_options():
    known = json.dumps(schema()["properties"]["registry"]["properties"]["filters"])
    for word in ("drop_tags", "max", "expire_after", "others"):
        assert f'"{word}"' in known
