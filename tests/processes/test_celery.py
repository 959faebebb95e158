"""Celery's prefork pool, started as docs/processes.md says: one page for all tasks, whichever worker did them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from polymeter.registries import SharedRegistry
from tests.processes.customers import Shop
from tests.processes.recipes import CELERY, command, lay_out
from tests.servers.process import running
from tests.servers.waiting import wait_until

SENDER = "import sys, tasks\nfor _ in range(int(sys.argv[1])): tasks.sell.delay()"
BROKER = """
folder = {!r}
app.conf.broker_transport_options = {{
    "data_folder_in": folder + "/queue", "data_folder_out": folder + "/queue", "control_folder": folder + "/control"
}}
"""


@pytest.fixture
def tasks(port, tmp_path):
    """Give a page of a Celery worker, what sends it a number of tasks, and its process; its broker is a folder."""
    lay_out(tmp_path)
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    file = tmp_path / "tasks.py"
    text = file.read_text("utf-8").replace("redis://localhost", "filesystem://").replace("9464", str(port.number))
    file.write_text(text + BROKER.format(str(tmp_path)), "utf-8")

    def send(times):
        subprocess.run([sys.executable, "-c", SENDER, str(times)], cwd=tmp_path, check=True)

    with port.free() as number:
        ready = f"http://127.0.0.1:{number}/metrics"
        with running([*command(CELERY, number), "--loglevel", "info"], folder=tmp_path, ready=ready) as process:
            yield Shop(number), send, process


@pytest.mark.parametrize("times", [100, pytest.param(5_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_tasks_are_counted_once_though_their_workers_are_replaced_every_25(tasks, tmp_path, times):
    shop, send, celery = tasks
    with shop.scraped():
        send(times)
        wait_until(lambda: shop.count() >= times, what=f"{times} tasks are counted", seconds=500)
    assert shop.count() == shop.page()["polymeter_records_applied_total"] == times
    reader = SharedRegistry("shop-tasks", directory=tmp_path)
    send(20)
    wait_until(lambda: (tmp_path / "log").read_text("utf-8").count("succeeded") >= times + 20, what="they are done")
    celery.send_signal(signal.SIGTERM)
    celery.wait(30)
    assert reader.total("shop.orders") == times + 20
    reader.close()
