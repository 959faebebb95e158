"""What the answers of the OpenAI SDK say about a run. Their shapes are the provider's: nothing here may trust them.

An answer is a model of the SDK, or its JSON, which is read in the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from polymeter.events.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from polymeter.sources.lifecycle import InferenceRun

__all__ = ["AnswerReader", "part", "text"]

# Fields of a delta that the SDK does not know, by which providers that speak its language send reasoning.
_REASONING: Final = ("reasoning_content", "reasoning")


class AnswerReader:
    """Reads usage, finish reason and model of completions and embeddings; never raises.

    :param run: is told.
    :param choices: how many answers were asked for (``n``); a stream is whole when all of them have a finish reason.
    :param surprised: called, once per run, when something has a shape that cannot be read.
    :ivar failure: stands for what went wrong by the provider's own word, if the SDK raises nothing for it.
    """

    __slots__ = ("_reason", "_run", "_surprised", "_unfinished", "failure")

    def __init__(self, run: InferenceRun, choices: int, surprised: Callable[[], None]) -> None:
        self._run = run
        self._unfinished = choices
        self._surprised: Callable[[], None] | None = surprised
        self._reason: str | None = None
        self.failure: Exception | None = None

    def chunk(self, chunk: Any, /) -> bool:
        """Read a chunk of a stream; tell whether it has content."""
        content = False
        try:
            for choice in chunk.choices or ():
                content = content or has_content(choice)
                if choice.finish_reason is not None:
                    self._finished(choice)
            if self._run.response_model is None:
                self._run.response_model = text(chunk.model)
            if chunk.usage is not None:
                self._usage(chunk.usage)
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
                self._run.dimensions = _dimensions(part(answer, "data"))
            self._usage(part(answer, "usage"))
        except Exception:  # noqa: BLE001 - the host must not notice
            self.surprise()

    def settle(self) -> None:
        """Keep the finish reason of a stream that ended before all of its answers had one."""
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

    def _usage(self, usage: Any) -> None:
        read = part(usage, "prompt_tokens")
        written = part(usage, "completion_tokens")
        if read is None and written is None:
            return  # no report: no usage at all, or one with nothing in it
        prompt, completion = part(usage, "prompt_tokens_details"), part(usage, "completion_tokens_details")
        self._run.usage(
            Usage.from_inclusive(
                input=read or 0,
                output=written or 0,  # embeddings write nothing and do not say so
                cache_read=part(prompt, "cached_tokens") or 0,
                cache_write=part(prompt, "cache_write_tokens") or 0,
                reasoning=part(completion, "reasoning_tokens") or 0,
            )
        )


def has_content(choice: Any) -> bool:
    """Tell whether a choice of a chunk has output: text, reasoning, arguments of a tool call, audio."""
    delta = part(choice, "delta")
    if delta is None:
        return bool(part(choice, "text"))
    if delta.content or delta.refusal:
        return True
    calls = delta.tool_calls
    if calls and any(_arguments(part(call, "function")) or _arguments(part(call, "custom")) for call in calls):
        return True
    if _arguments(delta.function_call):
        return True
    unknown = delta.model_extra  # of a model of the SDK: what it has no field for
    return (unknown is None or bool(unknown)) and _more_content(delta if unknown is None else unknown)


def _more_content(fields: dict[str, Any]) -> bool:
    audio = fields.get("audio")
    spoken = isinstance(audio, dict) and bool(part(audio, "data") or part(audio, "transcript"))
    return spoken or any(fields.get(name) for name in _REASONING)


def _arguments(call: Any) -> bool:
    return call is not None and bool(part(call, "arguments") or part(call, "input"))


def _dimensions(data: Any) -> int | None:
    """Give the length of the first vector: a list of numbers, or base64 of 32-bit floats."""
    if not data:
        return None
    vector = part(data[0], "embedding")
    return (len(vector.rstrip("=")) * 3 // 4) // 4 if isinstance(vector, str) else len(vector)


def part(thing: Any, name: str) -> Any:
    """Give a part of an answer, ``None`` if it has none of that name."""
    return cast("dict[str, Any]", thing).get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def text(value: object) -> str | None:
    """Give ``value`` if it is a text with something in it."""
    return value if isinstance(value, str) and value else None
