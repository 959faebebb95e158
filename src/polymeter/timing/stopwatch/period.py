"""StopwatchPeriod: from one start to its stop."""

from __future__ import annotations

from typing import final

__all__ = ["StopwatchPeriod", "as_read"]


def as_read(milliseconds: float, *, more_precision: bool) -> float:
    """Give a time as it is read: rounded to 0.1 ms, and then, unless more precision is wanted, its whole milliseconds.

    Those are an ``int``.
    """
    rounded = round(milliseconds, 1) + 0.0  # never -0.0
    return rounded if more_precision else int(rounded)


@final
class StopwatchPeriod:
    """A time that was measured, in milliseconds since the origin of its section. It does not change.

    :ivar start_time: whole milliseconds; rounded to 0.1 ms where the stopwatch has more precision.
    :ivar end_time: in the same way.
    :ivar duration: the difference of these two.
    :ivar began: not rounded.
    :ivar ended: not rounded.
    :ivar memory: bytes in use when it was stopped; ``None`` if that was not to be known.
    :ivar where: name of the task, or thread, that started it.
    """

    __slots__ = ("began", "duration", "end_time", "ended", "memory", "start_time", "where")

    def __init__(
        self, began: float, ended: float, *, memory: int | None = None, where: str = "", more_precision: bool = False
    ) -> None:
        self.began = began
        self.ended = ended
        self.memory = memory
        self.where = where
        start, end = round(began, 1) + 0.0, round(ended, 1) + 0.0  # never -0.0
        self.start_time: float = start if more_precision else int(start)
        self.end_time: float = end if more_precision else int(end)
        self.duration: float = round(end - start, 1) if more_precision else self.end_time - self.start_time

    def __repr__(self) -> str:
        return f"<StopwatchPeriod {self.start_time}..{self.end_time} ms>"
