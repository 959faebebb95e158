"""Room 2, who says so: each source turns what one client library does, or the process itself, into events.

Importing this room, or a source, imports no client library; installing a source does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.lazily import lazily

if TYPE_CHECKING:
    from polymeter.sources.anthropic import AnthropicSource
    from polymeter.sources.discovery import Discovered, discover
    from polymeter.sources.disk import DiskSource
    from polymeter.sources.event_loop import EventLoopSource
    from polymeter.sources.garbage import GarbageSource
    from polymeter.sources.google_genai import GoogleGenAISource
    from polymeter.sources.health import SourceHealth
    from polymeter.sources.http import HttpSource
    from polymeter.sources.instructor import InstructorSource
    from polymeter.sources.lifecycle import InferenceRun, abandon_when_dropped, inference, start_inference
    from polymeter.sources.litellm import LiteLLMSource
    from polymeter.sources.openai import OpenAISource
    from polymeter.sources.process import ProcessSource
    from polymeter.sources.python_info import PythonSource
    from polymeter.sources.runtime import RuntimeSource
    from polymeter.sources.threads import ThreadsSource
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "anthropic": "AnthropicSource",
            "discovery": "Discovered discover",
            "google_genai": "GoogleGenAISource",
            "health": "SourceHealth",
            "http": "HttpSource",
            "instructor": "InstructorSource",
            "lifecycle": "InferenceRun abandon_when_dropped inference start_inference",
            "litellm": "LiteLLMSource",
            "openai": "OpenAISource",
            "threads": "ThreadsSource",
            "runtime": "RuntimeSource",
            "python_info": "PythonSource",
            "process": "ProcessSource",
            "garbage": "GarbageSource",
            "event_loop": "EventLoopSource",
            "disk": "DiskSource",
        },
    )

__all__ = [
    "AnthropicSource",
    "Discovered",
    "DiskSource",
    "EventLoopSource",
    "GarbageSource",
    "GoogleGenAISource",
    "HttpSource",
    "InferenceRun",
    "InstructorSource",
    "LiteLLMSource",
    "OpenAISource",
    "ProcessSource",
    "PythonSource",
    "RuntimeSource",
    "SourceHealth",
    "ThreadsSource",
    "abandon_when_dropped",
    "discover",
    "inference",
    "start_inference",
]
