"""`polymeter demo` as a program: what it prints, serves and exits with."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from contextlib import closing
from urllib.request import ProxyHandler, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

COMMAND = [sys.executable, "-m", "polymeter.cli", "demo"]
MODELS = {"gpt-5-mini", "o4-mini", "embedding-3-small"}
OUTCOMES = ("ok", "error", "cancelled", "abandoned")


@pytest.fixture(scope="module")
def environment():
    """Give an environment in which nothing decides how terminals look but the terminals."""
    unwanted = {"FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"}
    return {name: text for name, text in os.environ.items() if name not in unwanted} | {"TERM": "xterm-256color"}


@pytest.fixture(scope="module")
def ended(environment):
    """Run it for a second with --json, once for all tests that read the document."""
    return subprocess.run(
        [*COMMAND, "--json", "--seconds", "1"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def document(ended):
    """Read what it printed as strict JSON."""

    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    return json.loads(ended.stdout, parse_constant=refuse)


def test_json_is_all_that_it_prints_and_it_succeeds(ended, document):
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert document["sums_hold"] is True
    assert document["troubles"] == []
    assert document["interrupted"] is False


def test_every_number_is_the_same_in_all_books(document):
    assert [each for each in document["sums"] if len(set(each["sides"].values())) != 1] == []
    assert {each["model"] for each in document["sums"]} - {""} == document["ledger"]["load"].keys() != set()


def test_the_metrics_of_the_document_agree_with_its_ledgers(document):
    def total(name, **tags):
        found = (each for each in document["metrics"] if each["name"] == name and tags.items() <= each["tags"].items())
        return sum(each["value"] for each in found)

    load, server = document["ledger"]["load"], document["ledger"]["server"]["models"]
    assert load.keys() == server.keys() <= MODELS
    for model in load:
        ended = {outcome: total("demo.calls", model=model, outcome=outcome) for outcome in OUTCOMES}
        assert ended == {outcome: load[model]["outcomes"].get(outcome, 0) for outcome in OUTCOMES}
        assert total("inference.started", model=model) == sum(ended.values()) == server[model]["calls"]
        assert total("inference.attempts", model=model) == load[model]["requests"] == server[model]["requests"]
        assert total("inference.active", model=model) == 0
        for token_class, number in server[model]["tokens"].items():
            counted = total("inference.usage.tokens", model=model, token_class=token_class)
            assert counted == number == load[model]["tokens"][token_class]


def test_metrics_are_served_while_it_runs_and_ctrl_c_ends_it_early_with_its_sums(environment):
    running = subprocess.Popen(
        [*COMMAND, "--seconds", "600"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[1]
        direct = build_opener(ProxyHandler({}))
        samples: dict[str, float] = {}
        while not samples.get("inference_completed_total"):
            with direct.open(url, timeout=20) as page:
                assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                families = text_string_to_metric_families(page.read().decode())
                for sample in (sample for family in families for sample in family.samples):
                    samples[sample.name] = samples.get(sample.name, 0.0) + sample.value
        assert {"inference_started_total", "inference_duration_seconds_count", "demo_calls_total"} <= samples.keys()
        running.send_signal(signal.SIGINT)
        printed, complaints = running.communicate(timeout=60)
    assert complaints == ""
    assert running.returncode == 0
    assert "The sums hold: " in printed
    assert "\x1b" not in printed, "no terminal, no escape sequences"
    assert max(map(len, printed.splitlines())) <= 100


def test_on_a_terminal_a_table_is_drawn_again_and_again(environment):
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123 -- a descriptor, not a path
        with open(theirs, "wb", buffering=0) as terminal:  # noqa: PTH123
            running = subprocess.Popen(
                [*COMMAND, "--seconds", "0.7"],
                env=environment | {"COLUMNS": "100", "LINES": "50"},
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.PIPE,
            )
        shown = b"".join(iter(lambda: _read(screen), b""))
        _, complaints = running.communicate(timeout=60)
    assert (running.returncode, complaints) == (0, b"")
    assert shown.count(b"in flight") >= 3, "the live table, the last one, and the sums"
    assert b"s of 0.7 s" in shown
    assert b"The sums hold: " in shown


def _read(screen):
    try:
        return screen.read(65536)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""


def test_a_port_that_is_taken_is_named_and_nothing_starts(environment):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{port} is taken on 127.0.0.1: choose another one" in " ".join(done.stderr.split())


WITHOUT = """
import sys
sys.modules[{library!r}] = None
sys.argv = ["polymeter", "demo"]
from polymeter.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("library", "fix"),
    [
        ("click", "pip install 'polymeter[cli]'"),
        ("rich", "pip install 'polymeter[cli]'"),
        ("openai", "pip install 'polymeter[openai]'"),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(library, fix, environment):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(library=library)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert library in done.stderr
    assert fix in done.stderr
    assert "Traceback" not in done.stderr
