"""The OpenAI SDK: responses, chat completions, legacy completions and embeddings, with every attempt.

Works on ``openai.OpenAI`` and ``openai.AsyncOpenAI`` and what derives from them (``AzureOpenAI``, the module's own
client, clients made by ``with_options``), also for clients that exist already. Responses of the SDK are not changed:
a stream is an ``openai.Stream``, a raw response a raw response. Nothing is added to requests; a stream has no usage
unless the caller asks for it (``stream_options={"include_usage": True}``).
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from polymeter.errors import MissingExtraError
from polymeter.sources.health import SourceHealth, Tally
from polymeter.sources.installs import Installs
from polymeter.sources.openai_answers import AnswerReader
from polymeter.sources.openai_asked import OpenAIAsked, asked_of
from polymeter.sources.openai_responses import ResponsesReader
from polymeter.sources.stainless import Dialect
from polymeter.sources.stainless_hooks import StainlessHooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.clock import Clock
    from polymeter.contracts import CanDispatchEvents
    from polymeter.sources.lifecycle import InferenceRun
    from polymeter.subscription import Subscription

__all__ = ["OpenAISource"]

_SUPPORTED: Final = (2, 3)
_FIX = "pip install 'polymeter[openai]'"


class OpenAISource:
    """Tells inference events of every call of ``responses``, ``completions`` and ``embeddings`` in this process.

    ::

        Metrics().watch(OpenAISource())

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
        _check_version()
        return _INSTALLS.add(events, self._clock, self._tally)

    def health(self) -> SourceHealth:
        """Count what this source has seen."""
        return self._tally.health(_INSTALLS.count(self._tally))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _check_version() -> None:
    try:
        sdk: Any = importlib.import_module("openai")
    except ImportError as error:
        message = f"OpenAISource needs the openai package, which cannot be imported ({error}): {_FIX}"
        raise MissingExtraError(message) from error
    version = str(getattr(sdk, "__version__", None) or getattr(sdk, "VERSION", "unknown"))
    if version.partition(".")[0] not in map(str, _SUPPORTED):
        message = (
            f"OpenAISource needs openai >={_SUPPORTED[0]},<{_SUPPORTED[-1] + 1}, "
            f"and openai {version} is installed: {_FIX}"
        )
        raise MissingExtraError(message)


def _reader(run: InferenceRun, asked: OpenAIAsked, surprised: Callable[[], None]) -> AnswerReader:
    run.input_count = asked.input_count
    return (ResponsesReader if asked.responds else AnswerReader)(run, asked.choices, surprised)


def _patch() -> Subscription:
    sdk = importlib.import_module("openai")
    clients = (sdk.OpenAI, sdk.AsyncOpenAI)
    dialect = Dialect(sdk=sdk, clients=clients, asked=partial(asked_of, sdk), reader=_reader)
    return StainlessHooks(dialect, lambda: _INSTALLS.audience).patch()


# All installs of this process: the classes of the SDK exist once, whoever makes a source.
_INSTALLS: Final = Installs(_patch)
