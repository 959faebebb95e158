"""A configuration builds the facade that the same lines of Python would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from urllib.request import ProxyHandler, build_opener

import pytest

from polymeter import DefinitionConflictError, DefinitionError, Metrics, MissingExtraError
from polymeter.configuration import Configuration
from polymeter.registries import WindowedRegistry
from tests.configuration import parts
from tests.interpreter import ROOT

OURS = "tests.configuration.parts:TestExporter"
SOURCE = "tests.configuration.parts:AnySource"


@pytest.fixture
def seen(monkeypatch):
    """Give what is made of our own parts, in order."""
    made = []

    class Exporter(parts.TestExporter):
        __test__ = False

        def __init__(self, **options):
            super().__init__(**options)
            made.append(self)

    class Source(parts.AnySource):
        def __init__(self, **options):
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(parts, "TestExporter", Exporter)
    monkeypatch.setattr(parts, "AnySource", Source)
    return made


def test_everything_is_made_and_wired(seen, tmp_path):
    file = tmp_path / "metrics.jsonl"
    configuration = Configuration.of(
        {
            "service_name": "shop",
            "resource": {"region": "eu"},
            "registry": {"budget": 7},
            "exporters": {
                "json_lines": {"path": str(file), "temporality": "delta", "ambiguous": "drop"},
                OURS: {"url": "x"},
            },
            "collectors": ["inference"],
            "sources": [SOURCE],
            "triggers": {"at_exit": False},
        }
    )
    with configuration.build(Metrics) as metrics:
        exporter, source = seen
        assert source.installed == 1
        assert metrics.catalogue()["inference.started"].kind == "counter"
        metrics.registry.counter("jobs.done", increment=3)
        metrics.export()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert {(line["name"], line["value"]) for line in lines} >= {("jobs.done", 3)}
        assert lines[0]["resource"] == {"region": "eu", "service.name": "shop"}
        assert exporter.exported
    assert source.installed == 0


def test_what_is_written_in_a_file_is_what_the_facade_does(tmp_path, monkeypatch):
    monkeypatch.delenv("POLYMETER_DISABLED", raising=False)
    (tmp_path / "polymeter.toml").write_text('service_name = "shop"\n[exporters.textfile]\npath = "m.prom"\n')
    monkeypatch.chdir(tmp_path)
    with Metrics.from_config() as metrics:
        metrics.registry.counter("jobs.done", increment=3)
    assert "jobs_done_total 3\n" in (tmp_path / "m.prom").read_text()


def test_the_registry_can_be_chosen():
    with Configuration.of({"registry": {"use": "windowed", "seconds": 5}, "service_name": "s"}).build(
        Metrics
    ) as metrics:
        assert isinstance(metrics.registry, WindowedRegistry)
        assert metrics.registry.resource == {"service.name": "s"}


def test_a_registry_for_all_workers_can_be_chosen(tmp_path):
    chosen = {"use": "shared", "app": "shop", "directory": str(tmp_path)}
    configuration = Configuration.of({"registry": chosen, "service_name": "s"})
    with configuration.build(Metrics) as one, configuration.build(Metrics) as other:
        one.registry.counter("jobs.done", increment=3)
        one.registry.publish()
        assert other.registry.total("jobs.done") == 3
        assert other.registry.resource == {"service.name": "s"}


def test_a_registry_for_all_machines_can_be_chosen(redis):
    chosen = {"use": "redis", "app": "shop-by-file", "url": redis.url}
    with Configuration.of({"registry": chosen}).build(Metrics) as metrics:
        metrics.registry.counter("jobs.done", increment=3)
        assert metrics.registry.total("jobs.done") == 3


def test_a_configuration_is_a_value():
    document = {"exporters": {"log": {"level": "DEBUG"}}, "triggers": {"every": 5}}
    one, other = Configuration.of(document), Configuration.of(document)
    assert one == other != Configuration.of({})
    with pytest.raises(AttributeError):
        one.exporters = ()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        one.exporters[0].options["level"] = "INFO"  # pyright: ignore[reportIndexIssue]


def test_it_can_be_built_twice():
    configuration = Configuration.of({"exporters": ["in_memory"], "collectors": ["inference"]})
    with configuration.build(Metrics) as one, configuration.build(Metrics) as other:
        assert one.registry is not other.registry


def test_passively_nothing_acts_by_itself(seen):
    configuration = Configuration.of(
        {
            "exporters": {"it": {"use": OURS, "serve": True}},
            "sources": [SOURCE],
            "triggers": {"every": 0.01, "after": 1},
        }
    )
    metrics = configuration.build(Metrics, is_passive=True)
    (exporter,) = seen
    assert exporter.served == []
    assert metrics.catalogue().back_ends == []


# -- serving


@pytest.mark.parametrize(
    ("said", "how"),
    [
        (True, [(9464, "127.0.0.1", "/metrics", None)]),
        (8000, [(8000, "127.0.0.1", "/metrics", None)]),
        ({"port": 8000, "path": "/m"}, [(8000, "127.0.0.1", "/m", None)]),
        (False, []),
    ],
)
def test_an_exporter_that_serves_does_so_until_the_end(said, how, seen):
    with Configuration.of({"exporters": {"it": {"use": OURS, "serve": said}}}).build(Metrics):
        assert seen[0].served == how
    assert seen[0].served == [*how, *(["closed"] if how else [])]


def test_prometheus_serves_and_stops():
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    configuration = Configuration.of({"service_name": "shop", "exporters": {"prometheus": {"serve": port}}})
    direct = build_opener(ProxyHandler({}))
    with configuration.build(Metrics) as metrics:
        metrics.registry.counter("jobs.done", increment=3)
        with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text = page.read().decode()
    assert "jobs_done_total 3\n" in text
    assert 'target_info{service_name="shop"} 1\n' in text
    with pytest.raises(OSError, match=r"refused|reset"):
        direct.open(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_a_port_that_is_taken_is_named_with_its_key(seen):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        document = {"exporters": {"prometheus": {"serve": port}}, "sources": [SOURCE]}
        with pytest.raises(DefinitionError) as refused:
            Configuration.of(document).build(Metrics)
    assert str(refused.value).startswith("the configuration: exporters.prometheus: ")
    assert str(port) in str(refused.value)
    assert seen[0].installed == 0


# -- what goes wrong while building


def test_all_constructors_that_refuse_are_named_at_once(monkeypatch):
    document = {"exporters": {"log": {"level": "LOUD"}, "it": {"use": OURS, "url": "crash"}}, "registry": {"budget": 0}}
    with pytest.raises(DefinitionError) as refused:
        Configuration.of(document).build(Metrics)
    lines = str(refused.value).splitlines()
    assert lines[0] == "3 problems:"
    assert lines[1].startswith("  the configuration: registry: counter 'any' cannot have a budget of 0 series")
    assert lines[2].startswith("  the configuration: exporters.log: there is no log level 'LOUD'")
    assert lines[3].startswith(f"  the configuration: exporters.it: RuntimeError at {parts.__file__}:")
    assert lines[3].endswith(": crash ")


def test_an_extra_that_is_missing_is_named_with_its_key_and_what_was_wired_is_undone(seen):
    document = {
        "exporters": {"it": {"use": OURS, "serve": 5}},
        "sources": {"fine": {"use": SOURCE}, "far": {"use": SOURCE, "missing": True}},
    }
    with pytest.raises(MissingExtraError) as missing:
        Configuration.of(document).build(Metrics)
    assert str(missing.value) == (
        "the configuration: sources.far: AnySource needs the nothing package: pip install 'polymeter[nothing]'"
    )
    exporter, fine, _ = seen
    assert fine.installed == 0
    assert exporter.served[-1] == "closed"
    assert exporter.exported == [], "nothing is delivered of what never came to be"


def test_two_collectors_that_contradict_say_so_themselves(monkeypatch):
    from polymeter.collectors import MetricsCollector, measure
    from polymeter.events import Event

    class Other(MetricsCollector):
        started = measure.gauge("inference.started", on=Event, value="at")

    monkeypatch.setattr(parts, "Other", Other, raising=False)
    with pytest.raises(DefinitionConflictError):
        Configuration.of({"collectors": ["inference", "tests.configuration.parts:Other"]}).build(Metrics)


@pytest.mark.parametrize(
    ("section", "address", "said"),
    [
        ("exporters", "tests.configuration.parts:not_an_exporter", "export_to(5): an exporter has export(snapshot)"),
        ("collectors", SOURCE, "a collector has register(events, registry)"),
        ("sources", "tests.configuration.parts:Key", "it needs 'key'"),
    ],
)
def test_what_is_no_such_thing_is_named(section, address, said):
    with pytest.raises(DefinitionError) as refused:
        Configuration.of({section: [address]}).build(Metrics)
    assert str(refused.value).startswith(f'the configuration: {section}."{address}": ')
    assert said in str(refused.value)


def test_a_task_without_a_running_loop_is_refused_with_its_key():
    with pytest.raises(DefinitionError, match=r"^the configuration: triggers: "):
        Configuration.of({"triggers": {"every": 5, "mode": "task"}}).build(Metrics)


# -- triggers, in a process of their own

PROGRAM = """
import os, signal, sys
from polymeter import Metrics
from polymeter.events import Event

metrics = Metrics.from_env()
metrics.registry.counter("jobs.done", increment=3)
{then}
"""


def run(tmp_path, then, **variables):
    """Give the exit code and what was delivered by a program with a textfile exporter."""
    file = tmp_path / "m.prom"
    environment = {name: text for name, text in os.environ.items() if not name.startswith("POLYMETER_")}
    environment |= {"POLYMETER_EXPORTERS__TEXTFILE__PATH": str(file)}
    environment |= {f"POLYMETER_{name}": text for name, text in variables.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(then=then)],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, file.read_text() if file.exists() else ""


def test_what_is_configured_is_delivered_at_exit_without_being_asked_for(tmp_path):
    code, text = run(tmp_path, "pass")
    assert code == 0
    assert "jobs_done_total 3\n" in text


def test_not_at_exit_if_that_is_said(tmp_path):
    assert run(tmp_path, "pass", TRIGGERS__AT_EXIT="false") == (0, "")


def test_on_sigterm_if_that_is_said(tmp_path):
    code, text = run(tmp_path, "os.kill(os.getpid(), signal.SIGTERM); signal.pause()", TRIGGERS__SIGTERM="1")
    assert code == -signal.SIGTERM
    assert "jobs_done_total 3\n" in text


WAIT = """
import pathlib, time
file = pathlib.Path(os.environ["POLYMETER_EXPORTERS__TEXTFILE__PATH"])
until = time.monotonic() + 30
while not file.exists() and time.monotonic() < until:
    time.sleep(0.005)
assert "jobs_done_total 3" in file.read_text()
os._exit(7)
"""


def test_every_so_often_if_that_is_said(tmp_path):
    code, _ = run(tmp_path, WAIT, TRIGGERS__EVERY="0.02", TRIGGERS__TIMEOUT="5")
    assert code == 7


def test_after_so_many_events_if_that_is_said(tmp_path):
    code, _ = run(
        tmp_path, "metrics.events.dispatch(Event()); metrics.events.dispatch(Event())" + WAIT, TRIGGERS__AFTER="2"
    )
    assert code == 7
