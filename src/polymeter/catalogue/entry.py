"""CatalogueEntry: one metric of a catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.kind import Kind

__all__ = ["CatalogueEntry"]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One metric.

    :ivar unit: as its values read; empty for none.
    :ivar help: one sentence for humans; empty if nobody wrote one.
    :ivar tags: name of a tag -> all values that it can have, as text; ``None`` if that can be anything.
    :ivar names: back end -> what the metric is called there, several names if it has several.
    """

    name: str
    kind: Kind
    unit: str = ""
    help: str = ""
    tags: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict[str, "tuple[str, ...] | None"])
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON can hold it."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "unit": self.unit,
            "help": self.help,
            "tags": {tag: None if domain is None else list(domain) for tag, domain in self.tags.items()},
            "names": {back_end: list(names) for back_end, names in self.names.items()},
        }

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"
