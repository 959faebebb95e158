"""What is still to be sent of an export of which a part has been.

The pump's cursor knows exports that succeeded; what a failed one had it gives again. If packets were sent before an
export failed, the rest of it waits here, and of what comes next only what is not in it is new. So nothing is sent twice
that is known to have been sent once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from polymeter.data.kind import Kind

if TYPE_CHECKING:
    from polymeter.data.metric import Metric
    from polymeter.data.snapshot import Snapshot

__all__ = ["Unfinished"]

_LEVELS: Final = frozenset({Kind.GAUGE, Kind.UP_DOWN})
"""Kinds of which a difference is the level itself, with the start of the series."""


class Unfinished(NamedTuple):
    """An export that was cut off.

    :ivar given: what it was given: the differences since the cursor of then.
    :ivar packets: what of that has not been sent.
    :ivar is_doubtful: whether it was tried again since, and nobody knows what became of it.
    """

    given: Snapshot
    packets: list[bytes]
    is_doubtful: bool = False

    def is_dropped_by(self, snapshot: Snapshot) -> bool:
        """Tell whether the cursor has moved past what is doubtful: then it is not to be sent again."""
        if not self.is_doubtful:
            return False
        before = [(metric, self.given.get(metric.key)) for metric in snapshot if metric.kind not in _LEVELS]
        return any(known is not None and known.start != metric.start for metric, known in before)

    def new_in(self, snapshot: Snapshot) -> list[Metric]:
        """Give what ``snapshot`` has beyond what is sent or waits.

        Of a series with another start nothing is: the cursor has moved since, or the series has begun anew.
        """
        new: list[Metric] = []
        for metric in snapshot:
            before = self.given.get(metric.key)
            is_more = before is not None and before.start == metric.start and before.unit == metric.unit
            new.append(metric.since(before) if is_more and before is not None else metric)
        return new
