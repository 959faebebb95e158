"""What `timed` and `counted` promise to type checkers: what is decorated keeps its type. `make check` reads it."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, assert_type

from polymeter import Metrics
from polymeter.collectors import TimingMetricsCollector
from polymeter.timing import Counting, LongTasks, Sample, Timing, counted, start, timed


@timed
def place(order: int, *, gift: bool = False) -> str:
    """Be a plain function."""
    return f"{order}{gift}"


@timed("orders.fetch_ms", tags={"shop": "north"})
async def fetch(order: int) -> bytes:
    """Be a coroutine function."""
    return bytes(order)


def table_of(table: str) -> dict[str, str]:
    """Give the tags of a call."""
    return {"table": table}


@timed("orders.rows_ms", tags=table_of)
def rows(table: str) -> Generator[int, str, bytes]:
    """Be a generator function."""
    yield len(table)
    return b""


@counted("orders.lines", when=("ok", TimeoutError))
async def lines(number: int) -> AsyncIterator[str]:
    """Be an async generator function."""
    yield str(number)


@timed
@contextmanager
def transaction(name: str) -> Generator[int]:
    """Be a context manager."""
    yield len(name)


@counted
class Shop:
    """A class stays that class."""

    @timed
    def __init__(self, name: str) -> None:
        self.name = name

    @timed("shop.open_ms")
    @classmethod
    def open(cls, name: str) -> Shop:
        """Be a class method."""
        return cls(name)

    @staticmethod
    @counted
    def size(of: float) -> float:
        """Be a static method."""
        return of

    @timed
    async def close(self, *, now: bool) -> None:
        """Be a method."""


async def what_is_decorated_keeps_its_type() -> None:
    """Arguments and results are checked as before."""
    assert_type(place(1, gift=True), str)
    assert_type(await fetch(1), bytes)
    assert_type(rows("a"), Generator[int, str, bytes])
    async for line in lines(2):
        assert_type(line, str)
    with transaction("t") as number:
        assert_type(number, int)
    assert_type(Shop.open("a"), Shop)
    assert_type(Shop("a").name, str)
    assert_type(Shop.size(1.5), float)
    await Shop("a").close(now=True)
    into: Callable[[int], Coroutine[Any, Any, bytes]] = fetch
    assert_type(await into(1), bytes)
    manager: AbstractContextManager[int] = transaction("t")
    assert_type(timed(functools.partial(place, 1))(), str)
    del manager


async def wrong_calls_are_errors() -> None:
    """As without us: each line must be an error, or the comment is one."""
    place("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    place(1, wrong=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await fetch()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    counted("it", when="never")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def blocks_samples_and_sources_have_types() -> None:
    """What is no decorator."""
    assert_type(timed("block_ms"), Timing)
    assert_type(counted(tags={"a": 1}), Counting)
    with timed("block_ms") as timing:
        assert_type(timing, Timing)
    async with counted("blocks") as counting:
        assert_type(counting, Counting)
    sample = start()
    assert_type(sample, Sample)
    assert_type(sample.stop("it_ms", {"status": 200}, error=None), float)
    metrics = Metrics().watch(LongTasks()).collect(TimingMetricsCollector(error_type=True, active=True))
    assert_type(start(events=metrics.events, clock=metrics.clock).elapsed_ms, float)
