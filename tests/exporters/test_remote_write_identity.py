"""Who sends: the labels of every series, and what they cannot be."""

from __future__ import annotations

import os
import platform
from contextlib import closing

import pytest

from polymeter.data import Counter, Gauge, Snapshot, Tags
from polymeter.data.definition import MetricDefinition
from polymeter.errors import DefinitionError
from polymeter.exporters import RemoteWriteExporter
from polymeter.resource import instance_id
from polymeter.testing import FaultServer
from tests.exporters.remote_write_messages import all_of

URL = "http://user:a-password@localhost:9090/api/v1/write"


def labels_of(*metrics, resource=None, **options):
    """Give the labels of the one series that is sent."""
    snapshot = Snapshot(metrics or [Counter("calls", 1)], resource=Tags(resource or {}), taken_at=1.0)
    with FaultServer() as server, closing(RemoteWriteExporter(server.url, target_info=False, **options)) as exporter:
        exporter.export(snapshot)
        [series] = all_of(server.requests)
    return series.labels


@pytest.mark.parametrize(
    ("resource", "job"),
    [
        ({"service.name": "shop"}, "shop"),
        ({"service.name": "shop", "service.namespace": "eu"}, "eu/shop"),
        ({"host": "h"}, "unknown_service:python"),
    ],
)
def test_the_job_is_the_service(monkeypatch, resource, job):
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    assert labels_of(resource=resource)["job"] == job


def test_where_the_resource_has_no_service_the_environment_says_it(monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from the environment")
    assert labels_of()["job"] == "from the environment"


def test_the_instance_is_a_process_by_default():
    assert labels_of()["instance"] == instance_id()


def test_the_instance_can_be_made_of_what_tells_processes_apart():
    labels = labels_of(instance="web-{host}:{pid}", job="j")
    assert labels["instance"] == f"web-{platform.node()}:{os.getpid()}"


def test_more_labels_are_on_every_series():
    assert labels_of(labels={"env": "prod"}, job="j", instance="i") == {
        "__name__": "calls_total",
        "env": "prod",
        "instance": "i",
        "job": "j",
    }


def test_a_tag_of_the_resource_can_be_on_every_series():
    labels = labels_of(resource={"deployment.zone": "b"}, resource_labels=["deployment.zone"])
    assert labels["deployment_zone"] == "b"


def test_a_tag_of_the_same_name_is_kept_as_an_exported_one():
    tags = {"job": "nightly", "env": "x", "instance": "y"}
    labels = labels_of(Gauge("g", 1, tags), job="j", instance="i", labels={"env": "prod"})
    assert labels == {
        "__name__": "g",
        "env": "prod",
        "exported_env": "x",
        "exported_instance": "y",
        "exported_job": "nightly",
        "instance": "i",
        "job": "j",
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"version": "3.0"}, "use '1.0' or '2.0'"),
        ({"job": ""}, "job=''"),
        ({"instance": ""}, "instance=''"),
        ({"instance": 7}, "instance=7"),
        ({"instance": "{hostname}"}, r"there is no \{hostname\}, only \{id\}, \{host\} and \{pid\}"),
        ({"labels": {"job": "x"}}, "job= and instance= are parameters"),
        ({"labels": {"a b": "x"}}, "'a b' cannot be a label"),
        ({"labels": {"env": ""}}, "'env' cannot be a label"),
        ({"labels": 7}, "the labels of remote write cannot be"),
        ({"histograms": "round"}, "no style"),
        ({"timeout": 0}, "time-out"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_when_the_exporter_is_made(options, said):
    with pytest.raises(DefinitionError, match=said):
        RemoteWriteExporter(URL, **options)


def test_nothing_secret_is_shown():
    exporter = RemoteWriteExporter(URL, headers={"X-Scope-OrgID": "a-tenant"})
    assert repr(exporter) == "RemoteWriteExporter('localhost:9090')"


@pytest.mark.parametrize(
    ("name", "kind", "utf8_names", "expected"),
    [
        ("chat.turns", "counter", False, "chat_turns_total"),
        ("chat.turns", "counter", True, "chat.turns_total"),
        ("chat.wait_ms", "timer", False, "chat_wait_seconds"),
        ("chat.wait_ms", "timer", True, "chat.wait_seconds"),
    ],
)
def test_names_are_those_of_prometheus(name, kind, utf8_names, expected):
    exporter = RemoteWriteExporter(URL, utf8_names=utf8_names)
    assert exporter.names(MetricDefinition.of(name, kind)) == (expected,)
