"""Room 6, when it goes: one pump per facade decides when exports run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.pump.exports import PATIENCE
    from polymeter.pump.health import ExporterHealth
    from polymeter.pump.pump import EXIT_BUDGET, Pump
else:
    __getattr__, __dir__ = lazily(
        __name__, {"exports": "PATIENCE", "health": "ExporterHealth", "pump": "EXIT_BUDGET Pump"}
    )

__all__ = ["EXIT_BUDGET", "PATIENCE", "ExporterHealth", "Pump"]
