"""Reporting: a stopwatch as text and as a picture."""

from __future__ import annotations

import importlib.util
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from polymeter.errors import MissingExtraError
from polymeter.timing.stopwatch.rows import plain, rows_of

if TYPE_CHECKING:
    import os

    from rich.table import Table

    from polymeter.timing.stopwatch.section import StopwatchSection

__all__ = ["Reporting"]


class Reporting(ABC):
    """What can be seen of a stopwatch. Reading it changes nothing; what runs is shown as far as it is."""

    __slots__ = ()

    def report(self, file: TextIO | None = None, *, rich: bool | None = None) -> None:
        """Print a table of all events.

        :param file: where to; ``None``: standard output.
        :param rich: with colours and lines where ``file`` is a terminal, by ``rich``; ``None``: if that is installed.
        :raises MissingExtraError: if that is asked for, and not there.
        """
        stream = sys.stdout if file is None else file
        if rich is None:
            rich = importlib.util.find_spec("rich") is not None
        if not rich:
            print(str(self), file=stream)
            return
        table = self.__rich__()
        from rich.console import Console

        Console(file=stream).print(table)

    def to_svg(self, *, width: int = 1000) -> str:
        """Give a timeline as SVG: a bar for each period, by section, on one axis of time.

        It has titles to hover, is light or dark as the viewer prefers, and refers to nothing outside of itself.

        :param width: in pixels; the height is as much as the events need.
        :raises DefinitionError: for a width that is too small.
        """
        from polymeter.timing.stopwatch.svg import svg

        return svg(self._shown(), width=width)

    def write_svg(self, path: str | os.PathLike[str], *, width: int = 1000) -> None:
        """Write the timeline into a file.

        :raises OSError: if that cannot be written.
        """
        Path(path).write_text(self.to_svg(width=width), encoding="utf-8", newline="\n")

    @abstractmethod
    def _shown(self) -> list[StopwatchSection]:
        """Give the sections that there are, each after the one that it is in."""

    def _repr_svg_(self) -> str:
        """Be shown in a notebook."""
        return self.to_svg()

    def _repr_html_(self) -> str:
        """Be shown in a notebook, where titles can be hovered."""
        return self.to_svg()

    def __rich__(self) -> Table:
        from polymeter.timing.stopwatch.rich_table import rich_table

        try:
            return rich_table(rows_of(self._shown()))
        except ImportError:
            message = "the table with colours needs rich: pip install 'polymeter[cli]', or print(str(stopwatch))"
            raise MissingExtraError(message) from None

    def __str__(self) -> str:
        return plain(rows_of(self._shown()))
