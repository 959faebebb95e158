"""A registry in Redis: what it adds to recording, what telling 2,000 series takes, and what reading them takes.

Redis runs on loopback; `make servers` has it. Without it there are no rows.
"""

from __future__ import annotations

import gc
import random
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from redis import Redis

from benchmarks.harness import Result, Row, measured
from benchmarks.rows.six import N, TheSix, events, polymeter
from polymeter import Metrics
from polymeter.registries import RedisRegistry
from tools.fetch_servers import locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.events.inference import InferenceCompleted

SERIES: Final = 2_000
OBSERVATIONS: Final = 300
TURNS: Final = 9


def rows() -> list[Result]:
    """Measure."""
    program = locate("redis-server")
    if program is None:
        return []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = f"unix://{_started(stack, program, Path(folder))}"
        given = events()
        shared = in_redis(stack, given, url)
        return [
            measured(Row("the six in a registry in Redis", shared, polymeter(given), "a plain one", N, 1.2)),
            *series(stack, url),
        ]


def _started(stack: ExitStack, program: Path, folder: Path) -> Path:
    path = folder / "redis"
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    stack.callback(process.kill)
    while not path.exists():
        time.sleep(0.01)
    return path


def in_redis(stack: ExitStack, given: list[InferenceCompleted], url: str) -> Callable[[], object]:
    """Dispatch, collect, tell meanwhile, read."""
    registry = stack.enter_context(RedisRegistry(url, app="six"))
    metrics = Metrics(registry=registry).collect(TheSix())

    def run() -> None:
        dispatch = metrics.events.dispatch
        for _ in range(N // len(given)):
            for event in given:
                dispatch(event)
        assert len(registry.all()) == 24

    return run


def series(stack: ExitStack, url: str) -> list[Result]:
    """Tell and read 2,000 series, half of them timers: each second of a busy process, and each scrape."""
    registry = stack.enter_context(RedisRegistry(url, app="many", interval=3600))
    client = stack.enter_context(Redis.from_url(url))

    def change() -> None:
        for number in range(SERIES // 2):
            registry.counter("requests", {"path": f"p{number}"})
            registry.timer("wait_ms", 1 + number % 500, {"path": f"p{number}"})

    def flush() -> None:
        assert registry.flush()

    def read() -> None:
        assert len(registry.all()) == SERIES

    change()
    flush()
    told, served = _median(client, flush, change)
    found, asked = _median(client, read)
    return [
        Result("telling Redis 2,000 changed series: this process", "Redis", told, served, None),
        Result("reading 2,000 series from Redis: this process", "Redis", found, asked, None),
        Result("2,000 counters in Redis", "1 MB", _size(stack, url, _count), 1e6, None, unit="B"),
        Result("2,000 timers of 300 log-normal times in Redis", "1 MB", _size(stack, url, _time), 1e6, None, unit="B"),
    ]


def _count(registry: RedisRegistry) -> None:
    for number in range(SERIES):
        registry.counter("requests", {"path": f"p{number}", "method": "GET"})


def _time(registry: RedisRegistry) -> None:
    for number in range(SERIES):
        series = registry.bind("timer", "wait_ms", {"path": f"p{number}", "method": "GET"})
        for _ in range(OBSERVATIONS):
            series.record(random.lognormvariate(4, 1))


def _size(stack: ExitStack, url: str, fill: Callable[[RedisRegistry], None]) -> float:
    """Give the bytes by which Redis grows."""
    registry = stack.enter_context(RedisRegistry(url, app=fill.__name__, interval=3600, budget=2 * SERIES))
    with Redis.from_url(url) as client:
        before = client.info("memory")["used_memory"]
        fill(registry)
        assert registry.flush(60)
        return float(client.info("memory")["used_memory"] - before)


def _median(client: Redis, work: Callable[[], None], prepare: Callable[[], object] = int) -> tuple[float, float]:
    """Give the seconds of CPU that one call takes here, and those that Redis works for it."""
    here: list[float] = []
    there: list[float] = []
    for _ in range(TURNS):
        prepare()
        gc.collect()
        client.config_resetstat()
        began = time.process_time()
        work()
        here.append(time.process_time() - began)
        stats = client.info("commandstats")
        there.append(sum(each["usec"] for name, each in stats.items() if name.startswith("cmdstat_eval")) / 1e6)
    return statistics.median(here), statistics.median(there)
