"""assert_approved(): metrics as text, held against a file beside the test."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from polymeter import Counter, Metrics
from polymeter.errors import DefinitionError
from polymeter.exporters import InMemoryExporter
from polymeter.registries import AggregatingRegistry, InMemoryRegistry, WindowedRegistry
from polymeter.testing import ManualClock, approved_text, assert_approved
from polymeter.testing.approvals import VARIABLE, Approving


@pytest.fixture
def module(tmp_path):
    """Stand in for a test module."""
    return tmp_path / "test_chat.py"


@pytest.fixture
def approving(monkeypatch):
    """Approve, as with the option or the environment variable."""
    monkeypatch.setenv(VARIABLE, "1")


@pytest.fixture(autouse=True)
def not_approving(monkeypatch):
    """These files stay as they are, also in a run that approves others."""
    monkeypatch.setattr(Approving, "is_on", False)
    monkeypatch.delenv(VARIABLE, raising=False)


def record(registry, shuffled=False):
    records = [
        lambda: registry.counter("chat.turns", {"model": "y"}, 2),
        lambda: registry.counter("chat.turns", {"model": "x"}),
        lambda: registry.counter("cost", increment=0.1),
        lambda: registry.counter("cost", increment=0.2),
        lambda: registry.up_down("active", -1),
        lambda: registry.gauge("started_seconds", 1_700_000_000.25),
        lambda: registry.gauge("load", 0.25),
        lambda: registry.histogram("size_bytes", 512),
        lambda: registry.histogram("size_bytes", 1024),
        lambda: registry.timer("wait_ms", 12.5),
        lambda: registry.timer("wait_ms", 17.5),
    ]
    if shuffled:
        random.Random(shuffled).shuffle(records)
    for each in records:
        each()
    return registry


EVERYTHING = """\
active (up_down)
  {} -1
chat.turns (counter)
  {model="x"} 1
  {model="y"} 2
cost (counter)
  {} 0.3
load (gauge)
  {} 0.25
size_bytes (histogram, bytes)
  {} count 2, total 1536, min 512, max 1024
started_seconds (gauge, s)
  {} (time)
wait_ms (timer, ms)
  {} count 2
"""


@pytest.mark.parametrize("make", [AggregatingRegistry, InMemoryRegistry, WindowedRegistry])
@pytest.mark.parametrize("order", range(4))
def test_the_same_records_give_the_same_text_whenever_and_in_whatever_order(make, order):
    assert approved_text(record(make(clock=ManualClock(start=1e9 * order)), shuffled=order)) == EVERYTHING


def test_durations_are_there_if_they_are_wanted():
    """For a clock that stands still."""
    text = approved_text(record(AggregatingRegistry()), durations="exact")
    assert "wait_ms (timer, ms)\n  {} count 2, total 30, min 12.5, max 17.5\n" in text
    assert "started_seconds (gauge, s)\n  {} 1700000000.25\n" in text


def test_whatever_has_metrics_can_be_told():
    exporter = InMemoryExporter()
    with Metrics().export_to(exporter) as metrics:
        record(metrics.registry)
        metrics.export()
        for what in (metrics, metrics.snapshot(), metrics.registry, metrics.registry.all(), exporter.last):
            assert approved_text(what) == EVERYTHING


def test_a_distribution_of_nothing_has_a_count_alone():
    registry = AggregatingRegistry()
    registry.bind("histogram", "sizes")
    assert approved_text(registry) == "sizes (histogram)\n  {} count 0\n"


def test_what_was_approved_passes_and_what_differs_does_not(module, approving, monkeypatch):
    metrics = [Counter("calls", 1), Counter("others", 5)]
    assert_approved(metrics, "calls", beside=module)
    file = module.parent / "approved" / "test_chat.calls.txt"
    assert file.read_bytes() == b"calls (counter)\n  {} 1\nothers (counter)\n  {} 5\n"
    monkeypatch.delenv(VARIABLE)
    assert_approved(metrics, "calls", beside=module)
    with pytest.raises(AssertionError) as caught:
        assert_approved([Counter("calls", 2), metrics[1]], "calls", beside=module)
    said = str(caught.value).replace(str(file), "FILE")
    assert said == (
        "not as approved in FILE:\n\n--- approved\n+++ now\n@@ -1,4 +1,4 @@\n calls (counter)\n-  {} 1\n+  {} 2\n"
        " others (counter)\n   {} 5\n\nto approve it, run this test with --polymeter-approve, or POLYMETER_APPROVE=1"
    )


def test_without_a_file_the_failure_says_how_to_approve(module):
    with pytest.raises(AssertionError) as caught:
        assert_approved([Counter("calls", 1)], "calls", beside=module)
    said = str(caught.value)
    assert said.startswith(f"nothing is approved yet in {module.parent / 'approved' / 'test_chat.calls.txt'}")
    assert "\n  {} 1\n" in said
    assert said.endswith("--polymeter-approve, or POLYMETER_APPROVE=1")
    assert not (module.parent / "approved").exists()


def test_to_approve_again_changes_nothing_that_is_as_it_was(module, approving):
    for _ in range(2):
        assert_approved("text", "calls", beside=module)
    file = module.parent / "approved" / "test_chat.calls.txt"
    file.chmod(0o444)
    before = file.stat()
    assert_approved("text", "calls", beside=module)
    assert file.stat() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_line_ends_and_spaces_at_the_end_of_lines_do_not_matter(module, approving, monkeypatch):
    """Editors and git change them."""
    assert_approved("one\r\ntwo  \n\nthree", "text", beside=module)
    assert_approved("a\rb\x85c\udc80", "odd", beside=module)
    monkeypatch.delenv(VARIABLE)
    (module.parent / "approved" / "test_chat.text.txt").write_bytes(b"one\r\ntwo \r\n\r\nthree")
    assert_approved("a\rb\x85c\udc80", "odd", beside=module)
    assert_approved("one\ntwo\n\nthree\n", "text", beside=module)


def test_the_file_is_beside_the_module_that_calls():
    with pytest.raises(AssertionError) as caught:
        assert_approved("text", "never_approved")
    file = Path(__file__).with_name("approved") / "test_approvals.never_approved.txt"
    assert f"nothing is approved yet in {file}" in str(caught.value)


@pytest.mark.parametrize("name", ["", "../elsewhere", "a/b", ".hidden", "a b", None])
def test_a_name_that_no_file_should_have_is_refused(name):
    with pytest.raises(DefinitionError, match="names a file"):
        assert_approved("text", name)


def test_a_caller_that_is_no_file_is_refused():
    with pytest.raises(DefinitionError, match="use beside=__file__"):
        exec("assert_approved('text', 'name')", {"assert_approved": assert_approved})  # noqa: S102 - has no file


def test_another_word_for_durations_is_refused():
    with pytest.raises(DefinitionError, match="'counted' and 'exact'"):
        approved_text([], durations="rounded")
