"""TextfileExporter: to a file that the textfile collector of node_exporter reads."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from polymeter.errors import DefinitionError
from polymeter.exporters.prometheus import PrometheusExporter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import Temporality
    from polymeter.data.definition import MetricDefinition
    from polymeter.data.metric import Metric

__all__ = ["TextfileExporter"]


class TextfileExporter:
    """Writes everything to a file, which at any moment holds one whole export: the one that ended last.

    That is so with several writers, too; each of them then replaces what the others wrote. The file's mode is 0644,
    less what the umask forbids.
    """

    temporality: Temporality = "cumulative"
    is_quick: ClassVar[bool] = True

    def __init__(
        self, path: str | os.PathLike[str], *, fsync: bool = False, prometheus: PrometheusExporter | None = None
    ) -> None:
        """Make an exporter; nothing is written yet.

        :param path: has to end in ``.prom``. Its folder is not made; a relative one is that of now.
        :param fsync: whether to wait until the disk has it, so that a power cut cannot leave an empty file.
        :param prometheus: what renders; default: ``PrometheusExporter()``.
        :raises DefinitionError: for a name that nobody would read.
        """
        self._path = Path(path).absolute()  # the process may change its folder
        if self._path.suffix != ".prom":
            message = f"{self._path.name!r} has to end in .prom: node_exporter reads no other files"
            raise DefinitionError(message)
        self._fsync = fsync
        self._text = prometheus or PrometheusExporter()

    def export(self, snapshot: Iterable[Metric], /) -> None:
        """Replace the file.

        :raises OSError: if that failed; the file is then as it was.
        """
        body = self._text.render(snapshot).encode()
        # In the same folder: a file can be renamed in one step only within a file system. Nobody reads it by this name.
        beside = self._path.with_name(f".polymeter-{secrets.token_hex(8)}.tmp")
        try:
            self._write(beside, body)
            beside.replace(self._path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    def names(self, definition: MetricDefinition) -> tuple[str, ...]:
        """Give the name of a metric in Prometheus."""
        return self._text.names(definition)

    def _write(self, path: Path, body: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags, 0o644), "wb") as file:  # noqa: PTH123 - made with its mode
            file.write(body)
            if self._fsync:
                file.flush()
                os.fsync(file.fileno())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"
