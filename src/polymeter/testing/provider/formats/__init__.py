"""How things are written down, a file per format. A new format is one new file and one line in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.testing.provider.formats.chat import Chat
from polymeter.testing.provider.formats.embeddings import Embeddings
from polymeter.testing.provider.formats.models import Models

if TYPE_CHECKING:
    from polymeter.testing.provider.formats.base import Format

__all__ = ["FORMATS"]

FORMATS: Final[tuple[Format, ...]] = (Chat(), Embeddings(), Models())
"""All formats; the first one also writes the errors for paths that belong to none."""
