"""One page for many workers, ours and that of prometheus_client's multiprocess mode: the same server, the same load.

Run by ``python -m benchmarks.workers_side_by_side``; prints the table of docs/processes.md. The server is
``gunicorn --preload --workers 8 --max-requests 50``. Each request counts, observes a duration, and goes through an
in-flight gauge; now and then a worker is killed in the middle of a request. Their mode is measured as its documentation
has it: with the variable set before the import, a new ``CollectorRegistry`` for each scrape, and
``mark_process_dead`` in the ``child_exit`` hook.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

WORKERS: Final = 8
PATHS: Final = 50
REQUESTS: Final = 12_000
KILL_EVERY: Final = 1_500
CLIENTS: Final = 8

_OURS = """
from polymeter import Metrics
from polymeter.exporters import PrometheusExporter
from polymeter.registries import SharedRegistry

prometheus = PrometheusExporter()
registry = Metrics(registry=SharedRegistry("shop", directory=FOLDER)).export_to(prometheus).registry
page = prometheus.wsgi_app()

def count(path):
    registry.counter("orders", {"path": path})
    registry.timer("wait_seconds", 0.01, {"path": path})

def in_flight(by):
    registry.up_down("in_flight", by)
"""

_THEIRS = """
import os
os.environ["PROMETHEUS_MULTIPROC_DIR"] = FOLDER
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

orders = Counter("orders", "h", ["path"])
wait = Histogram("wait_seconds", "h", ["path"])
flying = Gauge("in_flight", "h", multiprocess_mode="livesum")

def count(path):
    orders.labels(path).inc()
    wait.labels(path).observe(0.01)

def in_flight(by):
    flying.inc(by)

def page(environ, start_response):
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return make_wsgi_app(registry)(environ, start_response)
"""

_APP = """
import os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/metrics":
        return page(environ, start_response)
    in_flight(1)
    if path == "/slow":
        time.sleep(60)
    count(path)
    in_flight(-1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

_HOOK = """
def child_exit(server, worker):
    from prometheus_client import multiprocess
    multiprocess.mark_process_dead(worker.pid)
"""


class _Run:
    """One server under load."""

    def __init__(self, code: str, hook: str, folder: Path) -> None:
        self.folder, self.shared = folder, folder / "shared"
        self.shared.mkdir()
        (folder / "app.py").write_text(f"FOLDER = {str(self.shared)!r}\n{code}{_APP}")
        (folder / "conf.py").write_text(hook)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.answers = 0
        self.unsure = 0
        self.scrapes: list[float] = []
        self.fell = 0
        self._highest = 0.0
        self._lock = threading.Lock()

    def get(self, path: str) -> str:
        """Ask."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            assert answer.status == 200, body
            return body
        finally:
            connection.close()

    def buy(self, number: int) -> int | None:
        """Buy something; give the worker."""
        try:
            worker = int(self.get(f"/p{number % PATHS}"))
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.unsure += 1
            return None
        with self._lock:
            self.answers += 1
        return worker

    def load(self, requests: int) -> None:
        """Have clients buy at once."""

        def shopping(first: int) -> None:
            for number in range(first, requests, CLIENTS):
                self.buy(number)

        threads = [threading.Thread(target=shopping, args=(first,)) for first in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def scrape(self) -> tuple[float, float]:
        """Give the orders and those in flight."""
        began = time.perf_counter()
        lines = [line for line in self.get("/metrics").splitlines() if not line.startswith("#")]
        self.scrapes.append(time.perf_counter() - began)
        orders = sum(float(line.split()[-1]) for line in lines if line.startswith("orders_total"))
        flying = sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split()[0] == "in_flight")
        self.fell += orders < self._highest
        self._highest = max(self._highest, orders)
        return orders, flying

    def kill_one(self) -> None:
        """Have a worker hang in a request, and kill it there."""
        before = self._slow()
        thread = threading.Thread(target=self._hang)
        thread.start()
        time.sleep(0.4)
        [worker] = self._slow() - before or {None}
        if worker is not None:
            os.kill(worker, signal.SIGKILL)
        thread.join()

    def _hang(self) -> None:
        try:
            self.get("/slow")
        except (OSError, http.client.HTTPException):
            return

    def _slow(self) -> set[int]:
        """Give the workers that have a connection open: the one that hangs."""
        found = set()
        for worker in map(int, Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()):
            links = [str(each.readlink()) for each in Path(f"/proc/{worker}/fd").iterdir() if each.is_symlink()]
            if sum(link.startswith("socket:") for link in links) > 1:
                found.add(worker)
        return found

    def run(self) -> list[str]:
        """Give the cells of a column."""
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS), "--max-requests", "50"]
        command += ["--config", "conf.py", "--bind", f"127.0.0.1:{self.port}", "--log-level", "error", "app:app"]
        self.server = subprocess.Popen(command, cwd=self.folder)
        try:
            self._wait()
            for _ in range(REQUESTS // KILL_EVERY):
                self.load(KILL_EVERY)
                self.scrape()
                self.kill_one()
            time.sleep(1)
            scrapes = [self._timed() for _ in range(9)]
            orders, flying = self.scrape()
            files = list(self.shared.rglob("*"))
            size = sum(each.stat().st_size for each in files if each.is_file())
            return [
                f"{self.answers:,}",
                f"{orders:,.0f}" + (f" (and {self.unsure} without an answer)" if self.unsure else ""),
                f"{self.fell}",
                f"{flying:g}",
                f"{sum(each.is_file() for each in files):,}",
                f"{size / 1e3:,.0f} kB",
                f"{1e3 * self.scrapes[0]:.0f} ms",
                f"{1e3 * statistics.median(scrapes):.0f} ms",
            ]
        finally:
            self.server.terminate()
            self.server.wait()

    def _timed(self) -> float:
        self.scrape()
        return self.scrapes[-1]

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self.get("/metrics")
            except OSError:
                time.sleep(0.05)
            else:
                return


ROWS: Final = (
    "requests that were answered",
    "counted in the end",
    "scrapes that fell",
    f"in flight in the end ({REQUESTS // KILL_EVERY} workers were killed in a request)",
    "files",
    "their size",
    "the first scrape",
    f"a scrape after {REQUESTS // 50} workers",
)


def main() -> None:
    """Measure and print."""
    columns = []
    for code, hook in ((_OURS, ""), (_THEIRS, _HOOK)):
        folder = Path(tempfile.mkdtemp())
        try:
            columns.append(_Run(code, hook, folder).run())
        finally:
            shutil.rmtree(folder)
    print("| | SharedRegistry | prometheus_client |\n|---|---|---|")
    for cells in zip(ROWS, *columns, strict=True):
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
