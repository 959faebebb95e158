"""A count of calls that knows which of them are on their way."""

from __future__ import annotations

from polymeter.counting import AtomicCount

__all__ = ["Tally"]


class Tally:
    """Counts a call when it begins, and again when it has ended: one in between may count already, or not."""

    __slots__ = ("_begun", "_ended", "_marks", "begin", "end")

    def __init__(self) -> None:
        self._begun, self._ended = AtomicCount(), AtomicCount()
        self.begin, self.end = self._begun.add, self._ended.add
        self._marks = [(0, 0)]

    def least(self) -> int:
        """Give how many calls have certainly happened. To be read before what it is compared with."""
        return max(0, self._ended.value - max(begun for _, begun in self._marks))

    def most(self) -> int:
        """Give how many calls can have happened. To be read after what it is compared with."""
        ended = max(ended for ended, _ in self._marks)
        return self._begun.value - ended

    def ended(self) -> int:
        """Give how many calls have ended: to be given to :meth:`start_anew`."""
        return self._ended.value

    def start_anew(self, ended_before: int) -> None:
        """Forget the calls that had ended before a moment; those on their way then, and since, may count or not.

        :param ended_before: what :meth:`ended` gave at that moment.
        """
        self._marks.append((ended_before, self._begun.value))
