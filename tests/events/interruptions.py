"""A signal handler that raises, at every point at which one may run."""

from __future__ import annotations

import itertools
import sys


class Interruption(BaseException):
    """What the handler raises."""


def interrupted_everywhere(prepare, *modules):
    """Interrupt a piece of work at its first point, another one at its second, and so on until one comes through.

    :param prepare: called before each try; gives the work, a callable, and something to look at.
    :param modules: in whose code the work is interrupted.
    :return: of each try that was interrupted, what there is to look at.
    """
    for number in itertools.count():
        work, after = prepare()
        raising = Raising(number, {module.__file__ for module in modules})
        sys.setprofile(raising)
        try:
            work()
        except Interruption:
            pass
        finally:
            sys.setprofile(None)
        if raising.left >= 0:
            assert number, "there was nothing to interrupt"
            return
        yield after


class Raising:
    """Raises once, where Python calls signal handlers: when a function begins or a call into C ends."""

    def __init__(self, number, files):
        self.left = number
        self.files = files

    def __call__(self, frame, event, _):
        if event in {"call", "c_return"} and frame.f_code.co_filename in self.files:
            self.left -= 1
            if self.left < 0:
                sys.setprofile(None)
                raise Interruption
