"""LogExporter: one log record per metric."""

from __future__ import annotations

import json
import logging

import pytest

from polymeter.data import Counter, Gauge, Snapshot, Timer
from polymeter.errors import DefinitionError
from polymeter.exporters import LogExporter

METRICS = [Counter("calls", 1, {"model": "a"}), Timer("wait_ms", 12.3), Counter("calls", 2, {"model": "a"})]


@pytest.mark.parametrize("shaped", [list, iter, Snapshot], ids=["list", "iterator", "snapshot"])
def test_each_metric_is_one_record_with_its_text_and_its_plain_values(caplog, shaped):
    caplog.set_level(logging.INFO, "polymeter.metrics")
    LogExporter().export(shaped(METRICS))
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("polymeter.metrics", "INFO", 'calls{model="a"} 3'),
        ("polymeter.metrics", "INFO", "wait_ms 12.3"),
    ]
    assert [record.metric["value"] for record in caplog.records] == [3, 12.3]
    assert json.loads(json.dumps(caplog.records[1].metric))["p99"] == 12.3


@pytest.mark.parametrize(
    ("level", "name"),
    [
        ("debug", "DEBUG"),
        ("WARNING", "WARNING"),
        ("Error", "ERROR"),
        (logging.CRITICAL, "CRITICAL"),
        ("warn", "WARNING"),
    ],
)
def test_a_level_is_a_name_in_any_case_or_a_number(caplog, level, name):
    logger = logging.getLogger("tests.level")
    caplog.set_level(logging.DEBUG, "tests.level")
    LogExporter(logger, level).export([Gauge("level", 5)])
    assert [(record.name, record.levelname) for record in caplog.records] == [("tests.level", name)]


@pytest.mark.parametrize("level", ["loud", "", "20", None], ids=repr)
def test_a_level_that_does_not_exist_is_refused_with_those_that_do(level):
    with pytest.raises(DefinitionError, match=rf"there is no log level {level!r}: use one of .*DEBUG.*") as caught:
        LogExporter(level=level)
    assert all(name in str(caught.value) for name in ("CRITICAL", "ERROR", "WARNING", "INFO"))


def test_a_level_that_somebody_added_exists(caplog):
    logging.addLevelName(7, "METRIC")
    caplog.set_level(7, "polymeter.metrics")
    LogExporter(level="metric").export([Gauge("level", 5)])
    assert caplog.records[0].levelno == 7


def test_metrics_are_not_even_read_when_nobody_wants_the_level(caplog):
    caplog.set_level(logging.WARNING, "polymeter.metrics")

    def unread():
        pytest.fail("read")
        yield

    LogExporter().export(unread())
    assert not caplog.records


def test_tags_cannot_break_a_line(caplog):
    caplog.set_level(logging.INFO, "polymeter.metrics")
    LogExporter().export([Counter("calls", 1, {"model": 'a\n"b'})])
    assert caplog.messages == ['calls{model="a\\n\\"b"} 1']
