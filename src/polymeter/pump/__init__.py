"""Room 6, when it goes: one pump per facade decides when exports run."""

from __future__ import annotations

from polymeter.pump.delivery import ExporterHealth
from polymeter.pump.pump import EXIT_BUDGET, PATIENCE, Pump

__all__ = ["EXIT_BUDGET", "PATIENCE", "ExporterHealth", "Pump"]
