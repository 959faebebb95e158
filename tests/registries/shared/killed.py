"""Processes that are killed at one place after the other of what they do with the files that they share.

Run as a program: ``python -m tests.registries.shared.killed FOLDER WORK FIRST STEP``. The place is counted as in
:mod:`tests.registries.shared.interrupted`: whenever a function begins, or a call into C ends.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from polymeter.registries import SharedRegistry
from tests.registries.shared.interrupted import Calling
from tests.registries.shared.tree import APP

TAGS = {"t": 1}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(work):
    """Fork, do ``work``, and tell whether the child was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


class Killed:
    """Has one process after the other do something, and be killed in the middle of it."""

    def __init__(self, folder):
        self.registry = SharedRegistry(APP, directory=folder, interval=1000.0)
        self.least = self.most = self.highest = 0

    def write_and_die(self):
        """Leave the slot of a dead process: one series, and what another has counted that was forgotten."""

        def work():
            self.registry.counter("a", TAGS)
            self.registry.counter("forgotten", TAGS)
            self.registry.own.forget("forgotten")
            self.registry.publish()

        assert not in_a_child(work)
        self.least, self.most = self.least + 1, self.most + 1

    def read(self, place):
        """Be killed while reading, and folding what is dead."""
        self.write_and_die()

        def work():
            with Calling(place, die):
                self.registry.snapshot()

        return in_a_child(work)

    def forget(self, place):
        """Be killed while ending a series that is kept of the dead."""
        self.write_and_die()

        def work():
            with Calling(place, die):
                self.registry.forget("a")

        return in_a_child(work)

    def publish(self, place):
        """Be killed while publishing: a first time, and what is added to it."""
        self.write_and_die()

        def work():
            with Calling(place, die):
                self.registry.counter("a", TAGS)
                self.registry.counter("forgotten", TAGS)
                self.registry.publish()
                self.registry.own.forget("forgotten")
                self.registry.publish()
                self.registry.close()

        killed = in_a_child(work)
        self.most += 1
        if not killed:
            self.least += 1
        return killed

    def fold_and_leave(self):
        """Fold, and be killed when what was folded is to be removed."""

        def work():
            rename, unlink, folded = Path.rename, Path.unlink, []

            def renamed(path, to):
                folded.append(to.name == "retired")
                return rename(path, to)

            def unlinked(path, **how):
                if any(folded) and path.suffix == ".slot":
                    die()
                unlink(path, **how)

            Path.rename, Path.unlink = renamed, unlinked
            self.registry.snapshot()

        return in_a_child(work)

    def folds(self, place):
        """Be killed with slots left that are folded already, several times with nobody who reads in between."""
        for _ in range(1 + place):
            self.write_and_die()
            assert self.fold_and_leave()
        return place < 5

    def check(self):
        for name in ("a", "forgotten"):
            total = self.registry.total(name)
            assert self.least <= total <= self.most, (name, self.least, total, self.most)
        assert self.registry.total("a") >= self.highest
        self.least = self.highest = self.registry.total("a")
        self.registry.snapshot()  # what seems to be left over is looked at twice
        mine = f"{self.registry.own.writer}.slot"
        files = {each.name for each in self.registry._path.iterdir() if each.stat().st_size or each.suffix != ".new"}
        assert files <= {mine, "presence", "retired", "orders", "retired.made", "orders.made"}, files


def main(folder, what, first, step):
    killed = Killed(folder)
    work, place = getattr(killed, what), int(first)
    while work(place):
        killed.check()
        place += int(step)
    killed.check()
    print(place, int(killed.registry.total("a")))  # noqa: T201 - how many places there are


if __name__ == "__main__":
    main(*sys.argv[1:])
