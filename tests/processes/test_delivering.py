"""Exporters that deliver, in many processes: what each of them says, and that their own counts add up."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

from polymeter.testing import FaultServer

CHILDREN = 4
EACH = 25

WORKERS = """
import os
import sys

from polymeter import Metrics
from polymeter.exporters import JsonLinesExporter, PushgatewayExporter
from polymeter.registries import SharedRegistry

folder, gateway = sys.argv[1:]
pushing = PushgatewayExporter(gateway, job="shop")
metrics = Metrics(registry=SharedRegistry("shop", directory=folder)).export_to(pushing)
metrics.export_to(JsonLinesExporter(folder + "/lines", temporality="delta"))
metrics.at_exit()

for number in range({children}):
    child = os.fork()
    if not child:
        for _ in range({each}):
            metrics.registry.counter("shop.orders")
        metrics.registry.histogram("shop.items", number)
        metrics.export()
        metrics.registry.counter("shop.orders")
        sys.exit()  # exports once more
    os.waitpid(child, 0)
metrics.export()
print(metrics.registry.total("shop.orders"))
for metric in metrics.snapshot().by_name("polymeter.exports"):
    print(metric.tags.get("exporter"), metric.tags.get("result"), metric.value)
"""


def test_cumulative_ones_say_the_whole_and_those_of_deltas_their_own_part(tmp_path):
    with FaultServer() as gateway:
        code = WORKERS.format(children=CHILDREN, each=EACH)
        command = [sys.executable, "-c", code, str(tmp_path), gateway.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        pushed = [request.body.decode() for request in gateway.requests]
    ledger = CHILDREN * (EACH + 1)
    exports = 2 * CHILDREN + 1
    total, *said = ended.stdout.splitlines()
    assert int(total) == ledger
    # However many processes there are: an exporter's exports are one series, and all of them are in it.
    assert sorted(said) == [f"JsonLinesExporter ok {exports}", f"PushgatewayExporter ok {exports}"]

    counts = [
        float(line.split()[1]) for body in pushed for line in body.splitlines() if line[:18] == "shop_orders_total "
    ]
    assert len(counts) == len(pushed) == exports + 1  # at the end of the first process once more
    assert all(before <= after for before, after in pairwise(counts))  # one group, and whoever pushes last says all
    assert counts[-1] == ledger

    lines = [json.loads(line) for line in (tmp_path / "lines").read_text("utf-8").splitlines()]
    orders = [line["value"] for line in lines if line["name"] == "shop.orders"]
    assert sum(orders) == ledger
    assert sorted(orders) == [1] * CHILDREN + [EACH] * CHILDREN
    items = [line for line in lines if line["name"] == "shop.items" and line.get("count")]
    assert sum(line["count"] for line in items) == CHILDREN
