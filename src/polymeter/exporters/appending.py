"""Where lines of text go: to the end of a file, or to a text stream."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol, TypeAlias

from polymeter.errors import DefinitionError

__all__ = ["FileEnd", "LinesTo", "TextStream", "TextTarget", "lines_to"]


class LinesTo(Protocol):
    """Takes whole lines."""

    def append(self, lines: str) -> None:
        r"""Write ``lines``, which end in ``\n``, at once."""
        ...


class TextTarget(Protocol):
    """What is needed of a text stream."""

    def write(self, text: str, /) -> object:
        """Write ``text``."""
        ...

    def flush(self) -> object:
        """Send what was written."""
        ...


Destination: TypeAlias = "str | os.PathLike[str] | TextTarget"


class FileEnd:
    """Appends to a file, UTF-8, with one write each time.

    The file is open only while it is written to. So one that was moved away (log rotation) is made anew, a forked child
    shares nothing with its parent, and nothing is left open at the end. The lines of several processes and threads do
    not mix, where the file system appends atomically: local ones on POSIX systems do, NFS and Windows do not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """:param path: made if it does not exist, its folder not; a relative one is that of now."""
        self._path = Path(path).absolute()  # the process may change its folder
        self._torn = False

    def append(self, lines: str) -> None:
        """Write ``lines`` at the end.

        :raises OSError: if the file cannot be opened, or did not take everything.
        """
        data = lines.encode("utf-8", "replace")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        opened = os.open(self._path, flags, 0o666)
        try:
            if self._torn and os.fstat(opened).st_size:
                data = b"\n" + data  # the rest of a line that was cut off stays by itself
            # The rest is not written afterwards: another process may have written meanwhile.
            written = os.write(opened, data)
        finally:
            os.close(opened)
        self._torn = written < len(data)
        if self._torn:
            message = f"{self._path} took {written} of {len(data)} bytes"
            raise OSError(message)


class TextStream:
    """Writes to a text stream and flushes it; never closes it."""

    def __init__(self, stream: TextTarget | None = None) -> None:
        """:param stream: default: what ``sys.stdout`` is at the time."""
        self._stream = stream

    def append(self, lines: str) -> None:
        """Write ``lines``; characters that the stream's encoding does not have become ``?``."""
        stream: TextTarget = sys.stdout if self._stream is None else self._stream
        encoding: str = getattr(stream, "encoding", None) or "utf-8"
        stream.write(lines.encode(encoding, "replace").decode(encoding))
        stream.flush()


def lines_to(destination: Destination | None) -> LinesTo:
    """Give what writes to ``destination``: a path, an open text stream, or ``None`` for standard output.

    :raises DefinitionError: for anything else.
    """
    if isinstance(destination, str | os.PathLike):
        return FileEnd(destination)
    if destination is None or (hasattr(destination, "write") and hasattr(destination, "flush")):
        return TextStream(destination)
    message = f"cannot write lines to {destination!r}: give a path or an open text stream"
    raise DefinitionError(message)
