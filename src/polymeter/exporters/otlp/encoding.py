"""What an encoding of OTLP has to be able to write; there are two, protobuf and JSON."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from polymeter.exporters.otlp.attributes import AttributesOf, Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polymeter.data.distribution import Distribution
    from polymeter.exporters.otlp.attributes import AttributeValue
    from polymeter.exporters.otlp.exemplars import Shown
    from polymeter.exporters.otlp.explicit import Explicit
    from polymeter.exporters.otlp.streams import Shape, Stream

__all__ = ["CUMULATIVE", "DELTA", "NO_RECORDED_VALUE", "Encoding", "Numbers", "Observed", "nanoseconds"]

DELTA: Final = 1
CUMULATIVE: Final = 2
NO_RECORDED_VALUE: Final = 1
"""The flag of a point that says that its series has ended."""

_MOST_NANOSECONDS: Final = (1 << 64) - 1

Numbers: TypeAlias = "Iterable[tuple[Block, float, float, float, Sequence[Shown]]]"
"""Points of one number: attributes, start and time (Unix seconds; 0: none), value, exemplars."""

Observed: TypeAlias = "Iterable[tuple[Block, float, float, Distribution, Sequence[Shown]]]"
"""Points of a distribution, likewise."""


@lru_cache(maxsize=4096)
def nanoseconds(at: float) -> int:
    """Give Unix seconds as OTLP has them; 0 for a time that cannot be."""
    return min(round(at * 1e9), _MOST_NANOSECONDS) if 0 < at < 1e12 else 0  # noqa: PLR2004 - NaN and infinities neither


class Encoding(Protocol[Block]):
    """Writes messages. ``Block`` is a piece of one."""

    @property
    def content_type(self) -> str:
        """Of a request."""
        ...

    def attributes(self, shape: Shape) -> AttributesOf[Block]:
        """Give what encodes the attributes of points of a shape."""
        ...

    def numbers(self, points: Numbers[Block]) -> list[Block]:
        """Give points of sums and gauges."""
        ...

    def exponential(self, points: Observed[Block], most: int | None, *, extremes: bool) -> list[Block]:
        """Give points of exponential histograms.

        :param extremes: whether minimum and maximum are shown.
        """
        ...

    def explicit(self, points: Observed[Block], explicit: Explicit, *, extremes: bool) -> list[Block]:
        """Give points of explicit histograms."""
        ...

    def ended(self, block: Block, shape: Shape, at: float) -> Block:
        """Give the point that says that a series has ended."""
        ...

    def metric(self, stream: Stream, points: list[Block], temporality: int) -> Block:
        """Give a metric with its points."""
        ...

    def request(self, resource: Iterable[tuple[str, AttributeValue]], version: str, metrics: list[Block]) -> bytes:
        """Give a whole request."""
        ...
