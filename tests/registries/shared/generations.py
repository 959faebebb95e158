"""Generations of workers that are forked, record, read, and are killed at any moment.

Run as a program: ``python generations.py FOLDER COUNT SEED``. One app, a few workers at a time. Each notes what it is
about to record and, once that is published, that it is sure; then it reads, and so folds those that died before it,
until it ends or is killed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import deque
from pathlib import Path

from polymeter.registries import SharedRegistry
from tests.registries.shared.tree import APP

LIVE = 6
"""Workers at a time."""

TAGS = [{"t": number} for number in range(20)]


class Worker:
    """The life of one, in its own process."""

    def __init__(self, registry, ledger, seed):
        self.registry = registry
        self.ledger = ledger
        self.random = random.Random(seed)

    def note(self, what, amount):
        os.write(self.ledger, b"%b %d\n" % (what, amount))

    def run(self):
        choose = self.random
        for _ in range(choose.randrange(1, 4)):
            amount = choose.randrange(1, 50)
            self.note(b"about", amount)
            self.registry.up_down("level", 1)
            for _ in range(amount):
                self.registry.counter("a", choose.choice(TAGS))
                self.registry.timer("b", choose.randrange(1000))
            self.registry.publish()
            self.note(b"sure", amount)
            for _ in range(choose.randrange(3)):
                self.registry.snapshot()
        for _ in range(choose.choice((0, 5, 10**6))):
            self.registry.snapshot()
            time.sleep(0.001)


def live_on(folder, count, seed):
    """Start ``count`` workers, and see to it that all of them end."""
    choose = random.Random(int(seed))
    registry = SharedRegistry(APP, directory=folder, interval=0.05)
    ledger = os.open(Path(folder) / "ledger", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    working = deque()
    for number in range(int(count)):
        child = os.fork()
        if not child:
            Worker(registry, ledger, seed * 1000003 + number).run()
            return
        working.append((child, time.monotonic() + choose.choice((0.02, 0.1, 0.2)) * choose.random()))
        if len(working) >= LIVE:
            end(*working.popleft())
    while working:
        end(*working.popleft())


def end(child, killed_at):
    """Kill a worker when it is time, if it has not ended."""
    time.sleep(max(0, killed_at - time.monotonic()))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def books(folder):
    """Give how much is sure to be counted, and how much may be."""
    sure = about = 0
    for line in (Path(folder) / "ledger").read_bytes().splitlines():
        what, amount = line.split()
        sure, about = sure + int(amount) * (what == b"sure"), about + int(amount) * (what == b"about")
    return sure, about


if __name__ == "__main__":
    live_on(sys.argv[1], sys.argv[2], int(sys.argv[3]))
