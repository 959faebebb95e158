"""Explicit histograms: counts up to bounds, where a back end does not know exponential ones."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from polymeter.exporters.prometheus import buckets as prometheus
from polymeter.exporters.prometheus.projection import Projection

if TYPE_CHECKING:
    from polymeter.data.distribution import Distribution
    from polymeter.data.units import Unit

__all__ = ["Explicit", "default_bounds"]

# Of the SDK's default aggregation, meant as milliseconds: "Explicit bucket histogram aggregation" in its specification.
_SECONDS: Final = (0.0, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


def default_bounds(unit: Unit) -> tuple[float, ...]:
    """Give the bounds for a unit, where a definition has none: those of OpenTelemetry.

    For bytes, tokens and ratios, where those would say nothing, they are the ones that Prometheus is shown.
    """
    return _SECONDS if unit.is_time else prometheus.default_bounds(unit)


class Explicit:
    """Counts the observations between bounds.

    :ivar bounds: ascending, finite.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        # Of what is not negative, zeros alone are up to 0; the rest is counted up to all bounds in one pass.
        self._begins_at_zero = bounds[:1] == (0.0,)
        self._project = Projection(bounds[self._begins_at_zero :]).of

    def counts(self, distribution: Distribution) -> list[int]:
        """Give how many are in ``(bounds[i-1], bounds[i]]``: one more than there are bounds."""
        if distribution.bounds == self.bounds and distribution.bound_counts:
            return list(distribution.bound_counts)
        if not self._begins_at_zero:
            up_to = self._project(distribution)
        elif distribution.negative.counts or distribution.bounds:
            up_to = distribution.project(self.bounds)
        else:
            up_to = [distribution.zeros, *self._project(distribution)]
        return [above - below for below, above in pairwise((0, *up_to, distribution.count))]
