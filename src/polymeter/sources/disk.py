"""DiskSource: how full the file systems of some paths are."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from polymeter.errors import DefinitionError
from polymeter.events.runtime import DiskSampled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polymeter.contracts import CanDispatchEvents

__all__ = ["DiskSource"]


class DiskSource:
    """Tells a :class:`~polymeter.events.runtime.DiskSampled` for each path before each snapshot.

    A path that cannot be asked (not mounted, no permission) is told with the reason, and keeps no other from being.
    """

    def __init__(self, paths: Iterable[str] = (os.sep,)) -> None:
        """Make one.

        :param paths: any paths on the file systems that are meant.
        :raises DefinitionError: for one str, or no path at all.
        """
        if isinstance(paths, str):
            message = f"paths={paths!r} is one str; for one path write paths=({paths!r},)"
            raise DefinitionError(message)
        self._paths = [os.fspath(each) for each in paths]
        if not self._paths:
            message = "DiskSource(paths=[]): give at least one path, such as '/'"
            raise DefinitionError(message)

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` how full they are."""
        sampled = events.emitter(DiskSampled)
        if not sampled.listening:
            return
        for path in self._paths:
            sampled(_sampled(path))


def _sampled(path: str) -> DiskSampled:
    try:
        usage = shutil.disk_usage(path)
        mountpoint = _mountpoint_of(path)
    except OSError as error:
        return DiskSampled(path=path, error_type=type(error).__name__)
    return DiskSampled(
        path=path, mountpoint=mountpoint, total_bytes=usage.total, used_bytes=usage.used, free_bytes=usage.free
    )


def _mountpoint_of(path: str) -> str:
    place = os.path.realpath(path)
    while not os.path.ismount(place):  # Path.is_mount() is not for Windows before 3.12
        place = os.path.dirname(place)  # noqa: PTH120
    return place
