"""Forks as in ``forking`` while ``gc.callbacks`` read, in the child even before it has set itself up."""

from __future__ import annotations

import itertools

from tests.torture.load import collecting_often
from tests.torture.scenarios import forking

READ_EVERY = 4


def run(ledger, seconds):
    """Fork with collections everywhere. What is read there is not compared: a child may not have started anew yet."""
    turn = itertools.count()

    def interrupt(*_):
        if next(turn) % READ_EVERY == 0:
            ledger.subject.read()

    with collecting_often(interrupt):
        forking.run(ledger, seconds)
