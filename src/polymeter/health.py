"""Health: how a whole chain is. Imported when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polymeter.events import ListenerHealth
    from polymeter.pump import ExporterHealth
    from polymeter.registries import RegistryHealth

__all__ = ["Health"]


@dataclass(frozen=True, slots=True)
class Health:
    """How everything is, with the counts that make the two conservation laws checkable.

    :ivar registry: ``records == applied + invalid + denied``; ``None`` if the registry does not say.
    :ivar listeners: each ``deliveries == handled + failed + quarantined + stopped``.
    :ivar exporters: what became of the exports.
    :ivar polls_failed: how often a polled source raised.
    """

    registry: RegistryHealth | None = None
    listeners: Sequence[ListenerHealth] = ()
    exporters: Sequence[ExporterHealth] = ()
    polls_failed: int = 0

    @property
    def is_well(self) -> bool:
        """Whether nothing failed and nothing was refused."""
        refused = self.registry.invalid + self.registry.denied if self.registry is not None else 0
        unheard = sum(each.failed + each.quarantined for each in self.listeners)
        return not (
            refused or unheard or self.polls_failed or any(each.failed or each.ambiguous for each in self.exporters)
        )
