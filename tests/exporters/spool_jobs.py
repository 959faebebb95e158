"""Short-lived processes that spool. As a program it makes them: each is forked off it, and may be killed anywhere.

``python -m tests.exporters.spool_jobs FOLDER URL``; each line that it reads is what one job does, and it answers with
what that job had recorded, and how much of that it had exported before it ended, delivered or not.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

from polymeter import Metrics
from polymeter.errors import ExportError
from polymeter.exporters import SpoolingExporter
from polymeter.exporters.http import Backoff, HttpTransport
from tests.interpreter import ROOT
from tests.registries.shared.interrupted import Calling

__all__ = ["Jobs", "taken"]

PATIENCE = 30


class Posting:
    """Posts the value of ``calls``, and what tells one snapshot from all others."""

    def __init__(self, url, temporality):
        self.temporality = temporality
        self.transport = HttpTransport(url, backoff=Backoff(retries=0))

    def export(self, snapshot):
        for metric in snapshot.by_name("calls"):
            said = {"id": f"{snapshot.writer} {snapshot.taken_at}", "writer": snapshot.writer, "calls": metric.value}
            self.transport.send("POST", "/calls", json.dumps(said).encode())

    def close(self):
        self.transport.close()


def taken(server):
    """Give what a server has taken."""
    return [json.loads(body) for body in server.accepted if body]


# -- in the program


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def work(folder, url, ledger, *, temporality, records, exports, seconds, place):
    """Be one job: record so many times, export every so often, live so long, end well unless killed at ``place``."""
    metrics = Metrics().export_to(SpoolingExporter(Posting(url, temporality), folder))
    with Calling(place, die):
        for number in range(records):
            os.write(ledger, b"r")
            metrics.registry.counter("calls")
            if exports and not number % exports:
                with suppress(ExportError):
                    metrics.export()
                os.write(ledger, b"e")
        if seconds:
            time.sleep(seconds)
        metrics.close()
        os.write(ledger, b"e")


def begin(folder, url, job):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            work(folder, url, writer, **job)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    return child, reader


def end(child, reader):
    said = b""
    while part := os.read(reader, 1 << 16):
        said += part
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return {
        "recorded": said.count(b"r"),
        "exported": said[: said.rfind(b"e") + 1].count(b"r"),
        "killed": os.WIFSIGNALED(status),
        "code": 0 if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status),
    }


def tell(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(folder, url):
    logging.disable()
    with tempfile.TemporaryDirectory() as elsewhere, suppress(ExportError):  # imports what a job needs
        HttpTransport(url).send("GET")
        Metrics().export_to(SpoolingExporter(Posting("http://127.0.0.1:1", "delta"), elsewhere)).export()
    tell("ready")
    for line in sys.stdin:
        begun = [begin(folder, url, job) for job in json.loads(line)]
        tell([end(*each) for each in begun])


# -- in the tests


class Jobs:
    """Has jobs run over one folder."""

    def __init__(self, folder, url):
        command = [sys.executable, "-m", "tests.exporters.spool_jobs", str(folder), url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.told() == "ready"

    def run(self, *jobs, temporality="delta", records=1, exports=0, seconds=0, place=0):
        """Run jobs side by side (one, if none is named) and give what became of each."""
        common = {
            "temporality": temporality,
            "records": records,
            "exports": exports,
            "seconds": seconds,
            "place": place,
        }
        self.process.stdin.write(json.dumps([{**common, **job} for job in jobs or [{}]]) + "\n")
        self.process.stdin.flush()
        ended = self.told()
        assert all(each["code"] == 0 for each in ended)
        return ended

    def told(self):
        """Wait for what the program says."""
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
