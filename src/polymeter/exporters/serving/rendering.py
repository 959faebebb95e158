"""Rendering: one look at the metrics, shared by all who asked for the same before it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.errors import PolymeterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polymeter.exporters.serving.exposing import CanExpose

__all__ = ["BrokenOffError", "Rendering", "Wanted"]

_PIECE: Final = 32 * 1024
"""Bytes that go out together; slices may be as small as they like."""
_LEVEL: Final = 1
"""Of gzip: metrics become 15 times smaller at once, and little more at five times the price."""


class BrokenOffError(PolymeterError):
    """An answer was ended in its middle, because its reader was too slow for the memory that may be used."""


class Wanted(NamedTuple):
    """What a request asks for. Two that are equal can have the same answer.

    :ivar accept: the ``Accept`` header.
    :ivar names: of the series; none: all.
    :ivar gzip: whether compressed.
    """

    accept: str
    names: tuple[str, ...]
    gzip: bool


class Rendering:
    """Holds what has been rendered. It lives as long as somebody who asked for it does.

    :ivar is_begun: whether something may have been read: from then on it would be old news to who asks.
    :ivar is_done: whether nothing is to be waited for any more.
    :ivar has_failed: whether it ended without a result.
    :ivar size: bytes so far.
    """

    __slots__ = (
        "__weakref__",
        "_in_parts",
        "_is_cut",
        "_parts",
        "_pieces",
        "_slices",
        "content_type",
        "has_failed",
        "is_begun",
        "is_done",
        "size",
        "wanted",
    )

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.content_type = ""
        self.size = 0
        self.is_begun = self.is_done = self.has_failed = self._is_cut = False
        self._pieces: list[bytes] = []
        self._parts: list[bytes] = []  # of the next piece
        self._in_parts = 0
        self._slices: Iterator[bytes] | None = None

    def step(self, exposer: CanExpose) -> None:
        """Render one slice. What that raises is raised, and is the end; it must not be called after the end."""
        is_over = True  # whatever interrupts this: nobody waits for it for ever
        try:
            if self._slices is None:
                exposition = exposer.exposition(self.wanted.accept, names=self.wanted.names)
                self.content_type = exposition.content_type
                self._slices = _compressed(exposition) if self.wanted.gzip else iter(exposition)
            piece = next(self._slices, None)
            if piece is None:
                self._join()
            else:
                self._parts.append(piece)
                self.size += len(piece)
                self._in_parts += len(piece)
                if self._in_parts >= _PIECE:
                    self._join()
                is_over = False
        except BaseException:
            self.has_failed = True
            self._pieces = []
            raise
        finally:
            if is_over:
                self._slices = None
                self._parts = []
                self.is_done = True

    def _join(self) -> None:
        if self._in_parts:
            self._pieces.append(b"".join(self._parts))
        self._parts = []
        self._in_parts = 0

    def cut(self) -> None:
        """Give up what was rendered; whoever has not got all of it gets no more."""
        self._is_cut = True
        self._pieces = []

    def pieces(self) -> Iterator[bytes]:
        """Give what was rendered, piece by piece, once it is done.

        :raises BrokenOffError: when it has been cut.
        """
        place = 0
        while True:
            pieces = self._pieces
            if self._is_cut:
                message = "the answer is broken off: its reader was too slow"
                raise BrokenOffError(message)
            if place >= len(pieces):
                return
            piece = pieces[place]
            del pieces  # so that to be cut makes room, although a reader waits here
            yield piece
            place += 1


def _compressed(slices: Iterable[bytes]) -> Iterator[bytes]:
    import zlib  # not every Python has it, and not everybody asks for it

    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: with the frame of gzip
    for each in slices:
        yield deflate.compress(each)
    yield deflate.flush()
