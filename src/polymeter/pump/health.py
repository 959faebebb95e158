"""ExporterHealth: what became of the exports to one exporter. Imported when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExporterHealth"]


@dataclass(frozen=True, slots=True)
class ExporterHealth:
    """What became of the exports to one exporter.

    :ivar exporter: name of its class.
    :ivar succeeded: exports that returned.
    :ivar failed: exports that raised, or did not come back in time; what they carried is in the next one.
    :ivar ambiguous: exports of which nobody knows whether they arrived.
    :ivar reasons: how many of the latter two, by reason: see :class:`~polymeter.errors.DeliveryError`.
    :ivar is_held_back: whether it is left alone for a while now, after failures in a row or because it asked for that.
    :ivar last_success_at: Unix seconds; ``None`` before the first.
    :ivar last_error: type of the last exception; never its message, which may quote an address or a key.
    """

    exporter: str
    succeeded: int
    failed: int
    ambiguous: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    is_held_back: bool = False
    last_success_at: float | None = None
    last_error: str | None = None
