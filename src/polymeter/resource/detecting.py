"""Everything that can be found out, in one mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.resource.container import container_of
from polymeter.resource.host import host
from polymeter.resource.process import process

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["detected"]


def detected(root: Path | None = None) -> dict[str, str | int]:
    """Give what is known of this process, its host and its container.

    :param root: where the file system begins; default: ``/``.
    """
    return {**host(root), **container_of(root), **process()}
