"""Threads that start at the same moment and are switched as often as possible."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["together"]

ResultT = TypeVar("ResultT")

_PATIENCE = 60.0


def together(work: Callable[[int], ResultT], threads: int = 8) -> list[ResultT]:
    """Run ``work`` with 0, 1, 2, ... on so many threads at once; gives the results in that order.

    What one of them raises passes through.
    """
    barrier = threading.Barrier(threads)

    def start(number: int) -> ResultT:
        barrier.wait(_PATIENCE)
        return work(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return [running.result() for running in [pool.submit(start, number) for number in range(threads)]]
    finally:
        sys.setswitchinterval(interval)
