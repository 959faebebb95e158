"""LogfmtExporter: pairs that a strict reader gets back as they were."""

from __future__ import annotations

import json
import logging
import math
import re

from hypothesis import given
from hypothesis import strategies as st

from polymeter.data import Counter, Gauge, Snapshot, Timer
from polymeter.exporters import LogfmtExporter
from polymeter.exporters.logfmt import logfmt_lines

PAIR = re.compile(
    r'([^\s"=\\\x00-\x1f\x7f-\x9f]+)=("(?:[^"\\\x00-\x1f]|\\.)*"|[^\s"=\\\x00-\x1f\x7f-\x9f]+)(?: (?!$)|$)'
)

texts = st.text() | st.text(alphabet=' ="\\\n\r\t\x00\x7f\x85\u2028abé', max_size=12)


def pairs_of(line):
    """Read ``line`` strictly: nothing between the pairs but one space, no key twice."""
    at, pairs = 0, {}
    while at < len(line):
        found = PAIR.match(line, at)
        assert found, line[at:]
        key, value = found.groups()
        assert key not in pairs
        pairs[key] = json.loads(value) if value.startswith('"') else value
        at = found.end()
    return pairs


def line_of(metric, **about):
    [line] = logfmt_lines(Snapshot([metric], **about))
    return line


def test_a_line_is_what_it_is_then_its_numbers_then_its_tags():
    assert line_of(Counter("calls", 3, {"model": "a b", "ok": True, "n": ""}), taken_at=5.5) == (
        'taken_at=5.5 metric=calls kind=counter value=3 model="a b" n="" ok=true'
    )
    assert line_of(Timer("wait_ms", 12.5)) == (
        "metric=wait_ms kind=timer count=1 sum=12.5 min=12.5 max=12.5 p50=12.5 p99=12.5 unit=ms"
    )


def test_what_is_not_known_is_left_out():
    assert line_of(Gauge("level", math.nan)) == "metric=level kind=gauge"


def test_a_tag_never_takes_a_key_of_ours_or_of_another_tag():
    tags = {"value": 1, "tag_value": 2, "count": 3, "a b": 4, "a_b": 5}
    assert pairs_of(line_of(Counter("calls", 9, tags))) == {
        "metric": "calls",
        "kind": "counter",
        "value": "9",
        "a_b": "4",
        "tag_a_b": "5",
        "tag_count": "3",
        "tag_value": "2",
        "tag_tag_value": "1",
    }


@given(name=texts.filter(bool), tags=st.dictionaries(texts.filter(bool), texts, max_size=5))
def test_whatever_the_texts_are_the_same_pairs_are_read_back(name, tags):
    metric = Counter(name, 1, tags)
    line = line_of(metric)
    assert line.splitlines() == [line]
    pairs = pairs_of(line)
    assert (pairs.pop("metric"), pairs.pop("kind"), pairs.pop("value")) == (name, "counter", "1")
    pairs.pop("unit", None)
    assert list(pairs.values()) == [value for _, value in metric.tags.canonical]


def test_a_logger_gets_one_record_per_metric(caplog):
    caplog.set_level(logging.DEBUG, "tests.logfmt")
    LogfmtExporter(logging.getLogger("tests.logfmt"), logging.DEBUG).export([Counter("a%s", 1), Gauge("b", 2)])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "metric=a%s kind=counter value=1"),
        ("DEBUG", "metric=b kind=gauge value=2"),
    ]


def test_nothing_is_rendered_for_a_level_that_nobody_wants(caplog):
    caplog.set_level(logging.ERROR, "tests.logfmt")
    LogfmtExporter(logging.getLogger("tests.logfmt")).export([Gauge("b", 2)])
    assert not caplog.records


def test_standard_output_is_the_default(capsys):
    LogfmtExporter().export([Gauge("b", 2)])
    assert capsys.readouterr().out == "metric=b kind=gauge value=2\n"
