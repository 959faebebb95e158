"""Blocks: which run a block belongs to that is left, where many are inside the same object."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from polymeter.timing.runs import Run

__all__ = ["Blocks"]


class _Entered:
    """One block.

    :ivar before: the block around it, in the same thread or task.
    """

    __slots__ = ("before", "blocks", "key", "run")

    def __init__(self, blocks: Blocks, key: int, run: Run | None, before: _Entered | None) -> None:
        self.blocks = blocks
        self.key = key
        self.run = run
        self.before = before


_innermost: Final[ContextVar[_Entered | None]] = ContextVar("polymeter_block", default=None)


class Blocks:
    """The blocks that one object is around, in any number of threads and tasks at once.

    The block that is left is the innermost of this thread or task. A generator that was entered in one context and is
    closed in another (an event loop does that) leaves the newest one that there is.
    """

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: list[_Entered] = []

    def enter(self, run: Run | None, key: int = 0) -> None:
        """Enter a block.

        :param run: what it ends; ``None`` if nobody wants to know.
        :param key: tells objects apart that share this.
        """
        entered = _Entered(self, key, run, _innermost.get())
        self._open.append(entered)
        _innermost.set(entered)

    def leave(self, error: BaseException | None, key: int = 0) -> None:
        """Leave a block, by ``error`` if there is one, and end its run."""
        run = self.pop(key)
        if run is None:
            return
        if error is None:
            run.end("ok")
        else:
            run.failed(error)

    def pop(self, key: int = 0) -> Run | None:
        """Leave a block, and give its run."""
        entered = innermost = _innermost.get()
        while entered is not None and not (entered.blocks is self and entered.key == key and entered in self._open):
            entered = entered.before
        if entered is None:
            entered = next((each for each in reversed(self._open) if each.key == key), None)
        if entered is None:
            return None
        try:
            self._open.remove(entered)
        except ValueError:  # another thread has just left it
            return None
        if entered is innermost:
            _innermost.set(entered.before)
        return entered.run
