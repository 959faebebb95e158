"""JsonLinesExporter: to a file or a stream, one JSON object per line."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

from polymeter.data.snapshot import Snapshot
from polymeter.errors import DefinitionError
from polymeter.exporters.appending import lines_to

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.metric import Metric
    from polymeter.exporters.appending import TextTarget

__all__ = ["JsonLinesExporter", "json_lines"]


class JsonLinesExporter:
    """Appends one JSON object per metric: its ``to_dict()``, and ``taken_at``, ``resource`` and ``writer``.

    The JSON is strict: what is not a finite number is ``null``, and what is not ASCII is escaped, so that a line is one
    line to every reader. An export is one write. A file is open only while it is written to.
    """

    def __init__(
        self, path_or_stream: str | os.PathLike[str] | TextTarget, *, temporality: Temporality = "cumulative"
    ) -> None:
        """Make an exporter.

        :param path_or_stream: a file, made by the first export; or an open text stream.
        :raises DefinitionError: for what is neither.
        """
        if path_or_stream is None:  # pyright: ignore[reportUnnecessaryComparison]
            message = "cannot write lines to None: give a path or an open text stream"
            raise DefinitionError(message)
        self.temporality: Temporality = temporality
        self._lines = lines_to(path_or_stream)

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Append everything in ``snapshot``.

        :raises OSError: if it cannot be written; the next export tries again.
        """
        if lines := json_lines(snapshot):
            self._lines.append(lines)


def json_lines(metrics: Iterable[Metric]) -> str:
    """Give one line of JSON per metric."""
    snapshot = Snapshot.of(metrics)
    common = {"taken_at": snapshot.taken_at, "resource": dict(snapshot.resource.canonical), "writer": snapshot.writer}
    lines = (json.dumps(_strict({**metric.to_dict(), **common}), allow_nan=False) for metric in snapshot)
    return "".join(f"{line}\n" for line in lines)


def _strict(value: Any) -> Any:
    """Give ``value`` as JSON can hold it."""
    if isinstance(value, dict):
        return {_strict(key): _strict(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):  # a lone surrogate is no text to a strict reader
        return value.encode("utf-8", "replace").decode()
    return value
