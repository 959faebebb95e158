"""How things are written down, a file per format. A new format is one new file and one line in the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from polymeter.testing.provider.formats.anthropic import CountedTokens, Messages
from polymeter.testing.provider.formats.chat import Chat
from polymeter.testing.provider.formats.completions import Completions
from polymeter.testing.provider.formats.embeddings import Embeddings
from polymeter.testing.provider.formats.gemini import GeminiContents, GeminiTokenCount
from polymeter.testing.provider.formats.gemini_embeddings import (
    GeminiBatchEmbeddings,
    GeminiEmbedding,
    GeminiPredictions,
)
from polymeter.testing.provider.formats.models import Models
from polymeter.testing.provider.formats.responses import FetchedResponses, Responses

if TYPE_CHECKING:
    from polymeter.testing.provider.formats.base import Format

__all__ = ["FORMATS"]

FORMATS: Final[tuple[Format, ...]] = (
    Chat(),
    Completions(),
    Responses(),
    FetchedResponses(),
    Embeddings(),
    Models(),
    Messages(),
    CountedTokens(),
    GeminiContents(),
    GeminiEmbedding(),
    GeminiBatchEmbeddings(),
    GeminiPredictions(),
    GeminiTokenCount(),
)
"""All formats; the first one also writes the errors for paths that belong to none."""
