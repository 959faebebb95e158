"""Many values of a tag, and many threads."""

from __future__ import annotations

import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.harness import Result, Row, measured
from polymeter.registries import AggregatingRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

N = 100_000
THREADS = 8


def rows() -> list[Result]:
    """Measure."""
    logging.getLogger("polymeter.registries").setLevel(logging.ERROR)  # the explosion is on purpose
    return [ids(), threads()]


def ids() -> Result:
    """Record under ever new ids, beside a hundred of them."""
    many, few = AggregatingRegistry(), AggregatingRegistry()
    new = count()

    def ours() -> None:
        for _ in range(N):
            many.counter("calls", {"id": f"u{next(new)}"})
        assert len(many) <= 2001

    def hundred() -> None:
        for number in range(N):
            few.counter("calls", {"id": f"u{number % 100}"})
        assert len(few) == 100

    return measured(Row("a record under one of a million ids", ours, hundred, "the same under one of 100", N, 2.0))


def threads() -> Result:
    """Record on one counter from eight threads at once, beside one thread; as the time of one record."""
    series = AggregatingRegistry().bind("counter", "calls")

    def record(times: int) -> None:
        add = series.add
        for _ in range(times):
            add()

    def in_threads(number: int) -> Callable[[], None]:
        def run() -> None:
            workers = [threading.Thread(target=record, args=(5 * N // number,)) for _ in range(number)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert series.value

        return run

    name = f"{THREADS} threads on one counter"
    return measured(Row(name, in_threads(THREADS), in_threads(1), "1 thread", 5 * N, 1 / 0.9, clock=time.perf_counter))
