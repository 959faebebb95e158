"""Processes that live for a moment: what they recorded is delivered, however they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.interpreter import SRC, bare_environment

# Delivers differences, so that whatever is delivered twice, or by a child for its parent, shows in the sum.
PROGRAM = """
import os, random, signal, sys, time
sys.path.insert(0, {src!r})
from polymeter import Metrics
from polymeter.exporters import JsonLinesExporter

metrics = Metrics().export_to(JsonLinesExporter({path!r}, temporality="delta")).at_exit()
{setup}

def live(seconds):
    until = time.monotonic() + seconds
    recorded = 0
    while time.monotonic() < until:
        metrics.registry.counter("calls")
        recorded += 1
    with open({ledger!r}, "a") as ledger:
        ledger.write(f"{{recorded}}\\n")

{body}
"""

LIVES = [0.001, 0.01, 0.1]


class Program:
    """A script and the two files that it leaves behind."""

    def __init__(self, folder):
        self.delivered_to, self.ledger = folder / "delivered.jsonl", folder / "ledger"

    def run(self, body, setup=""):
        """Run it to its end; gives its exit status."""
        text = PROGRAM.format(
            src=str(SRC), path=str(self.delivered_to), ledger=str(self.ledger), setup=setup, body=body
        )
        script = self.ledger.with_suffix(".py")  # children that are not forked import it
        script.write_text(text)
        done = subprocess.run(
            [sys.executable, "-I", "-W", "ignore", str(script)],
            env=bare_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.complaints = done.stderr
        return done.returncode

    @property
    def recorded(self):
        return sum(map(int, self.ledger.read_text().split()))

    @property
    def delivered(self):
        lines = map(json.loads, self.delivered_to.read_text().splitlines())
        return sum(line["value"] for line in lines if line["name"] == "calls")


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


@pytest.mark.parametrize("seconds", LIVES)
@pytest.mark.parametrize(
    ("end", "status"),
    [("", 0), ("sys.exit(3)", 3), ("raise ValueError", 1), ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM)],
    ids=["return", "sys.exit", "exception", "SIGTERM"],
)
def test_a_script_delivers_what_it_recorded(program, seconds, end, status):
    """With the exit status that it would have had without us."""
    setup = "metrics.on_signal(signal.SIGTERM)" if "SIGTERM" in end else ""
    assert program.run(f"live({seconds})\n{end}", setup) == status
    assert program.delivered == program.recorded > 0


def test_a_signal_from_outside_in_the_middle_of_recording_loses_nothing(program):
    """Every record that returned counts."""
    body = """
import threading
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
recorded = 0
try:
    while True:
        metrics.registry.counter("calls")
        recorded += 1
finally:
    live(0)
    open(LEDGER, "a").write(f"{recorded}\\n")
"""
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\nmetrics.on_signal(signal.SIGTERM)"
    assert program.run(f"LEDGER = {str(program.ledger)!r}\n{body}", handler) == 143
    assert program.recorded <= program.delivered <= program.recorded + 1  # the one that was under way


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("interval", ["", "metrics.every(0.02)"], ids=["at exit", "every"])
def test_children_of_multiprocessing_deliver_theirs(program, method, interval):
    """Which leave without telling the interpreter; and the parent delivers its own, once."""
    body = f"""
if __name__ == "__main__":
    import multiprocessing
    live(0.01)
    context = multiprocessing.get_context({method!r})
    children = [context.Process(target=live, args=(seconds,)) for seconds in {LIVES}]
    for child in children:
        child.start()
    for child in children:
        child.join()
    live(0.01)
"""
    assert program.run(body, interval) == 0, program.complaints
    assert len(program.ledger.read_text().split()) == 5
    assert program.delivered == program.recorded


def test_workers_of_a_pool_deliver_theirs(program):
    """Those of concurrent.futures, and those of a pool that is closed and joined."""
    body = f"""
if __name__ == "__main__":
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as workers:
        list(workers.map(live, {LIVES}))
    pool = multiprocessing.get_context("fork").Pool(2)
    pool.map(live, {LIVES})
    pool.close()
    pool.join()
"""
    assert program.run(body) == 0, program.complaints
    assert program.delivered == program.recorded > 0


def test_workers_of_a_pool_that_is_torn_down_deliver_theirs_with_a_handler(program):
    """Leaving the block of a pool ends its workers by SIGTERM."""
    body = f"""
if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(live, {LIVES})
"""
    assert program.run(body, "metrics.on_signal(signal.SIGTERM)") == 0, program.complaints
    assert program.delivered == program.recorded > 0


def test_a_child_that_is_forked_by_hand_delivers_its_own(program):
    """And its parent its own."""
    body = """
live(0.01)
child = os.fork()
live(0.01)
if child:
    os.waitpid(child, 0)
"""
    assert program.run(body) == 0, program.complaints
    assert program.delivered == program.recorded > 0
