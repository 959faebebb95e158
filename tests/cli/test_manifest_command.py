"""`polymeter manifest`: written, compared, and what the exit codes say."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from polymeter import Metrics
from polymeter.cli import main

TARGET = """
import polymeter
from polymeter.collectors import MetricsCollector, measure
from polymeter.events import Event
from polymeter.exporters import PrometheusExporter

class Turn(Event):
    model = "m"

class TurnMetrics(MetricsCollector):
    turns = measure.counter("chat.turns", on=Turn, tags=("model",))
    latency = measure.timer("chat.latency_ms", on=Turn, value=lambda _: 1)

metrics = polymeter.Metrics().collect(TurnMetrics()).export_to(PrometheusExporter())

def made():
    return metrics

def breaks():
    raise polymeter.DefinitionError("it does not work")

number = 5
"""
CHANGED = (
    TARGET.replace('"chat.turns", on=Turn, tags=("model",)', '"chat.turns", on=Turn, tags=("provider",), when=None')
    .replace('model = "m"', 'model = provider = "m"')
    .replace("chat.latency_ms", "chat.latency_seconds")
)
ADDED = TARGET.replace("    latency =", '    errors = measure.counter("chat.errors", on=Turn)\n    latency =')


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Give what runs the command in a folder with the module `wiring`, each time as written last."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in [name for name in os.environ if name.startswith("POLYMETER_")]:
        monkeypatch.delenv(name)
    write(tmp_path, TARGET)
    path = list(sys.path)

    def run(*arguments):
        sys.modules.pop("wiring", None)
        done = CliRunner().invoke(main, ["manifest", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert sys.path == path
        return done.exit_code, done.output

    yield run
    sys.modules.pop("wiring", None)


def write(folder, code):
    (folder / "wiring.py").write_text(code)


def test_it_is_written_and_holds(run, tmp_path):
    assert run("wiring:metrics") == (0, "polymeter-manifest.json: 10 metrics\n")
    written = json.loads((tmp_path / "polymeter-manifest.json").read_text())
    assert written["metrics"]["chat.turns"] == {
        "kind": "counter",
        "unit": "",
        "help": "",
        "tags": {"model": None},
        "names": {"prometheus": ["chat_turns_total"]},
    }
    assert run("wiring:metrics", "--check") == (0, "polymeter-manifest.json: as it was, 10 metrics\n")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json" or path.name.startswith(".")] == [
        "polymeter-manifest.json"
    ]


def test_a_function_that_gives_one_will_do(run):
    assert run("wiring:made")[0] == 0


def test_what_breaks_is_told_and_fails(run, tmp_path):
    run("wiring:metrics")
    write(tmp_path, CHANGED)
    assert run("wiring:metrics", "--check") == (
        1,
        (
            "removed\n"
            "  chat.latency_ms: timer, ms, prometheus: chat_latency_seconds\n"
            "changed\n"
            "  chat.turns: tags -model +provider\n"
            "added\n"
            "  chat.latency_seconds: timer, s, prometheus: chat_latency_seconds\n"
            "\n"
            'polymeter-manifest.json: not as it was: 2 breaking. If that is meant, list the metrics under "allow" '
            "there, or write it anew.\n"
        ),
    )


def test_what_is_allowed_does_not_fail_and_stays_allowed_when_it_is_written_anew(run, tmp_path):
    run("wiring:metrics")
    file = tmp_path / "polymeter-manifest.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps({**written, "allow": ["chat.*"]}))
    write(tmp_path, CHANGED)
    code, output = run("wiring:metrics", "--check")
    assert code == 0
    assert "removed or changed, and allowed\n  chat.latency_ms: " in output
    run("wiring:metrics")
    assert json.loads(file.read_text())["allow"] == ["chat.*"]
    assert run("wiring:metrics", "--check")[0] == 0


def test_additions_fail_only_if_that_is_asked_for(run, tmp_path):
    run("wiring:metrics")
    write(tmp_path, ADDED)
    assert run("wiring:metrics", "--check") == (
        0,
        "added\n  chat.errors: counter, prometheus: chat_errors_total\n\npolymeter-manifest.json: nothing breaks\n",
    )
    assert run("wiring:metrics", "--check", "--strict")[0] == 1


def test_the_file_can_be_another(run, tmp_path):
    run("wiring:metrics", "--output", "m.json")
    assert run("wiring:metrics", "--check", "--output", "m.json")[0] == 0
    assert not (tmp_path / "polymeter-manifest.json").exists()


def test_without_a_target_it_is_what_the_file_says_and_nothing_acts(run, tmp_path):
    (tmp_path / "polymeter.toml").write_text(
        'collectors = ["inference"]\n[exporters.prometheus]\n[exporters.console]\n[triggers]\nevery = 0.01\n'
    )
    code, output = run()
    assert (code, output) == (0, f"polymeter-manifest.json: {_written(tmp_path)} metrics\n")
    assert run("--check")[0] == 0


def _written(folder):
    return len(json.loads((folder / "polymeter-manifest.json").read_text())["metrics"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["wiring:metric"], "module 'wiring' has no 'metric': did you mean 'metrics'?"),
        (["wirin:metrics"], "module 'wirin' cannot be imported (ModuleNotFoundError: No module named 'wirin')"),
        (["wiring.metrics"], "'wiring.metrics' is no address: write it as 'package.module:name'"),
        (["wiring:number"], "wiring:number gives a int: name a Metrics, or a function that gives one"),
        (["wiring:breaks"], "it does not work"),
        ([], "no polymeter.toml and no [tool.polymeter] from"),
        (["wiring:metrics", "--check"], "there is no polymeter-manifest.json: write it first, by 'polymeter manif"),
        (["wiring:metrics", "--strict"], "--strict is about --check: give both"),
        (["wiring:metrics", "--output", "no/where.json"], "no/where.json cannot be written: No such file or directory"),
    ],
)  # fmt: skip
def test_what_cannot_begin_says_why(arguments, said, run):
    code, output = run(*arguments)
    assert code == 2
    assert said in output


def test_a_damaged_manifest_is_not_written_over(run, tmp_path):
    (tmp_path / "polymeter-manifest.json").write_text("<<<<<<< HEAD")
    code, output = run("wiring:metrics")
    assert code == 2
    assert "polymeter-manifest.json is not JSON" in output
    assert (tmp_path / "polymeter-manifest.json").read_text() == "<<<<<<< HEAD"


def test_where_everything_is_disabled_there_is_nothing_to_look_at(run, monkeypatch):
    monkeypatch.setenv("POLYMETER_DISABLED", "1")
    code, output = run()
    assert code == 2
    assert "POLYMETER_DISABLED says that everything is disabled" in output


def test_as_a_process_of_its_own_it_finds_the_modules_of_the_working_directory(tmp_path):
    write(tmp_path, TARGET)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-P", "-m", "polymeter.cli", "manifest", "wiring:metrics", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run().returncode == 0
    write(tmp_path, CHANGED)
    done = run("--check")
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith("removed\n  chat.latency_ms: ")


def test_nothing_is_delivered_to_the_back_ends_of_the_target(tmp_path):
    write(
        tmp_path,
        TARGET + "from polymeter.exporters import TextfileExporter\n"
        "metrics.export_to(TextfileExporter('m.prom')).at_exit()\n",
    )
    command = [sys.executable, "-m", "polymeter.cli", "manifest", "wiring:metrics"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    assert not (tmp_path / "m.prom").exists()


def test_the_target_of_these_tests_is_a_metrics(run):
    run("wiring:metrics")
    assert isinstance(sys.modules["wiring"].metrics, Metrics)
