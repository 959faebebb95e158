"""Labelling: the labels of a series as one block of text or bytes, by what is the same for all with its tag names.

For who has to put a label among the others the block is the labels themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from polymeter.exporters.prometheus.naming import Labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polymeter.exporters.prometheus.naming import Naming

__all__ = ["Block", "Blocks", "Labelling", "Shape"]

Block = TypeVar("Block", str, bytes, Labels)
_Written_co = TypeVar("_Written_co", covariant=True)
Write: TypeAlias = "Callable[[Sequence[str]], Block]"


class Blocks(Protocol[_Written_co]):
    """How a format writes labels."""

    def block(self, labels: Labels) -> _Written_co:
        """Give the block of labels whose names are escaped already."""
        ...

    def writer(self, names: Sequence[str]) -> Callable[[Sequence[str]], _Written_co]:
        """Give what makes the same block from the texts of labels with these names."""
        ...


class Shape(NamedTuple, Generic[Block]):
    """What series with the same tag names share.

    :ivar names: their labels, sorted.
    :ivar write: texts in the order of the tags -> block; ``None`` if two tags are one label.
    """

    names: tuple[str, ...]
    write: Write[Block] | None


class Labelling(Generic[Block]):
    """Gives blocks. For one rendering: it keeps a shape for each set of tag names that it has met."""

    def __init__(self, naming: Naming, blocks: Blocks[Block]) -> None:
        self.naming = naming
        self.block_of_none: Block = blocks.block(())
        self._blocks: Blocks[Block] = blocks
        self._shapes: dict[tuple[str, ...], Shape[Block]] = {}

    def block(self, labels: Labels) -> Block:
        """Give the block of labels whose names are escaped already."""
        block: Block = self._blocks.block(labels)
        return block

    def shape(self, tags: tuple[str, ...]) -> Shape[Block]:
        """Give the shape of series with these tag names, sorted."""
        shape = self._shapes.get(tags)
        if shape is None:
            shape = self._shapes[tags] = self._new(tags)
        return shape

    def _new(self, tags: tuple[str, ...]) -> Shape[Block]:
        labels = [self.naming.label(tag) for tag in tags]
        names = tuple(sorted(labels))
        if len(set(labels)) < len(labels):
            return Shape(names, None)
        write: Write[Block] = self._blocks.writer(names)
        if list(names) == labels:
            return Shape(names, write)
        order = [labels.index(name) for name in names]

        def write_sorted(texts: Sequence[str]) -> Block:
            return write([texts[place] for place in order])

        return Shape(names, write_sorted)
