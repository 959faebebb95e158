"""What is installed here among the libraries that have a source; nothing of them is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from polymeter.sources.versions import installed_version, is_supported, supported_range

__all__ = ["OF_NO_LIBRARY", "SOURCES", "Discovered", "discover"]

SOURCES: Final = {
    "openai": "OpenAISource",
    "anthropic": "AnthropicSource",
    "google-genai": "GoogleGenAISource",
    "litellm": "LiteLLMSource",
    "instructor": "InstructorSource",
}
"""Libraries and their sources; the extra that serves a library is called as it is."""

OF_NO_LIBRARY: Final = (
    "RuntimeSource",
    "ProcessSource",
    "GarbageSource",
    "EventLoopSource",
    "ThreadsSource",
    "DiskSource",
    "PythonSource",
)
"""Sources of what every program has: there is nothing to discover, so they are asked for by name."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """A library that is installed and has a source.

    :ivar library: its name on the package index.
    :ivar version: what is installed.
    :ivar is_supported: whether the source works with that version.
    :ivar supported: the versions that it works with, such as ``>=2,<4``; ``""``: any.
    :ivar source: name of the class, in ``polymeter.sources``.
    :ivar extra: the extra of Polymeter that asks for it; ``""`` if none does.
    """

    library: str
    version: str
    is_supported: bool
    supported: str
    source: str
    extra: str


def discover() -> list[Discovered]:
    """List the libraries that are installed here and have a source.

    ::

        for name in {found.source for found in discover() if found.is_supported}:
            metrics.watch(getattr(polymeter.sources, name)())
    """
    from polymeter.sources.http_libraries import LIBRARIES

    listed = [(library, source, library, supported_range(library, library)) for library, source in SOURCES.items()]
    listed += [(each.name, "HttpSource", "", each.versions) for each in LIBRARIES.values()]
    found: list[Discovered] = []
    for library, source, extra, wanted in listed:
        version = installed_version(library)
        if version is not None:
            found.append(Discovered(library, version, is_supported(version, wanted), wanted, source, extra))
    return found
