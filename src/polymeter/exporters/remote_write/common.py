"""CommonLabels: labels that every series has, beside its own."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.exporters.prometheus.naming import Labels

__all__ = ["CommonLabels"]


class CommonLabels:
    """Puts the labels of the sender among those of a series; the block of a series is its labels."""

    def __init__(self, common: Labels) -> None:
        """:param common: at least two; no series has one of the same name."""
        self._common = common

    def block(self, labels: Labels) -> Labels:
        """Give all labels."""
        return tuple(sorted((*labels, *self._common)))

    def writer(self, names: Sequence[str]) -> Callable[[Sequence[str]], Labels]:
        """Give what makes the same from the texts of labels with these names."""
        unsorted = (*names, *(name for name, _ in self._common))
        texts_of_common = tuple(text for _, text in self._common)
        order = sorted(range(len(unsorted)), key=unsorted.__getitem__)
        pick = itemgetter(*order)
        sorted_names = pick(unsorted)

        def write(texts: Sequence[str]) -> Labels:
            return tuple(zip(sorted_names, pick((*texts, *texts_of_common)), strict=True))

        return write
