"""PythonSource: which Python this is."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from polymeter.events.runtime import PythonSampled

if TYPE_CHECKING:
    from polymeter.contracts import CanDispatchEvents

__all__ = ["PythonSource"]


class PythonSource:
    """Tells a :class:`~polymeter.events.runtime.PythonSampled` before each snapshot."""

    def poll(self, events: CanDispatchEvents) -> None:
        """Tell ``events`` which it is."""
        major, minor, patchlevel = platform.python_version_tuple()
        events.dispatch(
            PythonSampled(
                implementation=platform.python_implementation(),
                version=platform.python_version(),
                major=major,
                minor=minor,
                patchlevel=patchlevel,
            )
        )
