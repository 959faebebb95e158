"""Bounds for classic Prometheus histograms, where a definition does not say its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.data.units import Unit

__all__ = ["default_bounds"]

# The client libraries' default of web requests, carried on to the minutes that a model may think.
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 25.0, 50.0, 100.0)
_POWERS_OF_FOUR: Final = tuple(float(4**n) for n in range(14))
_BY_BASE: Final[Mapping[str, tuple[float, ...]]] = {
    "s": _SECONDS,
    "bytes": tuple(float(4**n) for n in range(3, 17)),
    "ratio": (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 1.0),
    "tokens": _POWERS_OF_FOUR,
}
# The default of OpenTelemetry's histograms.
_OTHER: Final = (0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0)


def default_bounds(unit: Unit) -> tuple[float, ...]:
    """Give the bounds for a unit, in base units."""
    return _BY_BASE.get(unit.base, _OTHER)
