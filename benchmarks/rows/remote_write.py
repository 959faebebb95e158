"""Remote write: what an export costs up to the network, beside the text that a scrape of prometheus_client makes."""

from __future__ import annotations

import gc
import statistics
import time
from itertools import chain
from typing import TYPE_CHECKING

import cramjam
import prometheus_client

from benchmarks.harness import REPEATS, Result
from benchmarks.rows.rendering import SERIES, Both
from polymeter.exporters import PrometheusExporter
from polymeter.exporters.remote_write.identity import Identity, SentNaming
from polymeter.exporters.remote_write.known import Known
from polymeter.exporters.remote_write.requests import requests
from polymeter.exporters.remote_write.version1 import Version1
from polymeter.exporters.remote_write.version2 import Version2
from polymeter.exporters.remote_write.writer import SeriesWriter

if TYPE_CHECKING:
    from collections.abc import Callable


def rows() -> list[Result]:
    """Measure."""
    prometheus_client.disable_created_metrics()  # for the same content
    try:
        both = Both()
        return [export(both, Version1, "1.0"), export(both, Version2, "2.0")]
    finally:
        prometheus_client.enable_created_metrics()


def export(both: Both, version: type[Version1 | Version2], name: str) -> Result:
    """Take a snapshot of series that have all changed, write it and compress it."""
    identity = Identity("bench", "{id}", None)
    naming = SentNaming(identity.names, utf8_names=False)
    rendering, known = PrometheusExporter(), Known()

    def ours() -> None:
        snapshot = both.registry.snapshot()
        encoding = version(time.time_ns() // 1_000_000)
        writer = SeriesWriter(naming, identity.labels(snapshot.resource), encoding, known)
        for request in requests(chain(rendering.written(writer, snapshot), writer.gone()), encoding):
            bytes(cramjam.snappy.compress_raw(request.body))

    times: dict[Callable[[], object], list[float]] = {ours: [], both.theirs: []}
    for turn in range(REPEATS // 3):
        both.change()
        for work in [ours, both.theirs][:: 1 if turn % 2 else -1]:
            gc.collect()
            began = time.process_time()
            work()
            times[work].append((time.process_time() - began) / SERIES)
    of_ours, of_theirs = map(statistics.median, times.values())
    title = f"remote write {name} of {SERIES:,} series that have all changed, snapshot and snappy included"
    return Result(title, "generate_latest", of_ours, of_theirs, None)
