"""What scenarios put the interpreter under: threads, fast switching, constant collection."""

from __future__ import annotations

import gc
import sys
import threading
import time
from contextlib import contextmanager

THRESHOLD = (20, 3, 3)
"""Objects made until the next collection, and how often the older ones are looked at. Python's default is 700."""


class Until:
    """True until some seconds have passed: ``while until:``."""

    def __init__(self, seconds):
        self._end = time.monotonic() + seconds

    def __bool__(self):
        return time.monotonic() < self._end


def in_threads(*targets, beside=None):
    """Call each of ``targets`` in a thread of its own, and ``beside`` in this one; wait for all of them."""
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    try:
        if beside is not None:
            beside()
    finally:
        for thread in threads:
            thread.join()


@contextmanager
def switching_every(seconds):
    """Have threads change places every ``seconds``; Python's default is 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def collecting_often(*callbacks):
    """Collect garbage all the time, and call ``callbacks`` before and after each collection."""
    before = gc.get_threshold()
    gc.callbacks.extend(callbacks)
    gc.set_threshold(*THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        for callback in callbacks:
            gc.callbacks.remove(callback)
        gc.collect()


class Cycle:
    """Garbage that only a collection can find."""

    def __init__(self, at_end):
        self.itself = self
        self.at_end = at_end

    def __del__(self):
        self.at_end()
