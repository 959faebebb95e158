"""How a row is measured: contenders take turns, and the medians are compared.

Absolute times depend on the machine and on what else it does; a ratio of medians of interleaved repeats hardly does.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPEATS = 15


@dataclass(frozen=True)
class Row:
    """One comparison.

    :ivar name: what is compared.
    :ivar ours: does the work once when called, with everything included (drain, final read).
    :ivar peer: the same by somebody else.
    :ivar per: operations in one call, to give the time of one.
    :ivar target: the largest ratio that we want; ``None`` if there is none.
    """

    name: str
    ours: Callable[[], object]
    peer: Callable[[], object]
    peer_name: str
    per: int = 1
    target: float | None = None
    clock: Callable[[], float] = time.process_time  # of the CPU: what else runs on the machine does not count


@dataclass(frozen=True)
class Result:
    """What a row came to, in seconds or bytes per operation."""

    name: str
    peer_name: str
    ours: float
    peer: float
    target: float | None
    unit: str = "s"
    note: str = field(default="")

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.peer

    @property
    def verdict(self) -> str:
        """Whether the target was met."""
        if self.target is None:
            return ""
        return "yes" if self.ratio <= self.target else "no"


def measured(row: Row, repeats: int = REPEATS) -> Result:
    """Run both contenders in turns, ``repeats`` times each."""
    times: dict[str, list[float]] = {"ours": [], "peer": []}
    row.ours()
    row.peer()
    for turn in range(repeats):
        contenders = [("ours", row.ours), ("peer", row.peer)]
        for name, run in contenders if turn % 2 else reversed(contenders):
            gc.collect()
            began = row.clock()
            run()
            times[name].append((row.clock() - began) / row.per)
    ours, peer = (statistics.median(times[name]) for name in ("ours", "peer"))
    return Result(row.name, row.peer_name, ours, peer, row.target)


def table(results: list[Result]) -> str:
    """Give the results as a Markdown table."""
    lines = ["| what | peer | ours | peer's | ratio | target | met |", "|---|---|--:|--:|--:|--:|---|"]
    for each in results:
        target = "" if each.target is None else f"<= {each.target:g}"
        ours, peer = _shown(each.ours, each.unit), _shown(each.peer, each.unit)
        lines.append(
            f"| {each.name} | {each.peer_name} | {ours} | {peer} | **{each.ratio:.3f}** | {target} | {each.verdict} |"
        )
    return "\n".join(lines) + "\n"


def _shown(value: float, unit: str) -> str:
    if unit == "B":
        return f"{value / 1e6:,.1f} MB"
    for factor, name in ((1e-6, "ns"), (1e-3, "us"), (1, "ms")):
        if value < factor:
            return f"{value * 1e9 / (1e9 * factor) * 1000:,.1f} {name}"
    return f"{value:,.2f} s"
