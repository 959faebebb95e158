"""What tells this process from all others."""

from __future__ import annotations

import os
from uuid import UUID

__all__ = ["instance_id"]

_ids: dict[int, str] = {}
"""Process id -> what it is told by; a forked child has another process id, and so finds none."""


def instance_id() -> str:
    """Give a random UUID for ``service.instance.id``: one for as long as the process lives, another in its children."""
    pid = os.getpid()
    found = _ids.get(pid)
    if found is None:
        found = _ids.setdefault(pid, str(UUID(bytes=os.urandom(16), version=4)))  # one step: threads agree
        for other in [each for each in list(_ids) if each != pid]:  # of a parent, whose number may come again
            _ids.pop(other, None)
    return found
