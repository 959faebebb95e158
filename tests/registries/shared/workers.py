"""Other processes of an app, which do what a test tells them; and what is asked of what they share."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

from polymeter.registries import SharedRegistry

__all__ = ["RARELY", "Worker", "damaged", "failed", "opened"]

RARELY = 1000.0
"""An interval in which nothing is published unless somebody says so."""

_LOOP = """
import json, os, sys
from polymeter.registries import SharedRegistry
{before}
registry = SharedRegistry({app!r}, directory={directory!r}, **{options!r})
known = globals()
for line in sys.stdin:
    code = json.loads(line)
    try:
        try:
            told = eval(code, known)
        except SyntaxError:
            told = exec(code, known)
    except BaseException as error:
        told = repr(error)
    print(json.dumps(told, default=repr), flush=True)
"""


class Worker:
    """A process with a registry of its own, asked line by line."""

    def __init__(self, directory, app="shop", *, before="", **options):
        options = {"interval": RARELY, **options}
        script = _LOOP.format(before=before, app=app, directory=str(directory), options=options)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, code):
        """Have it run a statement, or give what an expression is."""
        self.begin(code)
        return self.told()

    def begin(self, code):
        """Have it run something, and do not wait for it."""
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()

    def told(self):
        """Wait for what it says to what was begun."""
        return json.loads(self.process.stdout.readline())

    def kill(self):
        """Have it end as if the machine had no memory left."""
        self.process.kill()
        self._wait()

    def end(self):
        """Have it end well."""
        self.process.stdin.close()
        self._wait()

    def _wait(self):
        self.process.wait(20)
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


@contextmanager
def opened(directory, app="shop", **options):
    """Give a registry that publishes when it is told to, and close it."""
    registry = SharedRegistry(app, directory=directory, **{"interval": RARELY, **options})
    try:
        yield registry
    finally:
        registry.close()


def failed(registry, reason=None):
    """Give how often publishing or reading failed, for one reason or any."""
    return sum(
        metric.value
        for metric in registry.snapshot()
        if metric.name == "polymeter.shared.failed" and reason in (None, metric.tags["reason"])
    )


def damaged(registry):
    """Give how many records were skipped."""
    return sum(metric.value for metric in registry.snapshot() if metric.name == "polymeter.shared.damaged")
