"""SpoolHealth: what became of what was kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SpoolHealth"]


@dataclass(frozen=True, slots=True)
class SpoolHealth:
    """How a spool is: counts since the exporter was made, and what is in the folder now.

    :ivar delivered: files of other processes that this one has delivered.
    :ivar dropped: files that fell out undelivered, by reason: ``age``, ``bytes`` and ``number`` (the bounds),
        ``damaged``, ``rejected`` (by the back end, for good), ``ambiguous`` (it may have arrived).
    :ivar damaged: series that were missing in files that were delivered all the same.
    :ivar failed: how often a file could not be written, read or removed, by error (``ENOSPC``, ``full``, ...).
    :ivar waiting: files in the folder now, those of live processes included; ``None`` if it cannot be read.
    :ivar waiting_bytes: how large they are together.
    """

    delivered: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    damaged: int = 0
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    waiting: int | None = 0
    waiting_bytes: int = 0

    @property
    def is_well(self) -> bool:
        """Whether nothing was lost and nothing failed."""
        return not (self.dropped or self.damaged or self.failed)
