"""Renderings: which one comes next, one slice at a time."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import ref

from polymeter.clock import SYSTEM_CLOCK, Clock
from polymeter.exporters.serving.rendering import Rendering, Wanted
from polymeter.forking import after_fork

if TYPE_CHECKING:
    from polymeter.exporters.serving.exposing import CanExpose

__all__ = ["HELD_BYTES", "HELD_RENDERINGS", "LOG_INTERVAL", "Renderings"]

HELD_BYTES: Final = 64 * 1024 * 1024
HELD_RENDERINGS: Final = 4
"""Slow readers may keep so many renderings, or so many bytes, whichever is more; then the oldest is cut."""
LOG_INTERVAL: Final = 60.0
"""Seconds between two lines in the log about renderings that failed."""


class Renderings:
    """Has the metrics rendered, one rendering after the other, in the order in which they were asked for.

    Whoever asks joins the rendering of the same that has not begun. So an answer is never older than its request, and
    however many ask at once, there is one look at the metrics for all who came while the one before went on.

    Nobody works here on their own: whoever waits calls :meth:`advance`. A rendering that nobody refers to any more is
    not begun, or not gone on with. Thread-safe.
    """

    def __init__(self, exposer: CanExpose, clock: Clock = SYSTEM_CLOCK) -> None:
        # Here, not where something is logged: an import could wait for another thread.
        import logging

        self._logger = logging.getLogger("polymeter.exporters")
        self._exposer = exposer
        self._clock = clock
        self._failures = 0
        self._logged_at: float | None = None
        self._start_anew()
        after_fork(self)

    def after_fork_in_child(self) -> None:
        """Forget what other threads of the parent were at."""
        self._start_anew()

    def _start_anew(self) -> None:
        self._looking = threading.Lock()  # at the books below; never while something is rendered
        self._turn = threading.Lock()  # of who renders
        self._waiting: dict[Wanted, ref[Rendering]] = {}
        self._current: ref[Rendering] | None = None
        self._held: list[ref[Rendering]] = []

    def join(self, wanted: Wanted) -> Rendering:
        """Give the rendering of ``wanted`` that has yet to begin; a new one, if there is none."""
        with self._looking:
            known = self._waiting.get(wanted)
            rendering = known() if known is not None else None
            if rendering is None or rendering.is_begun:
                self._waiting.pop(wanted, None)  # to the end of the row
                rendering = Rendering(wanted)
                self._waiting[wanted] = ref(rendering)
            return rendering

    @property
    def is_next_new(self) -> bool:
        """Whether the next slice is the first of a rendering: the one for which the metrics are read."""
        current = self._current
        rendering = None if current is None else current()
        return rendering is None or rendering.is_done

    def advance(self, patience: float = 0.0) -> bool:
        """Render one slice of what comes next; tell whether it was this thread's turn, or nothing is left to do.

        :param patience: seconds to wait for another thread that renders.
        """
        turn = self._turn
        if not (turn.acquire(timeout=patience) if patience > 0 else turn.acquire(blocking=False)):
            return False
        try:
            rendering = self._next()
            if rendering is not None:
                self._step(rendering)
        finally:
            turn.release()
        return True

    def _step(self, rendering: Rendering) -> None:
        try:
            rendering.step(self._exposer)
        except Exception as error:  # noqa: BLE001 - the visitor gets a 500, our host nothing
            self.log(error)
        if rendering.is_done:
            with self._looking:
                self._current = None
                self._held.append(ref(rendering))

    def _next(self) -> Rendering | None:
        with self._looking:
            rendering = self._current() if self._current is not None else None
            while rendering is None or rendering.is_done:  # done: its last step was interrupted
                if not self._waiting:
                    self._current = None
                    return None
                wanted, current = next(iter(self._waiting.items()))
                rendering = current()
                if rendering is not None:
                    rendering.is_begun = True
                    self._current = current  # first: who is interrupted here must not lose it
                    self._make_room()
                del self._waiting[wanted]
            return rendering

    def _make_room(self) -> None:
        kept = [(reference, held) for reference in self._held if (held := reference()) is not None]
        size = sum(held.size for _, held in kept)
        while len(kept) > HELD_RENDERINGS and size > HELD_BYTES:
            _, oldest = kept.pop(0)
            oldest.cut()
            size -= oldest.size
        self._held = [reference for reference, _ in kept]

    def log(self, error: Exception) -> None:
        """Say that something failed: by its type only, and once in a while."""
        self._failures += 1
        now = self._clock.monotonic()
        if self._logged_at is None or now - self._logged_at >= LOG_INTERVAL:
            self._logged_at = now
            with suppress(Exception):  # a handler or filter of the user's
                self._logger.warning(
                    "a request for metrics failed: %s (%d failures so far; logged at most once per %.0f s)",
                    type(error).__qualname__,
                    self._failures,
                    LOG_INTERVAL,
                )
