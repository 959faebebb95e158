"""The catalogue tells every metric there is, before anything was recorded; the manifest holds us to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter import DefinitionError, Kind, MetricNotFoundError, Metrics
from polymeter.catalogue import Catalogue, CatalogueEntry, Manifest
from polymeter.catalogue.differences import differences, report
from polymeter.collectors import InferenceMetricsCollector, MetricsCollector, measure, on
from polymeter.data import Counter, Snapshot
from polymeter.events import Event
from polymeter.exporters import LogExporter, NullExporter, PrometheusExporter
from tests.interpreter import ROOT
from tests.shipped import shipped


class Turn(Event):
    model = "m"
    duration_ms = 5.0
    ok = True


class TurnMetrics(MetricsCollector):
    turns = measure.counter(
        "chat.turns", on=Turn, tags=("model", "ok"), help="Turns | in.", domains={"ok": [True, False]}
    )
    latency = measure.timer("chat.latency_ms", on=Turn, value="duration_ms", tags=("model",))
    by_purpose = measure.counter("chat.turns", on=Turn, tags={"purpose": lambda _: "x"})

    @on(Turn)
    def heard(self, event):
        self.gauge("chat.heard", 1, {"model": event.model})


class Shouting:
    """A back end whose names are shouted."""

    temporality = "cumulative"

    def export(self, snapshot, /):
        pass

    def names(self, definition):
        return (definition.name.upper(), f"{definition.name.upper()}!")


@pytest.fixture
def metrics():
    with Metrics().collect(TurnMetrics()) as metrics:
        yield metrics


def ours(catalogue):
    return [entry for entry in catalogue if not entry.name.startswith("polymeter.")]


def test_what_was_declared_is_there_before_anything_was_recorded(metrics):
    metrics.registry.define("jobs.size", "histogram", "bytes", "How large jobs are.", domains={"queue": ["a", "b"]})
    assert [entry.to_dict() for entry in ours(metrics.catalogue())] == [
        {
            "name": "chat.latency_ms",
            "kind": "timer",
            "unit": "ms",
            "help": "",
            "tags": {"model": None},
            "names": {},
        },
        {
            "name": "chat.turns",
            "kind": "counter",
            "unit": "",
            "help": "Turns | in.",
            "tags": {"model": None, "ok": ["true", "false"], "purpose": None},
            "names": {},
        },
        {
            "name": "jobs.size",
            "kind": "histogram",
            "unit": "bytes",
            "help": "How large jobs are.",
            "tags": {"queue": ["a", "b"]},
            "names": {},
        },
    ]


def test_what_was_recorded_is_there_with_the_tags_that_were_seen(metrics):
    metrics.events.dispatch(Turn())
    metrics.registry.up_down("jobs.waiting", 1, {"queue": "a"})
    metrics.registry.up_down("jobs.waiting", 1, {"host": "h"})
    catalogue = metrics.catalogue()
    assert catalogue["chat.heard"].tags == {"model": None}
    assert catalogue["jobs.waiting"].kind is Kind.UP_DOWN
    assert set(catalogue["jobs.waiting"].tags) == {"queue", "host"}


def test_looking_records_nothing(metrics):
    before = metrics.registry.snapshot().names()
    metrics.catalogue()
    assert metrics.registry.snapshot().names() == before
    assert len(metrics.registry) == 0 or all(metric.value == 0 for metric in metrics.registry.all())


def test_each_back_end_tells_its_own_names(metrics):
    metrics.export_to(PrometheusExporter()).export_to(Shouting()).export_to(LogExporter())
    catalogue = metrics.catalogue()
    assert catalogue.back_ends == ["prometheus", "shouting"]
    assert catalogue["chat.latency_ms"].names == {
        "prometheus": ("chat_latency_seconds",),
        "shouting": ("CHAT.LATENCY_MS", "CHAT.LATENCY_MS!"),
    }


def test_a_second_back_end_of_one_kind_gets_a_number(metrics):
    metrics.export_to(Shouting()).export_to(Shouting())
    assert metrics.catalogue().back_ends == ["shouting", "shouting_2"]


def test_polymeters_own_metrics_come_last(metrics):
    names = [entry.name for entry in metrics.catalogue()]
    first = next(number for number, name in enumerate(names) if name.startswith("polymeter."))
    assert "polymeter.records.applied" in names
    assert all(name.startswith("polymeter.") for name in names[first:])
    assert names[:first] == sorted(names[:first])


def test_an_entry_is_found_by_its_name(metrics):
    catalogue = metrics.catalogue()
    assert catalogue["chat.turns"].name == "chat.turns"
    assert "chat.turns" in catalogue
    assert "chat.turn" not in catalogue
    assert len(list(catalogue)) == len(catalogue)
    with pytest.raises(
        MetricNotFoundError, match=r"there is no metric 'chat.turn' in the catalogue; near: 'chat.turns'"
    ):
        catalogue["chat.turn"]


def test_what_was_removed_is_still_known_by_its_definition_but_no_longer_by_its_back_end(metrics):
    exporter = Shouting()
    metrics.export_to(exporter).remove(exporter)
    assert metrics.catalogue().back_ends == []


def test_a_registry_without_definitions_is_read_by_its_metrics():
    catalogue = Catalogue.of(Snapshot([Counter("a", 1, {"x": 1})]))
    assert [entry.to_dict() for entry in catalogue] == [
        {"name": "a", "kind": "counter", "unit": "", "help": "", "tags": {"x": None}, "names": {}}
    ]


def test_it_is_printed_as_a_table(metrics):
    metrics.export_to(PrometheusExporter())
    table = str(metrics.catalogue()).split("polymeter.", maxsplit=1)[0]
    assert [" ".join(line.split()) for line in table.splitlines()] == [
        "metric kind unit tags prometheus help",
        "chat.latency_ms timer ms model chat_latency_seconds",
        "chat.turns counter model, ok (true false), purpose chat_turns_total Turns | in.",
    ]


def test_it_is_printed_for_documents(metrics):
    metrics.export_to(PrometheusExporter())
    assert metrics.catalogue().to_markdown().splitlines()[:4] == [
        "| metric | kind | unit | tags | prometheus | help |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `chat.latency_ms` | timer | ms | model | `chat_latency_seconds` |  |",
        "| `chat.turns` | counter |  | model, ok (true false), purpose | `chat_turns_total` | Turns &#124; in. |",
    ]


def test_a_help_of_several_lines_and_with_escape_sequences_stays_on_its_line(metrics):
    metrics.registry.define("a", "counter", help="one\ntwo\x1b[2J")
    assert "a                " in str(metrics.catalogue())
    assert r"one two\x1b[2J" in str(metrics.catalogue())


def test_it_is_json(metrics):
    assert json.loads(json.dumps(metrics.catalogue().to_dict()))["chat.turns"]["kind"] == "counter"


# -- manifest

texts = st.text(max_size=8)
tags = st.dictionaries(texts, st.none() | st.lists(texts, max_size=3).map(tuple), max_size=3)
entries = st.builds(
    CatalogueEntry,
    name=texts | texts.map(lambda text: f"polymeter.{text}"),
    kind=st.sampled_from(Kind),
    unit=texts,
    help=texts,
    tags=tags,
    names=st.dictionaries(texts, st.lists(texts, max_size=3).map(tuple), max_size=3),
)
catalogues = st.lists(entries, max_size=5, unique_by=lambda entry: entry.name).map(Catalogue)


@given(catalogues, st.lists(texts))
def test_a_manifest_comes_back_as_it_was_written(catalogue, allow):
    manifest = Manifest.of(catalogue, allow)
    text = manifest.to_text()
    assert Manifest.from_text(text) == manifest
    assert Manifest.from_text(text).to_text() == text
    assert differences(manifest, Manifest.from_text(text)) == []


@given(catalogues, catalogues)
def test_every_difference_is_found_and_nothing_else(before, now):
    old, new = Manifest.of(before), Manifest.of(now)
    found = differences(old, new)
    assert {each.metric for each in found if each.what == "removed"} == old.metrics.keys() - new.metrics.keys()
    same_names = {name for name in old.metrics if name in new.metrics and old.metrics[name] == new.metrics[name]}
    assert not same_names & {each.metric for each in found}
    both = old.metrics.keys() & new.metrics.keys()
    assert {each.metric for each in found if each.metric in both} >= {
        name for name in both if _sets(old.metrics[name]) != _sets(new.metrics[name])
    }
    assert bool(report(found)) is bool(found)


def _sets(entry):
    """Give an entry without the order of things."""
    domains = {tag: None if domain is None else frozenset(domain) for tag, domain in entry.tags.items()}
    names = {back_end: frozenset(names) for back_end, names in entry.names.items() if names}
    return (entry.kind, entry.unit, entry.help, domains, names)


def entry(name="a", **more):
    return CatalogueEntry(name, **{"kind": Kind.COUNTER, **more})


def found(before, now, allow=()):
    changes = differences(Manifest.of(Catalogue(before), allow), Manifest.of(Catalogue(now)))
    return [(each.what, each.metric, each.text) for each in changes], any(each.is_breaking for each in changes)


@pytest.mark.parametrize(
    ("before", "now", "what", "text", "breaks"),
    [
        ({}, None, "removed", "counter", True),
        ({"kind": Kind.TIMER, "unit": "ms", "names": {"p": ("a_s",)}}, None, "removed", "timer, ms, p: a_s", True),
        ({}, {"kind": Kind.GAUGE}, "changed", "kind counter -> gauge", True),
        ({"unit": "ms"}, {"unit": "s"}, "changed", "unit ms -> s", True),
        ({}, {"unit": "s"}, "changed", "unit none -> s", True),
        ({"tags": {"x": None}}, {"tags": {"y": None}}, "changed", "tags -x +y", True),
        ({"tags": {"x": ("1", "2")}}, {"tags": {"x": ("1",)}}, "changed", "values of tag x: 1 2 -> 1", True),
        ({"tags": {"x": ("1",)}}, {"tags": {"x": ("1", "2")}}, "reworded", "values of tag x: 1 -> 1 2", False),
        ({"tags": {"x": ("1",)}}, {"tags": {"x": None}}, "reworded", "values of tag x: 1 -> any", False),
        ({"names": {"p": ("a",)}}, {"names": {"p": ("b",)}}, "renamed", "p: a -> b", True),
        ({"names": {"p": ("a",)}}, {}, "renamed", "p: a -> nothing", True),
        ({"names": {"p": ("a",)}}, {"names": {"p": ("b", "a")}}, "added", "p: also b", False),
        ({}, {"names": {"p": ("a",)}}, "added", "p: a", False),
        ({"help": "x"}, {"help": "y"}, "reworded", "'x' -> 'y'", False),
    ],
)
def test_what_changed_is_told_and_whether_it_breaks(before, now, what, text, breaks):
    changes, is_breaking = found([entry(**before)], [] if now is None else [entry(**now)])
    assert changes == [(what, "a", text)]
    assert is_breaking is breaks


def test_something_new_breaks_nothing():
    assert found([], [entry()]) == ([("added", "a", "counter")], False)


def test_what_the_manifest_allows_does_not_break():
    before = [entry("a.x"), entry("a.y"), entry("b"), entry("c")]
    now = [entry("b", unit="s"), entry("c")]
    changes, is_breaking = found(before, now, allow=["a.*", "b"])
    assert len(changes) == 3
    assert not is_breaking
    assert found(before, now, allow=["a.x", "b"])[1]


def test_the_tags_of_our_own_metrics_are_not_held_to():
    before = [entry("polymeter.x", tags={"reason": None})]
    assert found(before, [entry("polymeter.x")]) == ([], False)


def test_the_report_is_for_humans_and_says_first_what_breaks():
    before = Manifest.of(
        Catalogue([entry("gone"), entry("kept", unit="ms", names={"p": ("x",)}), entry("meant")]), allow=["meant"]
    )
    now = Manifest.of(Catalogue([entry("new"), entry("kept", unit="s", names={"p": ("y",)}, help="h")]))
    assert report(differences(before, now)) == (
        "removed\n"
        "  gone: counter\n"
        "renamed in a back end\n"
        "  kept: p: x -> y\n"
        "changed\n"
        "  kept: unit ms -> s\n"
        "removed or changed, and allowed\n"
        "  meant: counter\n"
        "added\n"
        "  new: counter\n"
        "reworded\n"
        "  kept: '' -> 'h'"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "m.json is not JSON: Expecting property name"),
        ("[]", "m.json is no manifest: write one with 'polymeter manifest'"),
        ("{}", "m.json is no manifest"),
        ('{"polymeter_manifest": 2}', "m.json is of version 2; this Polymeter knows 1"),
        ('{"polymeter_manifest": 1}', "m.json has been damaged: KeyError: 'metrics'"),
        ('{"polymeter_manifest": 1, "metrics": {"a": {}}}', "m.json has been damaged: KeyError"),
        ('{"polymeter_manifest": 1, "metrics": [], "allow": []}', "m.json has been damaged: AttributeError"),
        ('{"polymeter_manifest": 1, "metrics": {}, "allow": "a"}', "m.json has been damaged: ValueError"),
    ],
)
def test_a_file_that_is_no_manifest_is_named(text, said):
    with pytest.raises(DefinitionError) as refused:
        Manifest.from_text(text, "m.json")
    assert str(refused.value).startswith(said)


# -- ours

OURS = ROOT / "polymeter-manifest.json"


def test_no_metric_that_we_ship_is_removed_renamed_or_changed_unsaid():
    """If this fails on purpose: `polymeter manifest tests.shipped:shipped`, and tell users in CHANGELOG.md."""
    committed = Manifest.from_text(OURS.read_text("utf-8"), OURS.name)
    found = differences(committed, Manifest.of(shipped().catalogue()))
    assert not any(each.is_breaking for each in found), report(found)


def test_every_metric_of_the_inference_collector_is_in_our_manifest():
    committed = Manifest.from_text(OURS.read_text("utf-8"), OURS.name)
    with Metrics().collect(InferenceMetricsCollector()).export_to(NullExporter()) as metrics:
        declared = {entry.name for entry in ours(metrics.catalogue())}
    assert declared <= committed.metrics.keys()
    assert committed.metrics["inference.duration_ms"].names == {"prometheus": ("inference_duration_seconds",)}
