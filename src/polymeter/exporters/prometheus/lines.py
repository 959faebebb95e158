"""Lines: all samples of one series as text, by what is the same for every series of a family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polymeter.exporters.prometheus.text import sample_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lines"]


class Lines:
    """The lines of one series, into which the block of labels and the values are put."""

    def __init__(self, samples: Sequence[tuple[str, str, str]]) -> None:
        """:param samples: of each line the name, the label that it has for itself, and how its value is written."""
        heads = [(sample_text(name, labelled=True, extra=extra), form) for name, extra, form in samples]
        starts = [_no_form(before) for (before, _), _ in heads]
        ends = [f"{_no_form(after)} {form}\n" for (_, after), form in heads]
        between = [end + start for end, start in zip(ends, starts[1:], strict=False)]
        self._parts = [starts[0], *between, ends[-1]]
        alone = [(sample_text(name, labelled=False, extra=extra)[0], form) for name, extra, form in samples]
        self._alone = "".join(f"{_no_form(text)} {form}\n" for text, form in alone)

    def of(self, block: str, values: tuple[Any, ...]) -> str:
        """Give the lines of a series."""
        if not block:
            return self._alone % values
        if "%" in block:
            block = _no_form(block)
        return block.join(self._parts) % values


def _no_form(text: str) -> str:
    return text.replace("%", "%%")
