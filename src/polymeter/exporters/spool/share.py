"""Share: a part of the time that an export has."""

from __future__ import annotations

from polymeter.deadline import Deadline

__all__ = ["Share"]


class Share(Deadline):
    """Ends after some of what is left of another deadline, and with it when that is cancelled."""

    __slots__ = ("_whole",)

    def __init__(self, whole: Deadline, part: float) -> None:
        """:param part: of what ``whole`` has left, from 0 to 1."""
        super().__init__(whole.left * part, whole._clock)  # noqa: SLF001 - time is told by the same clock
        self._whole = whole

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody said to give up."""
        return self._whole.is_cancelled or super().is_cancelled

    def wait(self, seconds: float) -> bool:
        """Let ``seconds`` pass, or what is left; tell whether there is time for another try afterwards."""
        self._whole.wait(min(seconds, self.left))
        return not self.is_over
