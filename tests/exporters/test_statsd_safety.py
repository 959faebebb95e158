"""Whatever a name, a tag or a text holds: it is one line, of the series that it belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import Metrics
from polymeter.data import Counter, Gauge, Histogram
from polymeter.exporters.statsd.dialects import DIALECTS
from tests.exporters.statsd_fixtures import Pair
from tests.exporters.statsd_reading import lines_of
from tests.strategies import any_tags, any_text, tag_names

FORGERIES = [
    "a\nforged:1|c",
    "a:1|c\nforged:1|c",
    "a|c",
    "a:5|c|@0.001",
    "x|#admin:true",
    "x,admin:true",
    "x;admin=true",
    "x#admin=true",
    "x]:1|c",
    "x[admin=true",
    "x|c:another-container",
    "x|T1",
    "x\r\nforged:1|c",
    "\u2028forged:1|c",
    "_e{1,1}:a|b",
    "_sc|forged|2",
    "a\0b",
    "",
    " ",
    "é" * 300,
    "\ud800",
]
texts = st.one_of(
    any_text, st.sampled_from(FORGERIES), st.text(st.sampled_from("ab:|@#,;=[]\n\r_.\0 %{}"), max_size=12)
)
names = texts.filter(bool)
dialects = pytest.mark.parametrize("dialect", sorted(DIALECTS))


@dialects
@given(name=names, tags=st.one_of(any_tags, st.dictionaries(names, texts, max_size=4)), constant=any_tags)
def test_three_metrics_are_three_lines_with_the_tags_that_they_have(dialect, name, tags, constant):
    """Read strictly; no line more, and none with another value or type."""
    with Pair(dialect=dialect, tags=constant, packet_size=60_000) as pair:
        read = pair.read([Counter(name, 3, tags), Gauge(name, 7, tags), Histogram(name, 5, tags)])
    types = {"c": 3, "g": 7, DIALECTS[dialect].histograms: 5}
    assert {line.type: line.values for line in read} == {letters: (value,) for letters, value in types.items()}
    assert len(read) == 3
    assert len({(line.name, line.tags) for line in read}) == 1
    assert all(line.rate == 1 and line.container is None and line.timestamp is None for line in read)
    merged = {**dict(Counter("x", 1, constant).tags.canonical), **dict(Counter("x", 1, tags).tags.canonical)}
    wanted = sum(bool(text) for text in merged.values())
    assert len(read[0].tags) == (wanted if dialect not in {"etsy", "none"} else 0)


@given(name=names, prefix=texts, key=tag_names)
def test_a_prefix_and_the_names_that_the_exporter_gives_are_as_harmless(name, prefix, key):
    with Pair(prefix=prefix, packet_size=8000) as pair:
        (line,) = pair.read([Counter(name, 1, {key: name})])
        definition = Metrics().registry.define(name.replace("polymeter.", "x"), "counter")
        (said,) = pair.exporter.names(definition)
    assert line.values == (1,)
    assert "\n" not in said
    assert ":" not in said


@given(title=texts, text=texts, extra=texts, tags=st.dictionaries(names, texts, max_size=3))
def test_an_event_and_a_check_are_one_line_each_whatever_their_texts(title, text, extra, tags):
    """And what comes after them is read as it should be."""
    with Pair(packet_size=60_000) as pair:
        pair.exporter.event(title, text, host=extra, aggregation_key=extra, source_type=extra, tags=tags)
        pair.exporter.service_check(title or "x", "ok", host=extra, message=text, tags=tags)
        event, check, count = pair.lines([Counter("a", 1)])
    lengths, _, rest = event.removeprefix("_e{").partition("}:")
    one, other = map(int, lengths.split(","))
    body = rest.encode()
    assert body[one : one + 1] == b"|"
    fields = body[one + 1 + other :].decode().split("|")
    assert [field[:1] for field in fields[1:]] == list("dhks" if extra else "d") + ["#"] * bool(any(tags.values()))
    parts = check.split("|")
    assert parts[0] == "_sc"
    assert parts[2] == "0"
    marks = ["d:", *(["h:"] if extra else []), *(["#"] if any(tags.values()) else []), *(["m:"] if text else [])]
    assert [part[: len(mark)] for part, mark in zip(parts[3:], marks, strict=True)] == marks
    assert lines_of([count.encode()])[0].name == "a"
