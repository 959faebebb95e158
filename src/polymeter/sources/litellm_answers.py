"""What LiteLLM's answers say about a run. They look like OpenAI's, whoever answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from polymeter.events.usage import Usage
from polymeter.sources.openai_answers import part, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["LiteLLMReader", "host_of"]

# Providers that do not say how much of the answer is reasoning: for those LiteLLM estimates it from the text.
_REASONING_IS_ESTIMATED: Final = ("anthropic",)


class LiteLLMReader:
    """Reads usage, finish reason and model; never raises.

    LiteLLM fills in what the provider did not report: zeros in a whole answer, a count of its own in a stream. Neither
    is a report. In a stream the provider's are those of the chunks that LiteLLM keeps (``stream.chunks``), not of
    those that it hands out.

    :param run: is told.
    :param provider: who answers.
    :param choices: how many answers were asked for (``n``); a stream is whole when all of them have a finish reason.
    :param surprised: called, once per run, when something has a shape that cannot be read.
    """

    __slots__ = ("_kept", "_provider", "_reason", "_run", "_seen", "_surprised", "_unfinished", "_used")

    def __init__(self, run: InferenceRun, provider: str, choices: int, surprised: Callable[[], None]) -> None:
        self._run = run
        self._provider = provider
        self._unfinished = choices
        self._surprised: Callable[[], None] | None = surprised
        self._reason: str | None = None
        self._kept: list[object] = []
        self._seen = 0
        self._used: dict[str, int] = {}

    def follow(self, kept: list[object]) -> None:
        """Look for usage in these chunks, which become more."""
        self._kept = kept

    def chunk(self, chunk: Any, /) -> bool:
        """Read a chunk of a stream; tell whether it has content."""
        content = False
        try:
            for choice in chunk.choices or ():
                content = content or _has_content(choice)
                if choice.finish_reason is not None:
                    self._finished(choice)
            if self._run.response_model is None:
                self._run.response_model = text(chunk.model)
            self._look()
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
        return content

    def whole(self, answer: Any, /) -> None:
        """Read an answer."""
        try:
            self._run.response_model = text(part(answer, "model"))
            choices = part(answer, "choices")
            if choices:
                self._run.finish_reason = text(part(choices[0], "finish_reason"))
            elif self._run.input_count is not None:
                data = part(answer, "data")
                vector = part(data[0], "embedding") if data else None
                self._run.dimensions = len(cast("list[float]", vector)) if isinstance(vector, list) else None
            self._usage(part(answer, "usage"))
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def settle(self) -> None:
        """Keep what came last."""
        try:
            self._look()
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()
        if self._run.finish_reason is None:
            self._run.finish_reason = self._reason

    def surprise(self) -> None:
        """Count that something could not be read."""
        surprised, self._surprised = self._surprised, None
        if surprised is not None:
            surprised()

    def _finished(self, choice: Any) -> None:
        if self._reason is None or choice.index == 0:
            self._reason = text(choice.finish_reason)
        self._unfinished -= 1
        if self._unfinished <= 0:
            self._run.finish_reason = self._reason

    def _look(self) -> None:
        kept = self._kept
        if self._seen < len(kept):
            for chunk in kept[self._seen :]:
                self._usage(part(chunk, "usage"))
            self._seen = len(kept)

    def _usage(self, usage: Any) -> None:
        if usage is None:
            return
        prompt, completion = part(usage, "prompt_tokens_details"), part(usage, "completion_tokens_details")
        estimated = self._provider in _REASONING_IS_ESTIMATED
        now = {
            "input": part(usage, "prompt_tokens"),
            "output": part(usage, "completion_tokens"),
            "cache_read": part(prompt, "cached_tokens"),
            "cache_write": part(prompt, "cache_creation_tokens") or part(usage, "cache_creation_input_tokens"),
            "reasoning": None if estimated else part(completion, "reasoning_tokens"),
        }
        # Each report of a stream is a total; one may have only a part of them (Anthropic: first those of the prompt).
        self._used.update({name: tokens for name, tokens in now.items() if tokens})
        used = {"input": 0, "output": 0, **self._used}
        if used["input"] or used["output"]:
            self._run.usage(Usage.from_inclusive(**used))


def _has_content(choice: Any) -> bool:
    """Tell whether a choice of a chunk has output; LiteLLM's deltas may lack any field."""
    delta = part(choice, "delta")
    if delta is None:
        return bool(part(choice, "text"))
    if part(delta, "content") or part(delta, "reasoning_content") or part(delta, "thinking_blocks"):
        return True
    calls = part(delta, "tool_calls") or ()
    functions = [part(delta, "function_call"), *(part(call, "function") for call in calls)]
    return bool(part(delta, "audio")) or any(part(each, "arguments") for each in functions)


def host_of(url: object) -> str | None:
    """Give the host of a URL, and nothing else of it."""
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None
