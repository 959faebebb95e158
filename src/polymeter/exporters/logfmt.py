"""LogfmtExporter: to a file, a stream or a logger, as ``key=value`` pairs."""

from __future__ import annotations

import json
import logging
import math
import re
from typing import TYPE_CHECKING, Final

from polymeter.data.histogram import ReadsDistribution
from polymeter.data.snapshot import Snapshot
from polymeter.exporters.appending import lines_to

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric
    from polymeter.exporters.appending import TextTarget

__all__ = ["LogfmtExporter", "logfmt_lines"]

_OURS: Final = frozenset({"taken_at", "metric", "kind", "value", "count", "sum", "min", "max", "p50", "p99", "unit"})
_SPECIAL: Final = re.compile(r'[\s"=\\\x00-\x1f\x7f-\x9f]')
_LEFT_BY_JSON: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


class LogfmtExporter:
    """Writes one line of ``key=value`` pairs per metric: what it is, its numbers, then its tags.

    A tag keeps its name, unless that is a key of ours or taken already: then it is ``tag_NAME``. In a name, characters
    that cannot be in a key become ``_``. Values are quoted where they have to be, with the escapes of JSON. A number
    that is not known (no observation, the extremes of a difference) is left out.
    """

    def __init__(
        self,
        destination: str | os.PathLike[str] | TextTarget | logging.Logger | None = None,
        level: int = logging.INFO,
        *,
        temporality: Temporality = "cumulative",
    ) -> None:
        """Make an exporter.

        :param destination: a file, made by the first export; an open text stream; a logger, which gets one record per
            metric; default: what ``sys.stdout`` is when exported.
        :param level: the level of a logger's records.
        :raises DefinitionError: for another destination.
        """
        self.temporality: Temporality = temporality
        self._level = level
        self._logger = destination if isinstance(destination, logging.Logger) else None
        self._lines = None if isinstance(destination, logging.Logger) else lines_to(destination)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Write everything in ``snapshot``.

        :raises OSError: if it cannot be written; the next export tries again.
        """
        if self._logger is not None:
            if self._logger.isEnabledFor(self._level):
                for line in logfmt_lines(snapshot):
                    self._logger.log(self._level, "%s", line)
        elif self._lines is not None and (lines := "".join(f"{line}\n" for line in logfmt_lines(snapshot))):
            self._lines.append(lines)


def logfmt_lines(metrics: Iterable[Metric]) -> Iterator[str]:
    """Give one line per metric, without its end."""
    snapshot = Snapshot.of(metrics)
    for metric in snapshot:
        pairs = {
            "taken_at": _number(snapshot.taken_at or math.nan),  # 0 stands for no time at all
            "metric": metric.name,
            "kind": metric.kind.value,
            **_numbers(metric),
            "unit": metric.unit.symbol,
        }
        pairs = {key: value for key, value in pairs.items() if value}
        for name, value in metric.tags.canonical:
            pairs[_key(name, pairs)] = value
        yield " ".join(f"{key}={_value(value)}" for key, value in pairs.items())


def _numbers(metric: Metric) -> dict[str, str]:
    if not isinstance(metric, ReadsDistribution):
        return {"value": _number(metric.value)}
    readings = {
        "count": metric.count,
        "sum": metric.sum,
        "min": metric.min,
        "max": metric.max,
        "p50": metric.quantile(0.5),
        "p99": metric.quantile(0.99),
    }
    return {name: _number(reading) for name, reading in readings.items()}


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ""


def _key(name: str, taken: dict[str, str]) -> str:
    key = _SPECIAL.sub("_", name)
    while key in _OURS or key in taken:
        key = f"tag_{key}"
    return key


def _value(text: str) -> str:
    if text and not _SPECIAL.search(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _LEFT_BY_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
