"""LogExporter: to the standard library's logging."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from polymeter.data.snapshot import Snapshot
from polymeter.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric

__all__ = ["LogExporter"]


class LogExporter:
    """Writes one log record per metric: its text as the message, its ``to_dict()`` as ``record.metric``."""

    def __init__(
        self,
        logger: logging.Logger | None = None,
        level: int | str = logging.INFO,
        *,
        temporality: Temporality = "cumulative",
    ) -> None:
        """Make an exporter.

        :param logger: default: the logger ``polymeter.metrics``.
        :param level: a level of the logging module, as number or name.
        :raises DefinitionError: for a level that does not exist.
        """
        number = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
        if number is None:
            message = f"there is no log level {level!r}: use one of {', '.join(logging.getLevelNamesMapping())}"
            raise DefinitionError(message)
        self.temporality: Temporality = temporality
        self._logger = logging.getLogger("polymeter.metrics") if logger is None else logger
        self._level = number

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Write everything in ``snapshot``."""
        if self._logger.isEnabledFor(self._level):
            for metric in Snapshot.of(snapshot):
                self._logger.log(self._level, "%s", metric, extra={"metric": metric.to_dict()})
