"""The last export, when the interpreter exits."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.interpreter import SRC, bare_environment

PROGRAM = """
import sys
sys.path.insert(0, {src!r})
from polymeter import Metrics
from polymeter.exporters import CallbackExporter

def tell(snapshot):
    print("exported", sum(metric.value for metric in snapshot.by_name("calls")), flush=True)

metrics = Metrics().export_to(CallbackExporter(tell))
{body}
"""


def run(body):
    """Run a program to its end; gives its exit code, output and complaints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM.format(src=str(SRC), body=body)],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.split("\n")[:-1], done.stderr


@pytest.mark.parametrize("start", ["metrics.at_exit()", "metrics.every(3600)"])
@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(3)", 3), ("raise ValueError", 1), ("raise KeyboardInterrupt", None)],
    ids=["return", "sys.exit", "exception", "interrupt"],
)
def test_however_a_program_ends_it_exports_once_more(start, end, code):
    """And its exit code is its own."""
    returncode, said, complaints = run(f"{start}\nmetrics.registry.counter('calls', increment=7)\n{end}")
    assert said == ["exported 7"]
    assert returncode == code or code is None
    assert ("polymeter" in complaints) is False


def test_without_asking_nothing_is_exported_at_exit():
    """A program that only records leaves nothing behind."""
    assert run("metrics.registry.counter('calls')") == (0, [], "")


def test_what_was_closed_is_not_exported_again():
    """Closing was the last export."""
    assert run("metrics.every(3600).at_exit().at_exit()\nmetrics.close()\nmetrics.registry.counter('calls')") == (
        0,
        ["exported 0"],
        "",
    )


def test_what_is_in_flight_on_the_thread_is_waited_for():
    """The thread's export and the last one do not overlap."""
    body = """
import threading
entered = threading.Event()
def slow(snapshot):
    entered.set()
metrics.export_to(CallbackExporter(slow)).every(0.001)
entered.wait(60)
metrics.registry.counter('calls', increment=7)
"""
    code, said, complaints = run(body)
    assert (code, said[-1], complaints) == (0, "exported 7", "")


def test_an_exporter_that_fails_at_exit_fails_alone():
    """The exit goes on; what is said has no message of the exception."""
    body = """
def fail(snapshot):
    raise ValueError("secret")
metrics.export_to(CallbackExporter(fail)).at_exit()
"""
    code, said, complaints = run(body)
    assert (code, said) == (0, ["exported 0"])
    assert "secret" not in complaints


HANG = """
import threading
def hang(snapshot):
    print("hanging", flush=True)
    threading.Event().wait()
metrics.export_to(CallbackExporter(hang)).at_exit()
"""


def test_an_exporter_that_hangs_does_not_hold_the_exit_up():
    """It has a second; whether there is time left to say so in the log is open."""
    code, said, complaints = run(HANG)
    assert (code, said) == (0, ["exported 0", "hanging"])
    assert not complaints or "TimeoutError" in complaints


def test_what_is_recorded_after_the_main_thread_has_ended_is_exported():
    """By other threads, which the interpreter waits for."""
    body = """
import threading
def work():
    threading.main_thread().join()
    metrics.registry.counter('calls', increment=7)
metrics.at_exit()
threading.Thread(target=work).start()
"""
    assert run(body) == (0, ["exported 7"], "")


def test_what_is_closed_has_no_thread_that_stands_by():
    """As it does on Pythons that start none at exit."""
    body = """
import threading
metrics.at_exit().at_exit()
metrics.close()
metrics.at_exit()
assert threading.active_count() == 1
"""
    assert run(body) == (0, ["exported 0"], "")


def test_asking_twice_at_once_is_asking_once():
    """From several threads."""
    body = """
import threading
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=metrics.at_exit) for _ in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    assert run(body) == (0, ["exported 0"], "")


@pytest.mark.skipif((3, 12) <= sys.version_info < (3, 12, 3), reason="these can start no thread when it is needed")
def test_nothing_is_started_before_the_exit():
    """No thread before it is needed."""
    body = """
import threading
metrics.at_exit()
assert threading.active_count() == 1
"""
    assert run(body) == (0, ["exported 0"], "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
def test_a_forked_child_exports_what_it_recorded_itself():
    """At its own exit; what the parent had recorded is the parent's."""
    body = """
import os
import warnings
warnings.simplefilter("ignore")
metrics.every(3600)
metrics.registry.counter('calls', increment=100)
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    metrics.registry.counter('calls', increment=7)
"""
    assert run(body) == (0, ["exported 7", "exported 100"], "")
