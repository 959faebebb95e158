"""The alert rules are ones that Prometheus accepts; each fires when it should, and only then."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from tests.dashboards.documents import ALERTS, labels_in, names_in
from tests.servers.asking import asked
from tests.servers.waiting import wait_until

CALLS = 'job="shop", instance="a", model="m", streamed="false"'
OK = f'inference_completed_total{{{CALLS}, success="true", finish_reason="stop"}}'
FAILED = f'inference_completed_total{{{CALLS}, success="false", finish_reason="error"}}'
CANCELLED = f'inference_completed_total{{{CALLS}, success="false", finish_reason="cancelled"}}'
STARTED = f"inference_started_total{{{CALLS}}}"
ATTEMPTS = f"inference_attempts_total{{{CALLS}}}"
ACTIVE = f"inference_active{{{CALLS}}}"
MISSING = f"inference_usage_missing_total{{{CALLS}}}"
DURATION = 'inference_duration_seconds_bucket{job="shop", instance="a", model="m", streamed="false", le="%s"}'
EXPORTS = 'polymeter_exports_total{job="shop", instance="a", exporter="Otlp", result="%s", reason="timeout"}'
FOLDED = 'polymeter_records_folded_total{job="shop", instance="a", metric="logins", label="user", example="u1"}'
INVALID = 'polymeter_records_invalid_total{job="shop", instance="a", metric="logins", reason="negative"}'
LISTENERS = 'polymeter_listeners_%s_total{job="shop", instance="a", listener="Chat", event="TurnFinished"}'


@dataclass(frozen=True)
class Case:
    """What happens each minute, and what is said about it.

    :ivar series: name with labels -> values, in the notation of promtool: ``0+3x60`` is three more each minute.
    :ivar quiet: the minute at which nothing is said yet.
    :ivar firing: the minute by which it is said; ``None``: never.
    """

    name: str
    alert: str
    series: dict[str, str]
    quiet: int = 60
    firing: int | None = None

    def __str__(self):
        """Give its name."""
        return f"{self.alert}: {self.name}"


CASES = [
    Case("one in ten", "InferenceErrorRatio", {OK: "0+9x60", FAILED: "0+1x60"}, quiet=4, firing=8),
    Case("one in fifty", "InferenceErrorRatio", {OK: "0+49x60", FAILED: "0+1x60"}),
    Case("the user cancels", "InferenceErrorRatio", {OK: "0+9x60", CANCELLED: "0+9x60"}),
    Case("one call, an error", "InferenceErrorRatio", {FAILED: "0x10 1x49"}),
    Case(
        "all take a minute and a half",
        "InferenceSlow",
        {DURATION % "50.0": "0x60", DURATION % "100.0": "0+3x60", DURATION % "+Inf": "0+3x60"},
        quiet=9,
        firing=14,
    ),
    Case(
        "one in two hundred takes long",
        "InferenceSlow",
        {DURATION % "50.0": "0+199x60", DURATION % "100.0": "0+200x60", DURATION % "+Inf": "0+200x60"},
    ),
    Case("three requests a call", "InferenceRetryStorm", {STARTED: "0+5x60", ATTEMPTS: "0+15x60"}, quiet=4, firing=8),
    Case("some retries", "InferenceRetryStorm", {STARTED: "0+5x60", ATTEMPTS: "0+8x60"}),
    Case("two calls hang", "InferenceStuck", {ACTIVE: "2x60", OK: "5x60"}, quiet=4, firing=25),
    Case("the only calls ever hang", "InferenceStuck", {ACTIVE: "2x60"}, quiet=4, firing=6),
    Case("busy", "InferenceStuck", {ACTIVE: "200x60", OK: "0+5x60"}),
    Case("idle", "InferenceStuck", {ACTIVE: "0x60", OK: "5x60"}),
    Case("one stream in five", "InferenceUsageMissing", {OK: "0+5x60", MISSING: "0+1x60"}, quiet=14, firing=18),
    Case("rarely", "InferenceUsageMissing", {OK: "0+50x60", MISSING: "0+1x60"}),
    Case("all fail", "PolymeterExportsFailing", {EXPORTS % "failed": "0+1x60"}, quiet=9, firing=12),
    Case("failed once", "PolymeterExportsFailing", {EXPORTS % "ok": "0+1x60", EXPORTS % "failed": "0x5 1x54"}),
    Case("new users", "PolymeterCardinality", {FOLDED: "0+10x60"}, quiet=4, firing=7),
    Case("over", "PolymeterCardinality", {FOLDED: "3000x60"}),
    Case("negative", "PolymeterRecordsRefused", {INVALID: "0+1x60"}, quiet=4, firing=7),
    Case("over", "PolymeterRecordsRefused", {INVALID: "5x60"}),
    Case("it raises", "PolymeterListenersFailing", {LISTENERS % "failed": "0+1x60"}, quiet=4, firing=7),
    Case(
        "it is quarantined",
        "PolymeterListenersFailing",
        {LISTENERS % "failed": "16x60", LISTENERS % "held_back": "0+9x60"},
        quiet=4,
        firing=7,
    ),
    Case("over", "PolymeterListenersFailing", {LISTENERS % "failed": "16x60", LISTENERS % "held_back": "90x60"}),
]


@pytest.fixture(scope="module")
def loaded():
    """Give what servers have read already."""
    return {}


@pytest.fixture
def rules(prometheus, loaded):
    """Give the rules as a real server reads them."""
    if prometheus not in loaded:
        loaded[prometheus] = {rule["name"]: rule for rule in prometheus.load_rules(ALERTS)}
    return loaded[prometheus]


def promtool_says(promtool, *command):
    done = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong(promtool):
    promtool_says(promtool, "check", "rules", "--lint=all", "--lint-fatal", ALERTS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_fires_when_it_should_and_not_before(case, promtool, tmp_path):
    firing = f'count by (alertname) (ALERTS{{alertstate="firing", alertname="{case.alert}"}})'
    sample = {"labels": f'{{alertname="{case.alert}"}}', "value": 1}
    expected = [{"expr": firing, "eval_time": f"{case.quiet}m", "exp_samples": []}]
    if case.firing is not None:
        expected.append({"expr": firing, "eval_time": f"{case.firing}m", "exp_samples": [sample]})
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": expected}]
    file = tmp_path / "test.json"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}), "utf-8")
    promtool_says(promtool, "test", "rules", file)


def test_every_alert_fires_in_some_case_and_is_silent_in_another(rules):
    assert {case.alert for case in CASES if case.firing is not None} == rules.keys()
    assert {case.alert for case in CASES if case.firing is None} == rules.keys()


def test_every_expression_finds_the_trouble_of_the_scripted_run(rules, seen):
    found = {name: seen.vector(rule["query"]) for name, rule in rules.items()}
    assert {name: len(vector) for name, vector in found.items()} == {
        "InferenceErrorRatio": 1,
        "InferenceSlow": 1,
        "InferenceRetryStorm": 1,
        "InferenceStuck": 1,
        "InferenceUsageMissing": 1,
        "PolymeterExportsFailing": 1,
        "PolymeterCardinality": 1,
        "PolymeterRecordsRefused": 1,
        "PolymeterListenersFailing": 1,
    }
    models = {dict(labels).get("model"): name for name, vector in found.items() for labels in vector}
    del models[None]
    assert models == {
        "bad": "InferenceErrorRatio",
        "slow": "InferenceSlow",
        "busy": "InferenceRetryStorm",
        "stuck": "InferenceStuck",
        "silent": "InferenceUsageMissing",
    }


def test_a_real_server_says_it_in_whole_sentences(rules, moments, prometheus):
    alerts = wait_until(
        lambda: said if len(said := alerts_of(prometheus)) == len(rules) else None,
        what="every alert",
        why_not=lambda: str(alerts_of(prometheus)),
    )
    for alert in alerts.values():
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert alert["annotations"].keys() == {"summary", "description"}
        for sentence in alert["annotations"].values():
            assert not re.search("no value|error expanding", sentence), sentence
    assert alerts["InferenceErrorRatio"]["annotations"]["summary"] == "100% of the calls to bad fail"
    assert alerts["InferenceRetryStorm"]["annotations"]["summary"] == "3 requests for each call to busy"


def alerts_of(prometheus):
    return {alert["labels"]["alertname"]: alert for alert in asked(f"{prometheus.address}/alerts")["alerts"]}


def test_every_alert_waits_before_it_fires(rules):
    assert all(rule["duration"] >= 300 for rule in rules.values())


def test_every_expression_asks_for_metrics_and_labels_that_are_exported(rules, rendered):
    for rule in rules.values():
        names = names_in(rule["query"])
        assert names
        assert names <= rendered.keys()
        assert labels_in(rule["query"]) <= {"job", "instance"}.union(*(rendered[name] for name in names))
