"""Room 2, who says so: each source turns what one client library does into events.

Importing this room, or a source, imports no client library; installing a source does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.sources.health import SourceHealth
    from polymeter.sources.lifecycle import InferenceRun, abandon_when_dropped, inference, start_inference
    from polymeter.sources.openai import OpenAISource
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "health": "SourceHealth",
            "lifecycle": "InferenceRun abandon_when_dropped inference start_inference",
            "openai": "OpenAISource",
        },
    )

__all__ = [
    "InferenceRun",
    "OpenAISource",
    "SourceHealth",
    "abandon_when_dropped",
    "inference",
    "start_inference",
]
