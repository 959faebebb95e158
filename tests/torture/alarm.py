"""An alarm that interrupts the main thread again and again."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager

from tests.torture.ledger import Tally

INTERVAL = 0.0005
"""Seconds between two alarms."""
MOST_NESTED = 3  # a handler is interrupted like anything else, and without a bound that would never end


@contextmanager
def alarm(act, *, most_nested=MOST_NESTED):
    """Call ``act`` from the handler of a signal that comes every ``INTERVAL``; gives the tally of its calls.

    A call that took longer than ``INTERVAL`` is followed by as long a pause, or what it interrupts would never go on.
    """
    calls = Tally()
    nested = 0
    again_at = 0.0

    def handle(*_):
        nonlocal nested, again_at
        began = time.monotonic()
        if nested >= most_nested or began < again_at:
            return
        nested += 1
        try:
            calls.add()
            act()
        finally:
            nested -= 1
            took = time.monotonic() - began
            again_at = began + 2 * took if took > INTERVAL else 0.0

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield calls
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


@contextmanager
def quiet():
    """Hold the alarm back for a block."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
