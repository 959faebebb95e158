"""Many tasks dispatch and are cancelled while two threads read."""

from __future__ import annotations

import asyncio
import random

from tests.torture.load import Until, in_threads

TASKS = 200


def run(ledger, seconds):
    """Load an event loop."""
    until = Until(seconds)

    def read():
        while until:
            ledger.record_and_read()

    in_threads(read, read, beside=lambda: asyncio.run(load(ledger, until)))
    ledger.settle()


async def load(ledger, until):
    """Run many tasks that live as long as ``until``, and some that are cancelled and made again."""
    lasting = [work(ledger, until) for _ in range(TASKS)]
    await asyncio.gather(*lasting, *(cut_short(ledger, until) for _ in range(TASKS // 20)))


async def work(ledger, until):
    """Record, let others do so, and read."""
    while until:
        for _ in range(random.randrange(8)):
            ledger.record()
        await asyncio.sleep(0)
        ledger.record_and_read()


async def cut_short(ledger, until):
    """Cancel tasks."""
    while until:
        task = asyncio.ensure_future(work(ledger, until))
        await asyncio.sleep(random.random() / 100)
        task.cancel()
