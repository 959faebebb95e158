"""The names of the OpenTelemetry GenAI conventions: what a measurement is called in each generation of them.

They are written down here and nowhere else. All of them have the status *Development*: when a name moves, a line here
does; a further generation is a further mapping.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

__all__ = ["CURRENT", "DURATION_BOUNDS", "NEXT", "TOKEN_BOUNDS", "GenAINames"]

GenAINames: TypeAlias = Literal["current", "next", "both"]
"""``current``: what today's instrumentations emit. ``next``: the names split by operation. ``both``: side by side."""

CURRENT: Final = {
    "duration": "gen_ai.client.operation.duration",
    "time to first chunk": "gen_ai.client.operation.time_to_first_chunk",
    "time per output chunk": "gen_ai.client.operation.time_per_output_chunk",
    "input tokens of a call": "gen_ai.client.token.usage",
    "output tokens of a call": "gen_ai.client.token.usage",
    "embeddings duration": "gen_ai.client.operation.duration",
    "embeddings input tokens of a call": "gen_ai.client.token.usage",
}
"""What is measured -> its name today."""

NEXT: Final = {
    "duration": "gen_ai.client.inference.duration",
    "time to first chunk": "gen_ai.client.inference.time_to_first_chunk",
    "time per output chunk": "gen_ai.client.inference.time_per_output_chunk",
    "input tokens of a call": "gen_ai.client.inference.operation.input_tokens",
    "output tokens of a call": "gen_ai.client.inference.operation.output_tokens",
    "embeddings duration": "gen_ai.client.embeddings.duration",
    "embeddings input tokens of a call": "gen_ai.client.embeddings.operation.input_tokens",
    "input tokens": "gen_ai.client.inference.usage.input_tokens",
    "output tokens": "gen_ai.client.inference.usage.output_tokens",
    "tokens read from a cache": "gen_ai.client.inference.usage.cache_read.input_tokens",
    "tokens written to a cache": "gen_ai.client.inference.usage.cache_write.input_tokens",
    "reasoning tokens": "gen_ai.client.inference.usage.reasoning.output_tokens",
}
"""What is measured -> its name in the generation that splits by operation."""

DURATION_BOUNDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bucket bounds of every duration, in seconds."""

TOKEN_BOUNDS: Final = tuple(4.0**power for power in range(14))
"""Bucket bounds of every number of tokens: 1, 4, 16, ..., 67108864."""
