"""A signal handler that raises, wherever Python could call one."""

from __future__ import annotations

import sys

__all__ = ["Calling", "Interrupted", "RaisingAt"]


class Interrupted(BaseException):
    """Like ``KeyboardInterrupt``, no error."""


class RaisingAt:
    """Raises where Python calls signal handlers, the ``n``-th time: when a function begins or a call into C ends.

    :ivar left: how many more of these places would have had to come; 0 or less: it has raised.
    """

    def __init__(self, n):
        self.left = n

    def __call__(self, frame, event, argument):
        if event in {"call", "c_return"} and argument is not sys.setprofile:
            self.left -= 1
            if self.left == 0:
                sys.setprofile(None)
                self.act()

    def act(self):
        raise Interrupted

    def __enter__(self):
        sys.setprofile(self)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)


class Calling(RaisingAt):
    """Calls something there instead, which may do what it likes."""

    def __init__(self, n, called):
        super().__init__(n)
        self.called = called

    def act(self):
        self.called()
