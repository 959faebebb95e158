"""What a stopwatch shows: text, a table, and a timeline that is valid XML whatever things are called."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.errors import MissingExtraError
from polymeter.testing import ManualClock
from polymeter.timing import Stopwatch
from polymeter.timing.stopwatch.axis import label_of, ticks

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def stopwatch(clock):
    """Give one that has measured something, with another thing running."""
    stopwatch = Stopwatch(clock=clock, memory=lambda: 12_939_000)
    with stopwatch.measure("boot", "app"):
        clock.advance(0.004)
    with stopwatch.section("request"):
        with stopwatch.measure("load", "db") as event:
            clock.advance(0.01)
            event.lap()
            clock.advance(0.046)
        with stopwatch.section("render"):
            clock.advance(0.02)
            stopwatch.start("template").stop()
    stopwatch.start("flush")
    clock.advance(0.1)
    return stopwatch


def drawn(stopwatch, **kwargs):
    return ET.fromstring(stopwatch.to_svg(**kwargs))  # noqa: S314 - our own


def texts(picture):
    return [text.text for text in picture.iter(f"{SVG}text")]


def bars(picture):
    return [rect for rect in picture.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]


def test_an_event_says_category_name_memory_and_duration(stopwatch):
    event = stopwatch.section_events("request")["load"]
    assert str(event) == "db/load: 12.34 MiB - 56 ms"


def test_as_text_it_is_a_table_by_section(stopwatch):
    assert (
        str(stopwatch)
        == """\
section           event        category        periods  duration     memory
__root__          boot         app                   1      4 ms  12.34 MiB
                  flush        default   0 + 1 running    100 ms
request           __section__  section               1     76 ms  12.34 MiB
                  load         db                    2     56 ms  12.34 MiB
request / render  __section__  section               1     20 ms  12.34 MiB
                  template     default               1      0 ms  12.34 MiB"""
    )


def test_one_that_measured_nothing_says_so():
    stopwatch = Stopwatch()
    assert str(stopwatch) == "nothing measured"
    assert "nothing measured" in texts(drawn(stopwatch))
    stopwatch.report(io.StringIO())


def test_a_report_is_a_table_of_rich(stopwatch, capsys):
    stopwatch.report()
    shown = capsys.readouterr().out
    assert re.search(r"load +db +2 +56 ms +12\.34 MiB", shown)
    assert "───" in shown


@pytest.mark.parametrize("asked", [False, None])
def test_without_rich_it_is_the_text(asked, stopwatch, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    written = io.StringIO()
    stopwatch.report(written, rich=asked)
    assert written.getvalue() == f"{stopwatch}\n"


def test_rich_that_is_asked_for_and_absent_is_an_error_that_names_the_extra(stopwatch, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.delitem(sys.modules, "polymeter.timing.stopwatch.rich_table", raising=False)
    with pytest.raises(MissingExtraError, match=r"polymeter\[cli\]"):
        stopwatch.report(io.StringIO(), rich=True)


def test_names_are_text_and_no_markup_and_move_no_cursor(clock, capsys):
    stopwatch = Stopwatch(clock=clock, memory=None)
    stopwatch.start("[red]x[/red]\x1b[2J\n").stop()
    stopwatch.report()
    assert "[red]x[/red]\ufffd[2J\ufffd" in capsys.readouterr().out
    assert "\x1b" not in str(stopwatch)


def test_the_picture_has_a_bar_for_each_period_with_a_title(stopwatch):
    titles = [bar.find(f"{SVG}title").text for bar in bars(drawn(stopwatch))]
    assert len(titles) == 1 + 1 + (1 + 2) + (1 + 1)
    assert "db/load\n46.0 ms, from 14.0 to 60.0 ms\nMainThread\n12.34 MiB" in titles
    assert "default/flush\n100.0 ms, from 80.0 to 180.0 ms\nMainThread, still running" in titles


def test_bars_are_placed_on_one_axis_of_time_for_all_sections(stopwatch):
    picture = drawn(stopwatch, width=1200)
    by_title = {bar.find(f"{SVG}title").text.split("\n")[0]: bar for bar in bars(picture)}
    marks = {text.text: float(text.get("x")) for text in picture.iter(f"{SVG}text") if "m" in (text.get("class") or "")}
    scale = (marks["100 ms"] - marks["0"]) / 100
    for name, began in [("app/boot", 0), ("section/__section__", 60), ("default/flush", 80)]:
        assert float(by_title[name].get("x")) == pytest.approx(marks["0"] + began * scale, abs=0.2)


def test_it_names_sections_events_durations_and_categories(stopwatch):
    assert {"__root__", "request", "render", "load", "56 ms", "db", "app", "default"} <= {*texts(drawn(stopwatch))}


def test_periods_at_the_same_time_do_not_hide_each_other(clock):
    stopwatch = Stopwatch(clock=clock)
    event = stopwatch.start("work").start().start()
    clock.advance(1)
    event.ensure_stopped()
    assert len({bar.get("y") for bar in bars(drawn(stopwatch))}) == 3


def test_it_is_dark_where_that_is_preferred_and_refers_to_nothing_outside(stopwatch):
    picture = stopwatch.to_svg()
    assert "@media (prefers-color-scheme:dark)" in picture
    assert re.findall(r"https?:[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|<script", picture)
    rules = drawn(stopwatch).find(f"{SVG}style").text.replace("@media (prefers-color-scheme:dark){", "")
    assert all(rule.startswith(".pm-sw") for rule in re.findall(r"[^{}]+(?=\{)", rules))


@given(
    st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip), st.text(min_size=1).filter(str.strip)
)
def test_whatever_things_are_called_it_is_valid_and_says_so(name, category, section):
    stopwatch = Stopwatch(clock=ManualClock(), memory=None)
    with stopwatch.section(section), stopwatch.measure(name, category):
        pass
    drawn(stopwatch)
    str(stopwatch).encode()


def test_markup_in_names_is_text(clock):
    stopwatch = Stopwatch(clock=clock, memory=None)
    with stopwatch.measure("</text><script>&", "]]>"):
        pass
    assert "</text><script>&" in texts(drawn(stopwatch))


def test_long_names_are_cut_and_whole_in_their_title(clock):
    stopwatch = Stopwatch(clock=clock, memory=None)
    stopwatch.start("x" * 200).stop()
    [label] = [text for text in drawn(stopwatch).iter(f"{SVG}text") if (text.text or "").startswith("xxx")]
    assert label.text.endswith("…")
    assert label.find(f"{SVG}title").text == "x" * 200


def test_a_long_picture_says_its_axis_again_and_again(clock):
    stopwatch = Stopwatch(clock=clock, memory=None)
    for number in range(500):
        with stopwatch.measure(f"event {number}", f"category {number % 12}"):
            clock.advance(0.001)
    picture = drawn(stopwatch)
    zeros = [float(text.get("y")) for text in picture.iter(f"{SVG}text") if text.text == "0"]
    assert max(after - before for before, after in pairwise(zeros)) < 800
    assert len(bars(picture)) == 500
    assert float(picture.get("height")) > max(float(bar.get("y")) for bar in bars(picture))


def test_it_says_how_much_is_no_longer_kept(clock):
    stopwatch = Stopwatch(clock=clock, memory=None, max_periods=2)
    for _ in range(5):
        stopwatch.start("work").stop()
    assert any("3 earlier periods" in text for text in texts(drawn(stopwatch)))


def test_it_can_be_written_and_shown_in_a_notebook(stopwatch, tmp_path):
    stopwatch.write_svg(tmp_path / "timeline.svg")
    written = (tmp_path / "timeline.svg").read_text("utf-8")
    assert written == stopwatch.to_svg() == stopwatch._repr_svg_() == stopwatch._repr_html_()


@given(st.floats(1e-4, 1e9), st.floats(2, 20))
def test_an_axis_has_a_few_round_marks(span, most):
    step, marks = ticks(span, most)
    assert 2 <= len(marks) <= most + 2
    assert marks[0] == 0
    assert marks[-1] <= span * 1.00001
    labels = [label_of(mark, step) for mark in marks]
    assert len({*labels}) == len(labels)
    assert max(map(len, labels)) <= 12


@pytest.mark.parametrize(
    ("mark", "step", "said"),
    [(0, 1, "0"), (1500, 500, "1.5 s"), (0.25, 0.05, "250 µs"), (100_000, 50_000, "100 s"), (180_000, 60_000, "3 min")],
)
def test_a_mark_says_its_time_in_the_unit_that_suits(mark, step, said):
    assert label_of(mark, step) == said


def test_a_section_that_is_open_is_shown_before_it_has_an_id(clock):
    stopwatch = Stopwatch(clock=clock, memory=None)
    with stopwatch.section("a"):
        stopwatch.open_section()
        stopwatch.start("work")
        assert [line.split()[:2] for line in str(stopwatch).splitlines()] == [
            ["section", "event"],
            ["a", "__section__"],
            ["a", "/"],
            ["work", "default"],
        ]
        assert "(open)" in texts(drawn(stopwatch))
