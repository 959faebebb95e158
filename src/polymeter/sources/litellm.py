"""LiteLLM: chat and text completions and embeddings, streamed or not, of every provider that it knows.

Works for functions that were imported by name before (``from litellm import completion``). Answers are LiteLLM's own
(a stream is a ``CustomStreamWrapper``), nothing is added to requests, and ``litellm.callbacks`` is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.litellm_hooks import LITELLM_INSTALLS
from polymeter.sources.versions import check_version

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["LiteLLMSource"]


class LiteLLMSource:
    """Tells inference events of every completion and embedding that LiteLLM makes in this process.

    ::

        Metrics().watch(LiteLLMSource())

    LiteLLM's own retries (``num_retries``) and fallbacks are attempts of the same call; what the client library below
    repeats is seen only if that one has a source too (:class:`~polymeter.sources.OpenAISource`). Both together count a
    call once. A ``Router`` makes a call of LiteLLM for each deployment that it tries.

    LiteLLM is imported and patched at the first install and restored at the last cancel, over all sources. What is
    under way at a cancel is still told to its end.

    :param clock: times the events; left out: the clock of the dispatcher they go to.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._tally = Tally()

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events``; cancelling leaves LiteLLM as it was found.

        :raises MissingExtraError: if LiteLLM is missing, or of a version that is not supported.
        """
        check_version(type(self).__name__, "litellm", "litellm")
        return LITELLM_INSTALLS.add(events, self._clock, self._tally)

    def health(self) -> SourceHealth:
        """Count what this source has seen."""
        return self._tally.health(LITELLM_INSTALLS.count(self._tally))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
