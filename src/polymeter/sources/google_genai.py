"""The Google GenAI SDK: contents and embeddings of Gemini, of its own API and of Vertex AI, with every attempt.

Works on ``google.genai.Client`` and its ``aio``, also for clients that exist already; models and chats. Responses of
the SDK are not changed, a stream is a generator as before. Nothing is added to requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.sources.google_genai_hooks import GOOGLE_GENAI_INSTALLS
from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.versions import check_version

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["GoogleGenAISource"]


class GoogleGenAISource:
    """Tells inference events of every request for contents and embeddings that this process sends to Gemini.

    ::

        Metrics().watch(GoogleGenAISource())

    A call that sends several requests, because the SDK calls functions and sends their results, is several executions.
    The SDK is patched at the first install and restored at the last cancel, over all sources. Each dispatcher hears
    each event once, however often it was installed on. What is under way at a cancel is still told to its end.

    :param clock: times the events; left out: the clock of the dispatcher they go to.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._tally = Tally()

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events``; cancelling leaves the SDK as it was found.

        :raises MissingExtraError: if the SDK is missing, or of a version that is not supported.
        """
        check_version(type(self).__name__, "google-genai", "google-genai")
        return GOOGLE_GENAI_INSTALLS.add(events, self._clock, self._tally)

    def health(self) -> SourceHealth:
        """Count what this source has seen."""
        return self._tally.health(GOOGLE_GENAI_INSTALLS.count(self._tally))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
