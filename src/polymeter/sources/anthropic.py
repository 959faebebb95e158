"""The Anthropic SDK: messages, streamed or not, with every attempt.

Works on ``anthropic.Anthropic`` and ``anthropic.AsyncAnthropic`` and what has the same base (Bedrock, Vertex, Foundry,
clients made by ``with_options``), also for clients that exist already. Responses of the SDK are not changed: a stream
is an ``anthropic.Stream``, a raw response a raw response. Nothing is added to requests, and no middleware to clients.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from polymeter.errors import MissingExtraError
from polymeter.sources.anthropic_answers import AnthropicReader
from polymeter.sources.anthropic_asked import asked_of
from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.installs import Installs
from polymeter.sources.stainless import Dialect
from polymeter.sources.stainless_hooks import StainlessHooks
from polymeter.sources.versions import check_version

if TYPE_CHECKING:
    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.subscription import Subscription

__all__ = ["AnthropicSource"]


class AnthropicSource:
    """Tells inference events of every call of ``messages`` and ``beta.messages`` in this process.

    ::

        Metrics().watch(AnthropicSource())

    Counting tokens and batches are no inferences; each round of a tool runner is one. Works with anthropic from 0.100
    on, below 3. The SDK is patched at the first install and restored at the last cancel, over all sources. Each
    dispatcher hears each event once, however often it was installed on. What is under way at a cancel is still told to
    its end.

    :param clock: times the events; left out: the clock of the dispatcher they go to.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._tally = Tally()

    def install(self, events: CanDispatchEvents) -> Subscription:
        """Begin to tell ``events``; cancelling leaves the SDK as it was found.

        :raises MissingExtraError: if the SDK is missing, or of a version that is not supported.
        """
        _check()
        return _INSTALLS.add(events, self._clock, self._tally)

    def health(self) -> SourceHealth:
        """Count what this source has seen."""
        return self._tally.health(_INSTALLS.count(self._tally))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _check() -> None:
    check_version("AnthropicSource", "anthropic", "anthropic")
    try:
        importlib.import_module("anthropic")
    except ImportError as error:
        message = (
            f"AnthropicSource needs the anthropic package, which cannot be imported ({error}): "
            "pip install 'polymeter[anthropic]'"
        )
        raise MissingExtraError(message) from error


def _patch() -> Subscription:
    sdk = importlib.import_module("anthropic")
    dialect = Dialect(sdk=sdk, clients=(sdk.Anthropic, sdk.AsyncAnthropic), asked=asked_of, reader=AnthropicReader.of)
    return StainlessHooks(dialect, lambda: _INSTALLS.audience).patch()


# All installs of this process: the classes of the SDK exist once, whoever makes a source.
_INSTALLS: Final = Installs(_patch)
